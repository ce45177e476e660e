# SPDX-License-Identifier: Apache-2.0
"""Endpoints for programs: typed, described, and the same numbers as the page; each is a tool over MCP as well."""

from __future__ import annotations

import inspect
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from emoclip.analysis import Analysis

from . import wording
from .caution import cautions
from .parts import told_to_the_visitor
from .studio import THRESHOLD, Choices, Studio, best_moments


PART = "analyse"


def add_endpoints(studio: Studio) -> None:
    """Add `/analyze`, `/rescore` and `/find_moments`."""
    # Hidden, but their labels and choices are what "Use via API" and `/gradio_api/info` show of the arguments.
    file = _checked_later(gr.File(visible=False, label=wording.API_FILE), _path_of)
    words = gr.Textbox(visible=False, label=wording.API_WORDS)
    consent = gr.Checkbox(visible=False, label=wording.API_CONSENT)
    faces = _checked_later(
        gr.Radio(_values(wording.FACE_CHOICES), value="all", visible=False, label=wording.API_FACES)
    )
    prompt = _checked_later(
        gr.Radio(_values(wording.PROMPT_CHOICES), value="auto", visible=False, label=wording.API_PROMPT)
    )
    other = gr.Number(THRESHOLD, visible=False, label=wording.API_OTHER)
    visit = gr.Textbox(visible=False, label=wording.API_VISIT)
    out, button = gr.JSON(visible=False, label=wording.API_ANSWER), gr.Button(visible=False)
    ends = _Endpoints(studio)
    heavy: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
    light: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "words"}

    def add(handler: Callable[..., Any], fields: list[Any], queue: dict[str, Any]) -> None:
        button.click(handler, fields, out, api_name=handler.__name__, api_description=described(handler), **queue)

    add(ends.analyze, [file, words, consent, faces, prompt, other], heavy)
    add(ends.rescore, [visit, words, prompt, other], light)
    add(ends.find_moments, [file, words, consent], heavy)


def described(handler: Callable[..., Any]) -> str:
    """Return the whole description of an endpoint in one line; gradio's own leaves out what arguments and answers mean."""
    return " ".join((inspect.getdoc(handler) or "").split())


class _Endpoints:
    """What programs may ask for; signatures and descriptions are what they are shown."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def analyze(
        self,
        file: str,
        words: str,
        consent: bool,
        faces: str = "all",
        prompt: str = "auto",
        other: float = THRESHOLD,
    ) -> dict[str, Any]:
        """Score the apparent expression of every face in a video or picture relative to words of your own.

        The relative match compares the words with one another; it is no probability of a feeling. Not for the workplace, school,
        hiring, policing or diagnosis.

        Args:
            file: A video or picture.
            words: Words or phrases, one per line or with commas between them; sums such as "fear + 2*surprise" are words too.
            consent: Everyone who can be seen has agreed; must be true.
            faces: "all" that are found, the "largest" one, or "none" for the whole picture.
            prompt: How a word becomes a text: "auto", "template", "plain" or "description".
            other: Similarity below which "none of these" comes first, 0.2 unless given; 0 leaves it out.

        Returns:
            A dictionary: `warnings`, about words that a face cannot tell anything about; `summary`, a record per person and word,
            best first; `timeline`, a record per person, window and word (start and end in seconds, similarity, match with its
            interval over other prompts, quality, mark); `notes`, what must be known about the numbers; `model`; `visit`, for
            `/rescore`.
        """
        # Not by the session: clients over MCP share one.
        visit = secrets.token_urlsafe(16)
        with told_to_the_visitor(file), self._handed_over(visit, file):
            agreed_to(consent)
            found = self.studio.analyse(visit, PART, file, words, Choices(faces, prompt, float(other or 0)))
            # For other words the file is not needed again.
            self.studio.book.drop_upload(visit, file)
            return {**answer(self.studio, found), "visit": visit}

    def rescore(self, visit: str, words: str, prompt: str = "auto", other: float = THRESHOLD) -> dict[str, Any]:
        """Score the file of an earlier `/analyze` by other words, without looking at it again.

        Args:
            visit: What that `/analyze` returned as `visit`; it is forgotten half an hour after its last use.
            words: As for `/analyze`.
            prompt: As for `/analyze`.
            other: As for `/analyze`.

        Returns:
            As `/analyze`.
        """
        with told_to_the_visitor():
            found = self.studio.rescore(visit, PART, words, Choices("all", prompt, float(other or 0)))
            return {**answer(self.studio, found), "visit": visit}

    def find_moments(self, file: str, words: str, consent: bool) -> dict[str, Any]:
        """List the windows of a video that resemble words most.

        Args:
            file: A video.
            words: As for `/analyze`.
            consent: As for `/analyze`.

        Returns:
            A dictionary: `moments`, records with emotion, person, start and end in seconds, similarity and mark, for each word
            the best first; `notes`, `warnings` and `model` as `/analyze`.
        """
        visit = secrets.token_urlsafe(16)
        with told_to_the_visitor(file), self._handed_over(visit, file):
            agreed_to(consent)
            found = self.studio.search(visit, file, words, Choices())
            moments = json.loads(best_moments(found).to_json(orient="records"))
            self.studio.book.forget(visit)
            return {**known(self.studio, found), "moments": moments}

    @contextmanager
    def _handed_over(self, visit: str, file: str | None) -> Iterator[None]:
        """Note a file before anything is asked about it; where no answer comes of it, it goes with its visit."""
        self.studio.keep(visit, file)
        try:
            yield
        except BaseException:
            self.studio.book.forget(visit)
            raise


def agreed_to(consent: bool) -> None:
    """Check that a program says that everyone has agreed.

    Raises:
        ValueError: It does not.
    """
    if not consent:
        raise ValueError(wording.CONSENT_NEEDED)


def answer(studio: Studio, found: Analysis) -> dict[str, Any]:
    """Return an analysis as plain JSON values."""
    return {
        **known(studio, found),
        "summary": json.loads(found.summary.to_json(orient="records")),
        "timeline": json.loads(found.timeline.to_json(orient="records")),
    }


def known(studio: Studio, found: Analysis) -> dict[str, Any]:
    """Return what must be known about the numbers, warnings first."""
    return {
        "warnings": cautions(list(found.texts)),
        "notes": [*studio.notes, *found.notes],
        "model": found.model,
    }


def _values(choices: list[tuple[str, str]]) -> list[str]:
    return [value for _, value in choices]


def _checked_later(field: Any, read: Callable[[Any], Any] = lambda sent: sent) -> Any:
    """Return a field whose value the handler checks, which notes the file first: one that gradio refuses would stay for long.

    Gradio's own reading of a file also writes an empty one at every call, and leaves it.
    """
    field.preprocess = read
    return field


def _path_of(sent: FileData | None) -> str | None:
    return sent.path if sent else None


__all__ = ["add_endpoints", "answer"]
