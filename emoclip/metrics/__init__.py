# SPDX-License-Identifier: Apache-2.0
"""Metrics as pure functions, their uncertainty, and the same as modules of the `evaluate` library."""

from .bootstrap import Interval, PairedDifference, bootstrap_interval, chance_interval, paired_bootstrap_difference
from .classification import class_labels, confusion_matrix, macro_f1, per_class_recall, uar, war
from .loading import load_module, module_path


__all__ = [
    "Interval",
    "PairedDifference",
    "bootstrap_interval",
    "chance_interval",
    "class_labels",
    "confusion_matrix",
    "load_module",
    "macro_f1",
    "module_path",
    "paired_bootstrap_difference",
    "per_class_recall",
    "uar",
    "war",
]
