# SPDX-License-Identifier: Apache-2.0
"""Folder of the `evaluate` module `retrieval_ranks`."""
