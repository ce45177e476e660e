# SPDX-License-Identifier: Apache-2.0
"""The tables that an analysis hands over, and what must be said beside them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from emoclip.console import storable

from .prototypes import WordReading, read_words
from .saving import check_output
from .scoring import TIMELINE_COLUMNS, ScoringSettings, check_words, score_windows
from .source_model import LoadedModel, scoring
from .window_set import NO_FACE, PEOPLE_COLUMNS, WindowSet
from .words import read_emotions


if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

WHOLE_FRAME = "whole frame"
SUMMARY_COLUMNS = ("video", "person", "emotion", "similarity", "match", "peak_match", "peak_start", "peak_end")
GROUP_COLUMNS = ("video", "person", "start", "end", "group", "match", "mark")
MEANING = (
    "Scores describe apparent expression, not what anyone feels. The relative match compares your words with one "
    "another (it adds up to 100 %); other words give other numbers."
)
MULTI_LABEL = (
    "Scores describe apparent expression, not what anyone feels. Each word is matched by itself: 50 % means as similar as "
    "the text it is held against."
)
WHOLE_FRAMES_REMEDY = "faces='none' (--faces none) scores whole frames."
TEMPLATE_REMEDY = "the prompt 'template' has it read the words instead."
CALIBRATION_LEFT = "The calibration belongs to other words or texts, so it was not applied to these."
ONE_WORD = "With a single word the relative match is always 100 %; read the similarity instead."


@dataclass(frozen=True)
class Analysis:
    """What a model finds in videos: the relative match of each word in each window.

    Args:
        timeline: One row per window and word. `video`; `person`, from 1 in the order of appearance, 0 for the whole frame
            and for stretches without a face; `start` and `end`, the presentation times in seconds of the window's first
            and last frame; `emotion`, the user's word; `similarity`, the cosine in [-1, 1] between window and text;
            `match`, the softmax over the user's words with the model's scale, in [0, 1]; `match_low` and `match_high`, its
            range over other prompts, missing unless asked for; the columns of `WindowSet`, `mark` the last: why the
            window is not to be trusted, or empty. Where there is no face the scores are missing.
        texts: Word -> the text that the model read for it.
        model: Name of the model.
        statement: What the model is, in a sentence.
        scope: What of the picture was scored.
        warnings: What went wrong without stopping the analysis, a sentence each.
        people: One row per person and analysed frame in which the face was in sight, `PEOPLE_COLUMNS`: the box in pixels of
            the upright frame, whether it was `found` there or lies between two findings, the look's quality, and by what
            the person was told (`named_by`: `place` or `colours`). Empty for whole frames.
        windows: What `rescore` needs: the windows and their embeddings.
        groups: Name of a group -> its words.
        settings: How similarities became matches.
        loaded: The model itself.
        reading: How the words were read.
        interrupted: The analysis was stopped before the end.
    """

    timeline: pd.DataFrame
    texts: Mapping[str, str]
    model: str
    statement: str
    scope: str = WHOLE_FRAME
    warnings: tuple[str, ...] = ()
    people: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PEOPLE_COLUMNS)), repr=False)
    windows: WindowSet | None = field(default=None, repr=False)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    settings: ScoringSettings = field(default_factory=ScoringSettings)
    loaded: LoadedModel | None = field(default=None, repr=False)
    reading: WordReading | None = field(default=None, repr=False)
    interrupted: bool = False

    @classmethod
    def of(
        cls,
        windows: WindowSet,
        words: WordReading,
        loaded: LoadedModel,
        settings: ScoringSettings,
        **others: Any,
    ) -> Analysis:
        """Return the analysis of windows by words."""
        others["warnings"] = (*others.get("warnings", ()), *words.warnings)
        return cls(
            score_windows(windows, words.prototypes, settings),
            words.texts,
            loaded.name,
            _statement(loaded, words),
            windows=windows,
            groups=words.groups,
            settings=settings,
            loaded=loaded,
            reading=words,
            **others,
        )

    def rescore(self, emotions: Any, *, prompt: str = "auto", agreement: bool = False, **options: Any) -> Analysis:
        """Return the same windows scored by other words; no video is read, only the words are.

        Args:
            emotions: As for `analyze`.
            prompt: As for `analyze`.
            agreement: As for `analyze`.
            options: Arguments of `ScoringSettings`; what is not given stays as it was. A calibration belongs to its words and
                their texts: with others its biases and its temperature are dropped, and the notes say so.

        Raises:
            ValueError: This analysis came from a file, or the words cannot be used.
        """
        if self.windows is None or self.loaded is None:
            raise ValueError("Only what `analyze` returned can be scored again, got tables alone; analyse the video.")
        wanted = read_emotions(emotions)
        with scoring(self.loaded.model):
            words = read_words(
                wanted,
                self.loaded,
                prompt=prompt,
                agreement=agreement,
                neutral=options.get("multi_label", self.settings.multi_label),
                encoder=self.loaded.prototypes,
            )
        kept = [warning for warning in self.warnings if not warning.startswith("The text ")]
        if self.settings.bias and words.texts != dict(self.texts):
            if "bias" not in options:
                kept.append(CALIBRATION_LEFT)
            options = {"bias": {}, "temperature": 1.0, **options}
        settings = replace(self.settings, **options)
        check_words(wanted.names, settings)
        return Analysis.of(
            self.windows,
            words,
            self.loaded,
            settings,
            scope=self.scope,
            warnings=tuple(kept),
            people=self.people,
            interrupted=self.interrupted,
        )

    def reread(self, *, agreement: bool) -> WordReading:
        """Return the words of this analysis read once more, with the variants of their prompt if asked for."""
        if self.loaded is None or self.reading is None:
            raise ValueError("Only what `analyze` returned can be read again, got tables alone; analyse the video.")
        return read_words(
            self.reading.emotions,
            self.loaded,
            prompt=self.reading.prompt,
            agreement=agreement,
            neutral=self.settings.multi_label,
        )

    @property
    def summary(self) -> pd.DataFrame:
        """One row per video, person and word, best relative match first; windows without scores are left out.

        `similarity` and `match` are means over the windows; `peak_match` is the highest match of any window, which runs
        from `peak_start` to `peak_end`.
        """
        scored = self.timeline[self.timeline["match"].notna()].reset_index(drop=True)
        groups = scored.groupby(["video", "person", "emotion"], sort=False)
        peaks = scored.loc[groups["match"].idxmax(), ["match", "start", "end"]].reset_index(drop=True)
        peaks.columns = pd.Index(["peak_match", "peak_start", "peak_end"])
        table = pd.concat([groups[["similarity", "match"]].mean().reset_index(), peaks], axis=1)
        # Videos keep their order; only the words of each person are ranked.
        order = {video: place for place, video in enumerate(self.timeline["video"].unique())}
        ranked = table.sort_values("match", ascending=False, kind="stable").sort_values("person", kind="stable")
        ranked = ranked.sort_values("video", key=lambda videos: videos.map(order), kind="stable")
        return ranked.reset_index(drop=True)[list(SUMMARY_COLUMNS)]

    @property
    def group_timeline(self) -> pd.DataFrame:
        """One row per window and group of words: the sum of its words' matches."""
        keys = ["video", "person", "start", "end", "mark"]
        parts = [
            self.timeline[self.timeline["emotion"].isin(members)]
            .groupby(keys, sort=False)["match"]
            .sum(min_count=1)
            .reset_index()
            .assign(group=name)
            for name, members in self.groups.items()
        ]
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(GROUP_COLUMNS))
        return table[list(GROUP_COLUMNS)]

    @property
    def frame_weights(self) -> pd.DataFrame:
        """One row per window and frame: `video`, `person`, `start`, `end`, `frame`, `time` and `weight`.

        The weights of a window add up to 1; the highest says which frame weighed most in its embedding.
        """
        if self.windows is None:
            raise ValueError("Only what `analyze` returned knows its frames, got tables alone; analyse the video.")
        facts = self.windows.table[["video", "person", "start", "end"]]
        frames = self.windows.frames
        placed = facts.loc[frames["window"]].reset_index(drop=True)
        return pd.concat([placed, frames[["frame", "time", "weight"]].reset_index(drop=True)], axis=1)

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know, one sentence or two each."""
        meaning = MULTI_LABEL if self.settings.multi_label else MEANING
        notes = [*map(storable, self.warnings), _scope_note(self.scope), *self._face_notes(), meaning, self.statement]
        alone = len(self.texts) == 1 and not self.settings.multi_label and self.settings.other is None
        return [*notes, ONE_WORD] if alone else notes

    def _face_notes(self) -> list[str]:
        """What the marks say, told once."""
        if self.scope == WHOLE_FRAME or "mark" not in self.timeline:
            return []
        windows = self.timeline.drop_duplicates(["video", "person", "start", "end"])
        missing = (windows["mark"] == NO_FACE).sum()
        doubtful = (windows["mark"] != "").sum() - missing
        notes = []
        if missing and missing == len(windows):
            notes.append(f"No face was found, so nothing was scored; {WHOLE_FRAMES_REMEDY}")
        elif missing:
            notes.append(f"Without a face and not scored: {missing} stretch{'es' if missing > 1 else ''}.")
        if doubtful:
            notes.append(
                f"Of {len(windows) - missing} windows with a face {doubtful} are marked; see the column `mark`."
            )
        return notes

    def save(self, path: str | Path, *, overwrite: bool = False, **options: Any) -> Path:
        """Write the analysis in the form that the ending of `path` names, and return the path.

        `.csv`, `.json` and `.parquet` hold the timeline, or another table where its name stands before the ending, as in
        `clip.windows.csv` (see `emoclip.analysis.outputs.forms.TABLES`). JSON and Parquet also hold the scope, the model, the
        texts and the notes (in Parquet as metadata of the schema), and JSON the summary. `.png` and `.svg` are the plot,
        `.html` a page with a player, `.mp4` the annotated film, `.srt`, `.vtt`, `.eaf` and `.TextGrid` the best word over
        time. The file appears whole or not at all.

        Args:
            path: Its ending chooses the form.
            overwrite: Replace an existing file.
            options: Arguments of `emoclip.analysis.outputs.forms.OutputOptions`: `video`, `baseline`, `film`, ...

        Raises:
            ValueError: Another ending, or a form for one video and there are several.
            FileExistsError: The file exists and `overwrite` is false.
            FileNotFoundError: Its folder does not exist.
            ImportError: The form needs an extra that is not installed.
        """
        from .outputs.forms import OutputOptions, write_form

        written, warnings = write_form(self, path, OutputOptions(**options), overwrite=overwrite)
        for warning in warnings:
            logger.warning(warning)
        return written

    def plot(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Draw the timeline as a PNG or SVG and return the path; needs the extra `plot`.

        Args:
            path: Ends in `.png` or `.svg`.
            overwrite: Replace an existing file.

        Raises:
            ValueError: Another ending, or an analysis of several videos.
            FileExistsError: The file exists and `overwrite` is false.
            FileNotFoundError: Its folder does not exist.
            ImportError: matplotlib is not installed.
        """
        check_output("plot", path, (".png", ".svg"), overwrite=overwrite)
        return self.save(path, overwrite=overwrite)

    @property
    def per_window(self) -> pd.DataFrame:
        """One row per window with a column for each word, the best word, quality and mark."""
        from .outputs.summary_tables import per_window

        return per_window(self.timeline)

    @property
    def per_frame(self) -> pd.DataFrame:
        """One row per person and analysed frame with a column for each word: the mean over the windows it lies in."""
        from .outputs.summary_tables import per_frame

        return per_frame(self.timeline, self.frame_weights)

    @property
    def per_video(self) -> pd.DataFrame:
        """One row per video, person and word: mean, spread, extremes, peak, share of the time."""
        from .outputs.summary_tables import per_video

        return per_video(self.timeline)

    def relative_to(self, baseline: Analysis | pd.DataFrame, *, person: int | None = None) -> pd.DataFrame:
        """Return the timeline with what each match is against a baseline clip of the same words.

        Args:
            baseline: Its analysis or timeline.
            person: Whose windows of the baseline count; by default the person's with the most scored windows.

        Raises:
            ValueError: The words differ, or nothing was scored in the baseline.
        """
        from .outputs.summary_tables import relative_to_baseline

        table = baseline.timeline if isinstance(baseline, Analysis) else baseline
        return relative_to_baseline(self.timeline, table, person=person)

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
        people = [part.people for part in parts if len(part.people)]
        windows = [part.windows for part in parts if part.windows is not None]
        return replace(
            parts[0],
            timeline=pd.concat([part.timeline for part in parts], ignore_index=True),
            warnings=tuple(warning for part in parts for warning in part.warnings),
            people=pd.concat(people, ignore_index=True) if people else parts[0].people,
            windows=WindowSet.combine(windows) if len(windows) == len(parts) else None,
            interrupted=any(part.interrupted for part in parts),
        )


def _statement(loaded: LoadedModel, words: WordReading) -> str:
    if not words.described:
        return loaded.statement
    return f"{loaded.statement} It read its own class descriptions for {', '.join(words.described)}; {TEMPLATE_REMEDY}"


def _scope_note(scope: str) -> str:
    if scope == WHOLE_FRAME:
        return "Scored: the whole frame, not faces."
    return f"Scored: the {scope}, each person by itself; persons are numbered, not recognised."


__all__ = ["GROUP_COLUMNS", "MEANING", "ONE_WORD", "SUMMARY_COLUMNS", "TIMELINE_COLUMNS", "WHOLE_FRAME", "Analysis"]
