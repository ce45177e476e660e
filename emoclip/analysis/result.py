# SPDX-License-Identifier: Apache-2.0
"""The tables that an analysis hands over, and what must be said beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from .encoding import WindowEmbeddings
from .saving import check_output, save_tables


if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What of the picture is scored. Faces come with a later version; until then nobody should take a score for a person's.
SCOPE = "whole frame"
TIMELINE_COLUMNS = ("video", "start", "end", "emotion", "similarity", "match")
SUMMARY_COLUMNS = ("video", "emotion", "similarity", "match", "peak_match", "peak_start", "peak_end")
MEANING = (
    "Scores describe apparent expression, not what anyone feels. The relative match compares your words with one "
    "another (it adds up to 100 %); other words give other numbers."
)
ONE_WORD = "With a single word the relative match is always 100 %; read the similarity instead."


@dataclass(frozen=True)
class Analysis:
    """What a model finds in a video: the relative match of each word in each window.

    Args:
        timeline: One row per window and word: `video`; `start` and `end`, the presentation times in seconds of the
            window's first and last frame; `emotion`, the user's word; `similarity`, the cosine in [-1, 1] between window
            and text; `match`, the softmax over the user's words with the model's scale, in [0, 1].
        texts: Word -> the text that the model read for it.
        model: Name of the model.
        statement: What the model is, in a sentence.
        scope: What of the picture was scored.
        warnings: What went wrong without stopping the analysis, a sentence each.
    """

    timeline: pd.DataFrame
    texts: Mapping[str, str]
    model: str
    statement: str
    scope: str = SCOPE
    warnings: tuple[str, ...] = ()

    @property
    def summary(self) -> pd.DataFrame:
        """One row per video and word, best relative match first.

        `similarity` and `match` are means over the windows; `peak_match` is the highest match of any window, which runs
        from `peak_start` to `peak_end`.
        """
        groups = self.timeline.groupby(["video", "emotion"], sort=False)
        peaks = self.timeline.loc[groups["match"].idxmax(), ["match", "start", "end"]].reset_index(drop=True)
        peaks.columns = pd.Index(["peak_match", "peak_start", "peak_end"])
        table = pd.concat([groups[["similarity", "match"]].mean().reset_index(), peaks], axis=1)
        # Videos keep their order; only the words within each are ranked.
        order = {video: place for place, video in enumerate(self.timeline["video"].unique())}
        ranked = table.sort_values("match", ascending=False, kind="stable")
        return ranked.sort_values("video", key=lambda videos: videos.map(order), kind="stable").reset_index(drop=True)

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know, one sentence or two each."""
        notes = [*self.warnings, f"Scored: the {self.scope}, not faces.", MEANING, self.statement]
        return notes if len(self.texts) > 1 else [*notes, ONE_WORD]

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the timeline as `.csv`, `.json` or `.parquet` and return the path.

        The CSV holds the timeline alone. JSON and Parquet also hold the scope, the model, the texts and the notes (in
        Parquet as metadata of the schema), and JSON the summary. The file appears whole or not at all.

        Args:
            path: Its ending chooses the form.
            overwrite: Replace an existing file.

        Raises:
            ValueError: Another ending.
            FileExistsError: The file exists and `overwrite` is false.
            FileNotFoundError: Its folder does not exist.
        """
        return save_tables(self.timeline, self.summary, self.facts(), path, overwrite=overwrite)

    def plot(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Draw the timeline as a PNG and return the path; needs the extra `plot`.

        Args:
            path: Ends in `.png`.
            overwrite: Replace an existing file.

        Raises:
            ValueError: Another ending, or an analysis of several videos.
            FileExistsError: The file exists and `overwrite` is false.
            FileNotFoundError: Its folder does not exist.
            ImportError: matplotlib is not installed.
        """
        from .timeline_plot import save_figure

        check_output("plot", path, (".png",), overwrite=overwrite)
        return save_figure(self.figure(), path)

    def figure(self) -> Figure:
        """Return the picture that `plot` writes, as a matplotlib figure.

        Raises:
            ValueError: An analysis of several videos.
            ImportError: matplotlib is not installed.
        """
        from .timeline_plot import draw_timeline

        return draw_timeline(self.timeline, self.summary, scope=self.scope, model=self.model)

    def facts(self) -> dict[str, object]:
        """What belongs beside the numbers wherever they go, as plain JSON values."""
        return {
            "scope": self.scope,
            "model": self.model,
            "texts": dict(self.texts),
            "notes": self.notes,
        }

    @staticmethod
    def combine(parts: Sequence[Analysis]) -> Analysis:
        """Return one analysis with the rows of several, which must come from the same model and texts.

        Raises:
            ValueError: No part, or parts of different models or texts.
        """
        if not parts or any((part.model, part.texts) != (parts[0].model, parts[0].texts) for part in parts):
            raise ValueError(
                f"Only analyses by one model with the same texts can be combined, got {len(parts)} that differ; "
                "run them with the same `model` and `emotions`."
            )
        timeline = pd.concat([part.timeline for part in parts], ignore_index=True)
        warnings = tuple(warning for part in parts for warning in part.warnings)
        return Analysis(timeline, parts[0].texts, parts[0].model, parts[0].statement, parts[0].scope, warnings)


def score_timeline(
    video: str, windows: WindowEmbeddings, words: Sequence[str], text_embeds: torch.Tensor, scale: float
) -> pd.DataFrame:
    """Return the timeline: every window against every word.

    Args:
        video: Name of the video, the same in every row.
        windows: Embeddings of the windows.
        words: The user's words.
        text_embeds: float32, (words, dim), of any norm.
        scale: The multiplier before the softmax, already exponentiated.
    """
    normalize = torch.nn.functional.normalize
    # In double precision a row adds up to 1 to the last printed digit.
    similarity = normalize(windows.embeds.double(), dim=-1) @ normalize(text_embeds.double(), dim=-1).T
    match = (scale * similarity).softmax(dim=-1)
    num_windows, num_words = similarity.shape
    return pd.DataFrame(
        {
            "video": video,
            "start": [start for start in windows.starts for _ in range(num_words)],
            "end": [end for end in windows.ends for _ in range(num_words)],
            "emotion": list(words) * num_windows,
            "similarity": similarity.flatten().numpy(),
            "match": match.flatten().numpy(),
        },
        columns=list(TIMELINE_COLUMNS),
    )
