# SPDX-License-Identifier: Apache-2.0
"""Modules for `evaluate.load`, one folder each; see `emoclip.metrics.module_path`."""
