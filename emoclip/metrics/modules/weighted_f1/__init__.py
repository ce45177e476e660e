# SPDX-License-Identifier: Apache-2.0
"""Folder of the `evaluate` module `weighted_f1`."""
