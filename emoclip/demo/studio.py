# SPDX-License-Identifier: Apache-2.0
"""What the page does, without the page: analyse, score again, compare, find; a number here is the number of `emoclip.analyze`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from emoclip.analysis import Analysis, LoadedModel, analyze, load_model
from emoclip.analysis.source_model import HUB_ID

from . import wording
from .limits import AT_HOME, Limits, check_words
from .media_check import check_media
from .visits import VisitBook
from .zero_gpu import on_gpu


Progress = Callable[[int, int | None], None]
# Windows that a search lists.
NUM_MOMENTS = 10
# Similarity below which "none of these" comes first, where the visitor says nothing else. With the embedded default it keeps 96 % of
# rendered clips whose word is in the list and refuses 52 % of those whose word is not (benchmarks/none_of_these.py); with other
# models it is a place to begin.
THRESHOLD = 0.2


@dataclass(frozen=True)
class Choices:
    """How a visitor wants it.

    Args:
        faces: `all`, `largest` or `none`.
        prompt: How a word becomes a text.
        other: Similarity below which "none of these" is offered; 0 leaves it out.
        model: Name of one of the studio's models; `None` is the first.
    """

    faces: str = "all"
    prompt: str = "auto"
    other: float = 0.0
    model: str | None = None

    @property
    def scoring(self) -> dict[str, Any]:
        """As `analyze` and `rescore` take it."""
        return {"other": self.other or None}


@dataclass
class Studio:
    """Models, limits and visits.

    Args:
        models: Name -> model; the first is the default.
        book: What is kept for visitors.
        limits: Of requests.
        notes: What must be said of how the studio came about, such as a model that could not be had.
        clock: Seconds that only rise.
    """

    models: Mapping[str, LoadedModel]
    book: VisitBook
    limits: Limits = field(default_factory=Limits)
    notes: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic

    def analyse(
        self,
        session: str,
        part: str,
        path: str | None,
        words: str,
        choices: Choices,
        progress: Progress | None = None,
    ) -> Analysis:
        """Analyse a file and keep what was found for the session and the part of the page.

        Raises:
            ValueError: The file, the words or a choice cannot be used, or the session has a request running.
            VideoDecodeError: The file cannot be decoded.
        """
        self.keep(session, path)
        with self.book.working(session) as visit:
            found = self.look_at(path, words, choices, self.bounded(progress, self.deadline()))
            visit.show(part, found, str(path))
            return found

    def look_at(self, path: str | None, words: str, choices: Choices, progress: Progress) -> Analysis:
        """As `analyse`, but keep nothing: what was found belongs to the visit once it is shown.

        Args:
            progress: As `bounded` gives it.
        """
        emotions = check_words(words, self.limits)
        check_media(path, self.limits)
        return _analysed(str(path), emotions, self.model(choices.model), choices, progress)

    def keep(self, session: str, path: str | None) -> None:
        """Note a file before it is looked at: what is refused must go with the visit too."""
        if path:
            self.book.keep_upload(session, path)

    def deadline(self) -> float:
        """Return until when the work of a click that comes now may take, on the studio's clock."""
        return self.clock() + self.limits.processing

    def bounded(self, progress: Progress | None, end: float) -> Progress:
        """Return a progress that ends work by a ValueError after `end`, the deadline of its click."""

        def watched(done: int, expected: int | None) -> None:
            if self.clock() > end:
                raise ValueError(
                    f"An analysis may take {self.limits.processing:g} s here, and it took longer; cut the video, make it smaller, or "
                    f"{AT_HOME}."
                )
            if progress is not None:
                progress(done, expected)

        return watched

    def rescore(self, session: str, part: str, words: str, choices: Choices) -> Analysis:
        """Score what was found last by other words.

        Raises:
            ValueError: Nothing was analysed, or the words cannot be used.
        """
        emotions = check_words(words, self.limits)
        visit = self.book.find(session)
        if visit is None or part not in visit.found:
            raise ValueError(wording.NO_ANALYSIS)
        found = visit.found[part].rescore(emotions, prompt=choices.prompt, agreement=True, **choices.scoring)
        visit.found[part] = found
        return found

    def search(
        self, session: str, path: str | None, words: str, choices: Choices, progress: Progress | None = None
    ) -> Analysis:
        """Analyse a video to find moments in it; one that was searched before is not looked at again.

        Raises:
            ValueError: As for `analyse`.
            VideoDecodeError: As for `analyse`.
        """
        visit = self.book.find(session)
        if path and visit is not None and visit.paths.get("search") == Path(path):
            return self.rescore(session, "search", words, choices)
        return self.analyse(session, "search", path, words, choices, progress)

    def model(self, name: str | None) -> LoadedModel:
        """Return a model by its name.

        Raises:
            ValueError: There is none of this name.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise ValueError(f"`model` must be one of {', '.join(self.models)}, got {name!r}.")
        return self.models[name]


def best_moments(found: Analysis) -> pd.DataFrame:
    """Return the windows of a video that resemble each of its words most, best first."""
    scored = found.timeline[found.timeline["similarity"].notna()]
    best = (
        scored.sort_values("similarity", ascending=False, kind="stable")
        .groupby("emotion", sort=False)
        .head(NUM_MOMENTS)
    )
    return best[["emotion", "person", "start", "end", "similarity", "mark"]].reset_index(drop=True)


@on_gpu
def _analyse_tables(
    path: str, emotions: list[str], model: LoadedModel, choices: Choices, progress: Progress | None
) -> Analysis:
    """The analysis without its model, which need not travel back from another process."""
    found = analyze(
        path,
        emotions,
        model,
        prompt=choices.prompt,
        agreement=True,
        faces=choices.faces,
        progress=progress,
        **choices.scoring,
    )
    return replace(found, loaded=None)


def _analysed(
    path: str, emotions: list[str], model: LoadedModel, choices: Choices, progress: Progress | None
) -> Analysis:
    return replace(_analyse_tables(path, emotions, model, choices, progress), loaded=model)


def open_models(
    named: str | Path | None, revision: str | None, others: str | None = None
) -> tuple[dict[str, LoadedModel], tuple[str, ...]]:
    """Return the studio's models by name, and what must be said of them.

    A model that cannot be had does not keep the page from opening: the embedded default takes its place, and the page says so.

    Args:
        named: Folder or Hub id of the first model; `None` is the embedded default.
        revision: Of the first model on the Hub: a commit, so that the page stays what it was tested as.
        others: More models to compare with, with commas between them; one on the Hub is pinned by `id@revision`.

    Raises:
        ValueError: A folder that is there holds no EmoCLIP model.
    """
    models: dict[str, LoadedModel] = {}
    notes = []
    wanted = [(str(named), revision)] if named else []
    wanted += [_pinned(name.strip()) for name in (others or "").split(",") if name.strip()]
    for name, pinned in wanted:
        try:
            models[name] = load_model(_local(name, pinned))
        except OSError as error:
            # A folder that is misspelt is told to whoever starts the page.
            if Path(name).exists() or not HUB_ID.fullmatch(name):
                raise
            notes.append(
                f"The model {name} could not be had ({_first_line(error)}); the embedded default takes its place."
            )
    if not models or others:
        default = load_model(None)
        models[default.name] = default
    return models, tuple(notes)


def _pinned(name: str) -> tuple[str, str | None]:
    """The Hub id and the revision of `id@revision`; a folder may have the sign in its name."""
    found = re.fullmatch(r"([^@]+)@([^@]+)", name)
    return (found[1], found[2]) if found and not Path(name).exists() else (name, None)


def _local(name: str, revision: str | None) -> str:
    """The folder of a model on the Hub at a revision, downloaded where need be; other names stay."""
    if Path(name).exists() or not revision:
        return name
    from huggingface_hub import snapshot_download

    return snapshot_download(name, revision=revision)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


__all__ = ["THRESHOLD", "Choices", "Studio", "best_moments", "open_models"]
