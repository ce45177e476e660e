# SPDX-License-Identifier: Apache-2.0
"""Folder of the `evaluate` module `macro_f1`."""
