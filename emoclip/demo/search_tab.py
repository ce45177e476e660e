# SPDX-License-Identifier: Apache-2.0
"""The tab that finds the moments of a longer video that resemble words."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
import pandas as pd

from emoclip.analysis.outputs.segments import SHORTEST

from . import wording
from .parts import Cleared, agreed, media_fields, shown_by, told_to_the_visitor
from .showing import notes_text, warnings_view
from .studio import Choices, Studio, best_moments


PLAYER = "emo-search-player"


def build_search_tab(studio: Studio, consent: Any) -> Cleared:
    """Lay out the tab and connect it; returns what is cleared when the consent is taken back."""
    with gr.Row():
        with gr.Column():
            media = media_fields(studio, PLAYER)
        with gr.Column():
            words = gr.Textbox(
                label=wording.SEARCH_WORDS, info=wording.SEARCH_HELP, lines=2, elem_id="emo-search-words"
            )
            button = gr.Button(wording.SEARCH_BUTTON, variant="primary", elem_id="emo-search")
            moments = gr.HTML(wording.SEARCH_WAITING, elem_id="emo-moments")
            notes = gr.Markdown(elem_id="emo-search-notes")

    def search(
        consent: bool,
        video: str | None,
        picture: str | None,
        words: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds its progress bar by this default
    ) -> list[str]:
        path, session = video or picture, str(request.session_hash)
        with told_to_the_visitor(path):
            agreed(consent)
            found = studio.search(session, path, words, Choices(), shown_by(progress, wording.LOOKING))
        told = notes_text([*studio.notes, *found.notes])
        return [warnings_view(found) + moments_view(best_moments(found), PLAYER), told]

    inputs: list[Any] = [consent, *media.both, words]
    gr.on(
        [button.click, words.submit],
        search,
        inputs,
        [moments, notes],
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
        show_progress_on=[moments],
    )
    return [*((field, None) for field in media.both), (moments, wording.SEARCH_WAITING), (notes, "")]


def moments_view(moments: pd.DataFrame, player: str) -> str:
    """Return the moments as buttons that move the player, for each word the best first; of a picture as text."""
    if moments.empty:
        return f"<p>{html.escape(wording.NOTHING_SCORED)}</p>"
    parts = []
    for word, table in moments.groupby("emotion", sort=False):
        items = "".join(_moment(str(word), row) for row in table.itertuples())
        parts.append(f"<h4>{html.escape(str(word))}</h4><ol>{items}</ol>")
    return (
        f'<div class="emo-view" data-player="{player}">{"".join(parts)}<p role="status" aria-live="polite"></p></div>'
    )


def _moment(word: str, row: Any) -> str:
    still = row.end <= SHORTEST
    where = [] if still else [f"{row.start:.1f} to {row.end:.1f} s"]
    who = [f"person {row.person}"] if row.person else []
    told = ", ".join([*where, *who, f"similarity {row.similarity:.3f}"])
    if row.mark:
        told += f" ({row.mark})"
    if still:
        return f"<li>{html.escape(told)}</li>"
    label = html.escape(f"{word}: {told}", quote=True)
    return f'<li><button type="button" class="emo-peak" data-seek="{row.start:.3f}" aria-label="{label}">{html.escape(told)}</button></li>'


__all__ = ["PLAYER", "build_search_tab", "moments_view"]
