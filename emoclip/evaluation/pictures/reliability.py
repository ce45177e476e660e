# SPDX-License-Identifier: Apache-2.0
"""The reliability plot: how often a model is right, against how sure it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emoclip.evaluation.pictures.canvas import new_figure, save
from emoclip.metrics import ReliabilityBins


def plot_reliability(bins: ReliabilityBins, path: str | Path, *, error: float | None = None, title: str = "") -> Path:
    """Draws accuracy over confidence, with the number of clips of each bin below, and returns the path.

    Args:
        bins: As `emoclip.metrics.reliability_bins` gives them.
        path: The file to write.
        error: Expected calibration error, for the legend.
        title: Text above.
    """
    figure = new_figure(5.2, 5.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = bins.counts > 0
    left, widths = bins.edges[:-1][filled], np.diff(bins.edges)[filled]
    top.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--", label="as often as it is sure")
    name = "accuracy" if error is None else f"accuracy (calibration error {error:.3f})"
    top.bar(left, bins.accuracy[filled], widths, align="edge", color="#0072B2", edgecolor="white", label=name)
    top.plot(
        bins.confidence[filled], bins.accuracy[filled], "o", color="#D55E00", markersize=4, label="mean confidence"
    )
    top.set_ylim(0, 1)
    top.set_xlim(0, 1)
    top.set_ylabel("share of right clips")
    top.set_title(title, fontsize=10)
    top.legend(fontsize=8, loc="upper left", framealpha=1)
    bottom.bar(left, bins.counts[filled], widths, align="edge", color="#999999", edgecolor="white")
    bottom.set_ylabel("clips")
    bottom.set_xlabel("highest score of a clip")
    return save(figure, path)


__all__ = ["plot_reliability"]
