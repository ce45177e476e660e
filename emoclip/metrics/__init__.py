# SPDX-License-Identifier: Apache-2.0
"""Metrics as pure functions, their uncertainty, and the same as modules of the `evaluate` library."""

from .bootstrap import (
    PairedDifference,
    bootstrap_interval,
    bootstrap_intervals,
    chance_interval,
    paired_bootstrap_difference,
)
from .calibration import (
    ReliabilityBins,
    are_probabilities,
    brier_score,
    expected_calibration_error,
    reliability_bins,
)
from .classification import (
    balanced_accuracy,
    class_labels,
    confusion_matrix,
    macro_f1,
    per_class_f1,
    per_class_precision,
    per_class_recall,
    uar,
    war,
    weighted_f1,
)
from .folds import FoldSummary, fold_mean, fold_values, summarize_folds
from .groups import balanced, group_gap, per_group, subject_balanced_uar
from .loading import load_module, module_names, module_path
from .paired_scores import PairedScores, paired_score_differences
from .regression import ccc, mae, mse, pcc, per_target, r2, rmse
from .resampling import Interval
from .retrieval import median_rank, precision_at_k, recall_at_k, retrieval_metrics, retrieval_ranks
from .score_bootstrap import ScoreIntervals, score_intervals
from .scores import (
    UndefinedMetricError,
    auc,
    mean_average_precision,
    per_class_auc,
    per_class_average_precision,
    top_k_accuracy,
)
from .significance import holm_adjusted, mcnemar_p, paired_folds_p, paired_permutation_p


__all__ = [
    "FoldSummary",
    "Interval",
    "PairedDifference",
    "PairedScores",
    "ReliabilityBins",
    "ScoreIntervals",
    "UndefinedMetricError",
    "are_probabilities",
    "auc",
    "balanced",
    "balanced_accuracy",
    "bootstrap_interval",
    "bootstrap_intervals",
    "brier_score",
    "ccc",
    "chance_interval",
    "class_labels",
    "confusion_matrix",
    "expected_calibration_error",
    "fold_mean",
    "fold_values",
    "group_gap",
    "holm_adjusted",
    "load_module",
    "macro_f1",
    "mae",
    "mcnemar_p",
    "mean_average_precision",
    "median_rank",
    "module_names",
    "module_path",
    "mse",
    "paired_bootstrap_difference",
    "paired_folds_p",
    "paired_permutation_p",
    "paired_score_differences",
    "pcc",
    "per_class_auc",
    "per_class_average_precision",
    "per_class_f1",
    "per_class_precision",
    "per_class_recall",
    "per_group",
    "per_target",
    "precision_at_k",
    "r2",
    "recall_at_k",
    "reliability_bins",
    "retrieval_metrics",
    "retrieval_ranks",
    "rmse",
    "score_intervals",
    "subject_balanced_uar",
    "summarize_folds",
    "top_k_accuracy",
    "uar",
    "war",
    "weighted_f1",
]
