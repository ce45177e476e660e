# SPDX-License-Identifier: Apache-2.0
"""Embeddings as clouds of points: PCA in three dimensions and t-SNE in two, one panel a system, such as before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.console import require
from emoclip.evaluation.embeddings import EmbeddingTable
from emoclip.evaluation.pictures.canvas import new_figure, save, styles


# More points cover one another, and t-SNE takes long.
MAX_POINTS = 1000
_PERPLEXITY = 30.0
_NO_CLASS = "no class"


def plot_pca(tables: Sequence[EmbeddingTable], path: str | Path, *, max_points: int = MAX_POINTS) -> Path:
    """Draws the first three principal components of the clips' embeddings, texts as crosses, and returns the path.

    The components are those of the clips; the axes say how much of the variance each holds. Embeddings are taken to length 1.

    Args:
        tables: One panel each.
        path: The file to write.
        max_points: Clips that are drawn, an even selection of all.

    Raises:
        ValueError: If a table has fewer than two clips.
    """
    columns, lines = _panels(len(tables))
    figure = new_figure(6.0 * columns, 5.4 * lines)
    for number, table in enumerate(tables, start=1):
        clips, texts, labels = _points(table, max_points)
        components, shares = principal_components(clips, 3)
        axes: Any = figure.add_subplot(lines, columns, number, projection="3d")
        centre = clips.mean(axis=0)
        _scatter(axes, (clips - centre) @ components.T, labels, table.class_names)
        if len(texts):
            _crosses(axes, (texts - centre) @ components.T, table)
        for axis, share, name in zip((axes.xaxis, axes.yaxis, axes.zaxis), shares, "123", strict=True):
            axis.set_label_text(f"component {name} ({100 * share:.0f} %)", fontsize=8)
            axis.set_tick_params(labelsize=6)
        axes.set_title(f"{table.system}: {len(clips)} clips", fontsize=10)
        # The layout does not see the label of the third axis.
        axes.set_box_aspect(None, zoom=0.84)
    _legend(figure, tables)
    return save(figure, path)


def plot_tsne(
    tables: Sequence[EmbeddingTable], path: str | Path, *, max_points: int = MAX_POINTS, seed: int = 0
) -> Path:
    """Draws the clips' embeddings and the texts in two dimensions by t-SNE of cosine distances, and returns the path.

    Distances between clusters mean little in t-SNE; which clips lie together means something.

    Args:
        tables: One panel each.
        path: The file to write.
        max_points: Clips that are drawn, an even selection of all.
        seed: Of t-SNE.

    Raises:
        ValueError: If a table has fewer than two clips.
        ImportError: If scikit-learn is not installed.
    """
    columns, lines = _panels(len(tables))
    figure = new_figure(6.0 * columns, 5.0 * lines)
    for number, table in enumerate(tables, start=1):
        clips, texts, labels = _points(table, max_points)
        places = _tsne(np.concatenate([clips, texts]) if len(texts) else clips, seed)
        axes = figure.add_subplot(lines, columns, number)
        _scatter(axes, places[: len(clips)], labels, table.class_names)
        if len(texts):
            _crosses(axes, places[len(clips) :], table)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{table.system}: {len(clips)} clips", fontsize=10)
    _legend(figure, tables)
    return save(figure, path)


def principal_components(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions of most variance, (count, D) of length 1, and the share of the variance that each holds, (count,).

    Where the points span fewer dimensions, the remaining directions are 0 and hold nothing. The sign is fixed: the largest
    number of a direction is positive.
    """
    _, widths, directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    directions = (
        directions * np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
    )
    variance = widths**2
    shares = variance / variance.sum() if variance.sum() > 0 else variance
    missing = max(0, count - len(directions))
    return (
        np.concatenate([directions[:count], np.zeros((missing, points.shape[1]))]),
        np.concatenate([shares[:count], np.zeros(missing)]),
    )


def _tsne(points: np.ndarray, seed: int) -> np.ndarray:
    manifold, threads = require("sklearn.manifold", "evaluate"), require("threadpoolctl", "evaluate")
    perplexity = min(_PERPLEXITY, max(1.0, (len(points) - 1) / 3))
    # Points of length 1: squared Euclidean distances are twice the cosine distances.
    # One thread: t-SNE's threads wait for one another, and where the processors are shared that takes many times as long.
    with threads.threadpool_limits(1):
        return manifold.TSNE(n_components=2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(
            points
        )


def _points(table: EmbeddingTable, max_points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clips and texts of length 1, and the clips' class names."""
    if len(table.clip_ids) < 3:
        raise ValueError(f"A cloud needs at least 3 clips, got {len(table.clip_ids)} of {table.system}.")
    rows = np.linspace(0, len(table.clip_ids) - 1, min(max_points, len(table.clip_ids))).astype(int)
    names = np.array([table.class_names[i] if i >= 0 else _NO_CLASS for i in np.asarray(table.references)[rows]])
    texts = _unit(table.text_embeds) if len(table.texts) else np.zeros((0, np.shape(table.video_embeds)[1]))
    return _unit(np.asarray(table.video_embeds)[rows]), texts, names


def _unit(embeds: np.ndarray) -> np.ndarray:
    embeds = np.asarray(embeds, dtype=np.float64)
    return embeds / np.maximum(np.linalg.norm(embeds, axis=1, keepdims=True), 1e-12)


def _panels(count: int) -> tuple[int, int]:
    """Panels side by side, three at most, and how many lines of them: four are two lines of two."""
    lines = -(-count // 3)
    return -(-count // lines), lines


def _scatter(axes: Any, places: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    # A few points must be seen, and a thousand must not cover one another.
    size = float(np.clip(6000 / len(places), 9, 36))
    # In three dimensions points further away would fade, as if they counted less.
    flat = {"depthshade": False} if places.shape[1] == 3 else {}
    for name, (colour, mark) in _styles(class_names).items():
        chosen = places[labels == name]
        if len(chosen):
            axes.scatter(*chosen.T, s=size, c=colour, marker=mark, alpha=0.65, linewidths=0, **flat)


def _crosses(axes: Any, places: np.ndarray, table: EmbeddingTable) -> None:
    """Texts in the colour of their class, black around it to stand out."""
    looks = _styles(table.class_names)
    for place, name in zip(places, table.text_classes, strict=True):
        colour = looks.get(name, ("black", ""))[0]
        axes.scatter(*place[:, None], s=90, c="black", marker="X", linewidths=0)
        axes.scatter(*place[:, None], s=38, c=colour, marker="X", linewidths=0)


def _legend(figure: Any, tables: Sequence[EmbeddingTable]) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, colour: str, mark: str, size: float = 5.0) -> Line2D:
        return Line2D([], [], linestyle="", color=colour, marker=mark, markersize=size, label=label)

    looks = _styles(tables[0].class_names)
    used = {table.class_names[i] if i >= 0 else _NO_CLASS for table in tables for i in table.references}
    entries = [entry(name, *look) for name, look in looks.items() if name in used]
    if any(len(table.texts) for table in tables):
        entries.append(entry("text of the class", "black", "X", 8.0))
    figure.legend(handles=entries, loc="outside right upper", fontsize=8)


def _styles(class_names: Sequence[str]) -> dict[str, tuple[str, str]]:
    return {**styles(class_names), _NO_CLASS: ("#CCCCCC", ".")}


__all__ = ["MAX_POINTS", "plot_pca", "plot_tsne", "principal_components"]
