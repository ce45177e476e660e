# SPDX-License-Identifier: Apache-2.0
"""The tab that analyses a file, and scores it again as the words change."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr

from emoclip.analysis import Analysis

from . import wording
from .parts import agreed, choice_fields, media_fields, shown_by, told_to_the_visitor, word_fields
from .showing import heavy_frames, notes_text, number_table, write_film, write_tables
from .studio import Choices, Studio
from .timeline_view import ranking_view, timeline_view
from .visits import Visit


PLAYER, RESULT_PLAYER = "emo-player", "emo-result"
PART = "analyse"
TABLES = ("csv", "json", "plot")


def build_analyse_tab(studio: Studio, own_list: Any, consent: Any) -> None:
    """Lay out the tab and connect it."""
    with gr.Row():
        with gr.Column():
            media = media_fields(studio, PLAYER)
            words = word_fields(own_list, elem_id="emo-words")
            choices = choice_fields()
            button = gr.Button(wording.BUTTON, variant="primary", elem_id="emo-analyse")
        with gr.Column():
            film = gr.Video(label=wording.ANNOTATED, interactive=False, height=300, elem_id=RESULT_PLAYER, buttons=[])
            ranking = gr.HTML(wording.WAITING, elem_id="emo-ranking")
            notes = gr.Markdown(wording.OLD_WORDS, elem_id="emo-notes")
    # An empty table and grey buttons say nothing: shown with the first result.
    with gr.Column(visible=False, elem_id="emo-results") as results:
        timeline = gr.HTML(elem_id="emo-timeline")
        frames = gr.Gallery(label=wording.FRAMES, columns=6, object_fit="contain", elem_id="emo-frames", buttons=[])
        table = gr.Dataframe(label=wording.TABLE, interactive=False, max_height=320)
        with gr.Row():
            downloads = [
                gr.DownloadButton(label, interactive=False, elem_id=f"emo-{kind}")
                for kind, label in wording.DOWNLOADS.items()
            ]
            annotate = gr.Button(wording.ANNOTATE, interactive=False, elem_id="emo-annotate")
    scores = [ranking, timeline, table, notes]
    handlers = _Handlers(studio)
    button.click(
        handlers.analyse,
        [consent, *media.both, words, *choices],
        [*scores, film, frames, downloads[3], annotate, results],
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
        show_progress_on=[ranking],
    ).success(handlers.tables, None, downloads[:3], **_LIGHT)
    gr.on(
        [words.change, choices[1].input, choices[2].release],
        handlers.rescore,
        [consent, words, *choices],
        [*scores, downloads[3]],
        trigger_mode="always_last",
        **_LIGHT,
    ).success(handlers.tables, None, downloads[:3], **_LIGHT)
    annotate.click(
        handlers.annotate,
        consent,
        [film, downloads[3]],
        concurrency_limit=1,
        concurrency_id="film",
        api_visibility="private",
    )


# Events that touch no video: quick, and not kept waiting by those that do.
_LIGHT: dict[str, Any] = {
    "concurrency_limit": 2,
    "concurrency_id": "words",
    "show_progress": "hidden",
    "api_visibility": "private",
}


class _Handlers:
    """What the tab's events do."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def analyse(  # noqa: PLR0913 - gradio hands every field over by itself
        self,
        consent: bool,
        video: str | None,
        picture: str | None,
        words: str,
        faces: str,
        prompt: str,
        other: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds its progress bar by this default
    ) -> list[Any]:
        path, session = video or picture, str(request.session_hash)
        self.studio.keep(session, path)
        # The visit is held until everything is written: a tab that is closed meanwhile leaves nothing behind.
        with told_to_the_visitor(path), self.studio.book.working(session) as visit:
            agreed(consent)
            found = self.studio.analyse_for(
                visit, PART, path, words, Choices(faces, prompt, other), shown_by(progress, wording.LOOKING)
            )
            film = self._film(visit, progress)
            frames = heavy_frames(found, str(path), visit.folder)
        shown = [film and str(film), frames]
        buttons = [_download(film), gr.Button(interactive=film is not None)]
        return [*self._scores(found), *shown, *buttons, gr.Column(visible=True)]

    def rescore(
        self, consent: bool, words: str, faces: str, prompt: str, other: float, request: gr.Request
    ) -> list[Any]:
        session = str(request.session_hash)
        visit = self.studio.book.find(session)
        if not consent or visit is None or PART not in visit.found:
            return [gr.skip()] * 5
        try:
            found = self.studio.rescore(session, PART, words, Choices(faces, prompt, other))
        except ValueError as error:
            # While somebody types, half a list is no mistake: it is told beside the numbers, not over them.
            return [gr.skip(), gr.skip(), gr.skip(), f"⚠ {html.escape(str(error))}", gr.skip()]
        # The video that was drawn shows the words of before.
        return [*self._scores(found), _download(None)]

    def tables(self, request: gr.Request) -> list[Any]:
        visit = self.studio.book.find(str(request.session_hash))
        if visit is None or PART not in visit.found:
            return [gr.skip()] * len(TABLES)
        try:
            files = write_tables(visit.found[PART], visit.folder)
        except FileNotFoundError:
            # The page was closed meanwhile, and its folder is gone.
            return [gr.skip()] * len(TABLES)
        return [_download(files.get(kind)) for kind in TABLES]

    def annotate(
        self,
        consent: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - as above
    ) -> list[Any]:
        with told_to_the_visitor(), self.studio.book.working(str(request.session_hash)) as visit:
            agreed(consent)
            if PART not in visit.found:
                raise ValueError(wording.NO_ANALYSIS)
            film = self._film(visit, progress)
        return [film and str(film), _download(film)]

    def _film(self, visit: Visit, progress: gr.Progress) -> Path | None:
        told = self.studio.bounded(shown_by(progress, wording.DRAWING))
        return write_film(visit.found[PART], visit.folder, str(visit.paths[PART]), told)

    def _scores(self, found: Analysis) -> list[Any]:
        return [
            ranking_view(found, RESULT_PLAYER) or wording.NOTHING_SCORED,
            timeline_view(found, RESULT_PLAYER),
            number_table(found),
            notes_text(found, list(found.texts), self.studio.notes),
        ]


def _download(path: Path | None) -> gr.DownloadButton:
    return gr.DownloadButton(value=path and str(path), interactive=path is not None)


__all__ = ["PART", "PLAYER", "RESULT_PLAYER", "build_analyse_tab"]
