# SPDX-License-Identifier: Apache-2.0
"""Endpoints for programs: typed, described, and the same numbers as the page; each is a tool over MCP as well."""

from __future__ import annotations

import json
import secrets
from typing import Any

import gradio as gr

from emoclip.analysis import Analysis

from . import wording
from .caution import cautions
from .parts import told_to_the_visitor
from .studio import THRESHOLD, Choices, Studio, best_moments


PART = "analyse"


def add_endpoints(studio: Studio) -> None:
    """Add `/analyze`, `/rescore` and `/find_moments`."""
    file, words = gr.File(visible=False, type="filepath"), gr.Textbox(visible=False)
    consent, faces = gr.Checkbox(visible=False), gr.Textbox("all", visible=False)
    prompt, other = gr.Textbox("auto", visible=False), gr.Number(THRESHOLD, visible=False)
    visit = gr.Textbox(visible=False)
    out, button = gr.JSON(visible=False), gr.Button(visible=False)
    endpoints = _Endpoints(studio)
    heavy: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}
    button.click(endpoints.analyze, [file, words, consent, faces, prompt, other], out, api_name="analyze", **heavy)
    button.click(
        endpoints.rescore,
        [visit, words, prompt, other],
        out,
        api_name="rescore",
        concurrency_limit=2,
        concurrency_id="words",
    )
    button.click(endpoints.find_moments, [file, words, consent], out, api_name="find_moments", **heavy)


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
        other: float = 0.0,
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
            other: Similarity below which "none of these" comes first; 0 leaves it out.

        Returns:
            A dictionary: `summary`, a record per person and word, best first; `timeline`, a record per person, window and word
            (start and end in seconds, similarity, match with its interval over other prompts, quality, mark); `notes`, what must
            be known about the numbers; `warnings`, about words that a face cannot tell anything about; `visit`, for `/rescore`.
        """
        with told_to_the_visitor(file):
            if not consent:
                raise ValueError(wording.CONSENT_NEEDED)
            # Not by the session: clients over MCP share one.
            visit = secrets.token_urlsafe(16)
            try:
                found = self.studio.analyse(visit, PART, file, words, Choices(faces, prompt, float(other or 0)))
            finally:
                # For other words the file is not needed again.
                self.studio.book.drop_upload(visit, file)
            return {**answer(self.studio, found), "visit": visit}

    def rescore(self, visit: str, words: str, prompt: str = "auto", other: float = 0.0) -> dict[str, Any]:
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
        try:
            with told_to_the_visitor(file):
                if not consent:
                    raise ValueError(wording.CONSENT_NEEDED)
                found = self.studio.search(visit, file, words, Choices())
            moments = json.loads(best_moments(found).to_json(orient="records"))
            return {"moments": moments, **known(self.studio, found)}
        finally:
            self.studio.book.forget(visit)


def answer(studio: Studio, found: Analysis) -> dict[str, Any]:
    """Return an analysis as plain JSON values."""
    return {
        "summary": json.loads(found.summary.to_json(orient="records")),
        "timeline": json.loads(found.timeline.to_json(orient="records")),
        **known(studio, found),
    }


def known(studio: Studio, found: Analysis) -> dict[str, Any]:
    """Return what must be known about the numbers."""
    return {
        "notes": [*studio.notes, *found.notes],
        "warnings": cautions(list(found.texts)),
        "model": found.model,
    }


__all__ = ["add_endpoints", "answer"]
