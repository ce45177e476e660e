# SPDX-License-Identifier: Apache-2.0
"""The tab that holds two models or two prompt styles against each other on one file."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

from emoclip.analysis import Analysis

from . import wording
from .parts import media_fields, told_to_the_visitor, word_fields
from .studio import Choices, Studio
from .timeline_view import ranking_view, timeline_view


PLAYER = "emo-compare-player"


def build_compare_tab(studio: Studio, own_list: Any) -> None:
    """Lay out the tab and connect it."""
    names = list(studio.models)
    with gr.Row():
        with gr.Column():
            media = media_fields(PLAYER)
        with gr.Column():
            words = word_fields(own_list, elem_id="emo-compare-words")
    with gr.Row():
        sides = [
            (
                gr.Dropdown(
                    names, value=names[min(side, len(names) - 1)], label=(wording.MODEL_A, wording.MODEL_B)[side]
                ),
                gr.Radio(
                    wording.PROMPT_CHOICES,
                    value=("auto", "template")[side] if len(names) == 1 else "auto",
                    label=(wording.PROMPT_A, wording.PROMPT_B)[side],
                ),
            )
            for side in (0, 1)
        ]
    button = gr.Button(wording.COMPARE_BUTTON, variant="primary", elem_id="emo-compare")
    with gr.Row():
        views = [gr.HTML(elem_id=f"emo-compare-{side}") for side in ("a", "b")]
    table = gr.Dataframe(label=wording.DIFFERENCES, interactive=False, elem_id="emo-differences")

    def compare(  # noqa: PLR0913 - gradio hands every field over by itself
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
        found = []
        with told_to_the_visitor(path):
            first = studio.analyse(
                session, "compare a", path, words, Choices(prompt=prompt_a, model=model_a), progress_of(progress)
            )
            found = [
                first,
                _other(
                    studio, session, path, words, first, Choices(prompt=prompt_b, model=model_b), model_a, progress
                ),
            ]
        return [*(ranking_view(one, PLAYER) + timeline_view(one, PLAYER) for one in found), differences(*found)]

    button.click(
        compare,
        [*media.both, words, *(field for side in sides for field in side)],
        [*views, table],
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
        show_progress_on=views,
    )


def progress_of(progress: gr.Progress) -> Any:
    """As `analyze` calls it."""
    return lambda done, expected: progress((done, expected), unit="frames")


def _other(
    studio: Studio,
    session: str,
    path: str | None,
    words: str,
    first: Analysis,
    choices: Choices,
    model_a: str,
    progress: gr.Progress,
) -> Analysis:
    """The second side; with the same model the video is not looked at again."""
    if choices.model == model_a:
        return first.rescore(list(first.texts), prompt=choices.prompt, agreement=True, **choices.scoring)
    return studio.analyse(session, "compare b", path, words, choices, progress_of(progress))


def differences(first: Analysis, second: Analysis) -> pd.DataFrame:
    """Return one row per person and word: the mean matches of both, and how much the second gives more."""
    keys = ["person", "emotion"]
    tables = [found.summary[[*keys, "match"]].set_index(keys)["match"] for found in (first, second)]
    joined = pd.concat(tables, axis=1, keys=["A", "B"]).reset_index()
    joined["B - A"] = joined["B"] - joined["A"]
    return joined.round({"A": 4, "B": 4, "B - A": 4})


__all__ = ["PLAYER", "build_compare_tab", "differences"]
