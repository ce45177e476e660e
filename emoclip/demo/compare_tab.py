# SPDX-License-Identifier: Apache-2.0
"""The tab that holds two models or two prompt styles against each other on one file."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import pandas as pd

from emoclip.analysis import Analysis

from . import wording
from .limits import check_words
from .parts import Cleared, agreed, media_fields, shown_by, told_to_the_visitor, word_fields
from .showing import notes_text, warnings_view
from .studio import THRESHOLD, Choices, Progress, Studio
from .timeline_view import ranking_view, timeline_view


PLAYER = "emo-compare-player"


def build_compare_tab(studio: Studio, own_list: Any, consent: Any) -> Cleared:
    """Lay out the tab and connect it; returns what is cleared when the consent is taken back."""
    with gr.Row():
        with gr.Column():
            media = media_fields(studio, PLAYER)
        with gr.Column():
            words = word_fields(own_list, elem_id="emo-compare-words")
    with gr.Row():
        sides = [_side_fields(list(studio.models), side) for side in (0, 1)]
    button = gr.Button(wording.COMPARE_BUTTON, variant="primary", elem_id="emo-compare")
    warned = gr.HTML(elem_id="emo-compare-warnings")
    views = []
    with gr.Row():
        for side in (0, 1):
            # Side by side where there is room for both.
            with gr.Column(min_width=480):
                views.append(gr.HTML(wording.COMPARE_WAITING[side], elem_id=f"emo-compare-{'ab'[side]}"))
    notes = gr.Markdown(elem_id="emo-compare-notes")
    table = gr.Dataframe(label=wording.DIFFERENCES, interactive=False, elem_id="emo-differences", visible=False)
    button.click(
        _comparer(studio),
        [consent, *media.both, words, *(field for side in sides for field in side)],
        [warned, *views, table, notes],
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
        show_progress_on=views,
    )
    waiting = list(zip(views, wording.COMPARE_WAITING, strict=True))
    fields = [(field, None) for field in media.both]
    return [*fields, *waiting, (warned, ""), (notes, ""), (table, gr.update(visible=False))]


def _side_fields(names: Sequence[str], side: int) -> tuple[Any, Any]:
    """Model and prompt of a side: of two models the second, of one model the second way to prompt."""
    return (
        gr.Dropdown(
            list(names), value=names[min(side, len(names) - 1)], label=(wording.MODEL_A, wording.MODEL_B)[side]
        ),
        gr.Radio(
            wording.PROMPT_CHOICES,
            value=("auto", "template")[side] if len(names) == 1 else "auto",
            label=(wording.PROMPT_A, wording.PROMPT_B)[side],
        ),
    )


def _comparer(studio: Studio) -> Callable[..., list[Any]]:
    """Return what the button does."""

    def compare(  # noqa: PLR0913 - gradio hands every field over by itself
        consent: bool,
        video: str | None,
        picture: str | None,
        words: str,
        model_a: str,
        prompt_a: str,
        model_b: str,
        prompt_b: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds its progress bar by this default
    ) -> list[Any]:
        path, session = video or picture, str(request.session_hash)
        sides = [
            Choices(prompt=prompt, model=model, other=THRESHOLD)
            for prompt, model in ((prompt_a, model_a), (prompt_b, model_b))
        ]
        studio.keep(session, path)
        with told_to_the_visitor(path), studio.book.working(session):
            agreed(consent)
            told = studio.bounded(shown_by(progress, wording.LOOKING), studio.deadline())
            found = compared(studio, path, words, sides, told)
        shown = [side_view(name, one, side) for name, one, side in zip("AB", found, sides, strict=True)]
        table = gr.Dataframe(differences(*found), visible=True)
        return [warnings_view(found[0]), *shown, table, compared_notes(studio, found)]

    return compare


def compared(
    studio: Studio, path: str | None, words: str, sides: Sequence[Choices], progress: Progress
) -> list[Analysis]:
    """Return what both sides found; with the same model the video is not looked at twice.

    Raises:
        ValueError: As for `Studio.analyse`.
        VideoDecodeError: As for `Studio.analyse`.
    """
    first = studio.look_at(path, words, sides[0], progress)
    if sides[1].model != sides[0].model:
        return [first, studio.look_at(path, words, sides[1], progress)]
    second = first.rescore(
        check_words(words, studio.limits), prompt=sides[1].prompt, agreement=True, **sides[1].scoring
    )
    return [first, second]


def side_view(name: str, found: Analysis, choices: Choices) -> str:
    """Return a side's heading, ranking and timeline."""
    prompts = {value: told for told, value in wording.PROMPT_CHOICES}
    heading = html.escape(f"{name}: {choices.model}, each word {prompts[choices.prompt]}")
    body = (
        ranking_view(found, PLAYER) + timeline_view(found, PLAYER) or f"<p>{html.escape(wording.NOTHING_SCORED)}</p>"
    )
    return f'<h2 class="emo-side">{heading}</h2>{body}'


def compared_notes(studio: Studio, found: Sequence[Analysis]) -> str:
    """Return the notes of both sides; what both say is said once."""
    first, second = (dict.fromkeys(one.notes) for one in found)
    shared = [note for note in first if note in second]
    own = [
        f"{name}: {note}"
        for name, notes in zip("AB", (first, second), strict=True)
        for note in notes
        if note not in shared
    ]
    return notes_text([*studio.notes, *shared, *own])


def differences(first: Analysis, second: Analysis) -> pd.DataFrame:
    """Return one row per person and word: the mean matches of both, and how much the second gives more."""
    keys = ["person", "emotion"]
    tables = [found.summary[[*keys, "match"]].set_index(keys)["match"] for found in (first, second)]
    joined = pd.concat(tables, axis=1, keys=["A", "B"]).reset_index()
    joined["B - A"] = joined["B"] - joined["A"]
    return joined.round({"A": 4, "B": 4, "B - A": 4})


__all__ = ["PLAYER", "build_compare_tab", "differences"]
