# SPDX-License-Identifier: Apache-2.0
"""All pictures of a report, as far as its tables have something to draw."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.evaluation.comparisons import Table
from emoclip.evaluation.embeddings import EmbeddingTable
from emoclip.evaluation.pictures.attention_maps import plot_attention
from emoclip.evaluation.pictures.class_bars import plot_class_bars
from emoclip.evaluation.pictures.confusion_matrix import plot_confusion_matrix
from emoclip.evaluation.pictures.embedding_clouds import plot_pca, plot_tsne
from emoclip.evaluation.pictures.prompt_sensitivity import plot_prompt_sensitivity
from emoclip.evaluation.pictures.reliability import plot_reliability
from emoclip.evaluation.predictions import PredictionTable
from emoclip.metrics import are_probabilities, reliability_bins


# Systems whose bars and clouds stand beside one another; more would be too small to see.
MAX_SYSTEMS = 4
CONFUSION = "confusion_matrix.png"


def draw_section(
    section: int, tables: Sequence[Table], report: Mapping[str, Any], folder: str | Path
) -> list[dict[str, Any]]:
    """Draws the pictures of one section and returns `section`, `kind`, `file` and `caption` of each.

    Args:
        section: Its number; the first section's files have no number in their names.
        tables: The section's, the main one first.
        report: As `emoclip.evaluation.results.summarize` gives it.
        folder: Where to write.
    """
    main = tables[0]
    if not isinstance(main, PredictionTable):
        return []
    results = [result for result in report["results"] if result["section"] == section]
    pictures: list[dict[str, Any]] = []
    ending = "" if section == 0 else f".{section:02d}_{re.sub(r'[^A-Za-z0-9_-]+', '_', main.protocol)}"
    name = f"{main.system}, {main.prompt_set}"

    def target(kind: str, caption: str) -> Path:
        file = f"{kind}{ending}.png"
        pictures.append({"section": section, "kind": kind, "file": file, "caption": caption})
        return Path(folder) / file

    plot_confusion_matrix(
        results[0]["confusion_matrix"],
        main.class_names,
        target("confusion_matrix", f"Confusion matrix of {name}"),
        title=f"{name}: UAR {100 * results[0]['uar']:.1f} %, {len(main.clip_ids)} clips",
    )
    chosen = [result for result in results if result["prompt_set"] == main.prompt_set][:MAX_SYSTEMS]
    recall = {r["system"]: [r["per_class_recall"].get(c) for c in main.class_names] for r in chosen}
    chance = 1 / len(main.class_names)
    path = target("class_recall", f"Recall of each class, prompt set {main.prompt_set}")
    plot_class_bars(recall, main.class_names, path, chance=chance)
    if are_probabilities(main.scores):
        path = target("reliability", f"Reliability of {name}: how often it is right, by its highest score")
        bins = reliability_bins(np.asarray(main.references), main.scores)
        plot_reliability(bins, path, error=results[0]["calibration_error"], title=name)
    spread = {
        system: {r["prompt_set"]: _value_and_interval(r) for r in results if r["system"] == system}
        for system in list(dict.fromkeys(r["system"] for r in results))[:MAX_SYSTEMS]
    }
    # The several results of a probe's system are of kinds of probes, not of wordings.
    if len(spread[main.system]) > 1 and main.protocol.split(".")[0] != "linear_probe":
        label = "UAR, mean of folds" if results[0]["folds"] else "UAR"
        path = target("prompt_sensitivity", f"{label}, of every prompt set, with intervals")
        plot_prompt_sensitivity(spread, path, label=label, chance=chance)
    return pictures


def _value_and_interval(result: Mapping[str, Any]) -> tuple[float, Sequence[float] | None]:
    """UAR as papers report it: with folds their mean and the interval between them."""
    folds = (result["folds"] or {}).get("uar")
    return (folds["mean"], folds["interval"]) if folds else (result["uar"], result["uar_interval"])


def draw_embeddings(embeddings: Sequence[EmbeddingTable], folder: str | Path) -> list[dict[str, Any]]:
    """Draws the clouds of the first systems and returns what `draw_section` returns."""
    tables = [table for table in embeddings if len(table.clip_ids) >= 3][:MAX_SYSTEMS]
    if not tables:
        return []
    names = ", ".join(table.system for table in tables)
    plot_pca(tables, Path(folder) / "embeddings_pca.png")
    plot_tsne(tables, Path(folder) / "embeddings_tsne.png")
    return [
        {
            "section": None,
            "kind": "embeddings",
            "file": "embeddings_pca.png",
            "caption": f"Clips in the first three principal components: {names}",
        },
        {
            "section": None,
            "kind": "embeddings",
            "file": "embeddings_tsne.png",
            "caption": f"Clips by t-SNE of cosine distances: {names}",
        },
    ]


def draw_attention(folder: str | Path) -> list[dict[str, Any]]:
    """Draws the subject token's attention of every system that has some, and returns what `draw_section` returns."""
    # Late, because reading needs no model but its module does.
    if not (Path(folder) / "attention").is_dir():
        return []
    from emoclip.evaluation.subject_attention import read_attention

    pictures = []
    for system, maps in read_attention(folder).items():
        file = f"attention.{re.sub(r'[^A-Za-z0-9_-]+', '_', system)}.png"
        plot_attention(maps, Path(folder) / file, title=system)
        caption = f"Attention of {system}'s subject token over the patches, last layer, mean over heads"
        pictures.append({"section": None, "kind": "attention", "file": file, "caption": caption})
    return pictures


__all__ = ["CONFUSION", "MAX_SYSTEMS", "draw_attention", "draw_embeddings", "draw_section"]
