# SPDX-License-Identifier: Apache-2.0
"""The tab that analyses a file, and scores it again as the words change."""

from __future__ import annotations

import html
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from av.error import FFmpegError

from emoclip.analysis import Analysis

from . import wording
from .parts import (
    Cleared,
    MediaFields,
    agreed,
    choice_fields,
    media_fields,
    reason,
    shown_by,
    told_to_the_visitor,
    word_fields,
)
from .showing import heavy_frames, notes_text, number_table, warnings_view, write_film, write_tables
from .studio import Choices, Studio
from .timeline_view import is_still, ranking_view, timeline_view


PLAYER, RESULT_PLAYER = "emo-player", "emo-result"
# Where a time leads: into the drawn video, or where there is none into the one that was chosen.
SEEKING = f"{RESULT_PLAYER} {PLAYER}"
PART = "analyse"
TABLES = ("csv", "json", "plot")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Fields:
    """The parts of the page that events read or fill."""

    media: MediaFields
    words: Any
    choices: Sequence[Any]
    button: Any
    stale: Any
    player: Any
    film: Any
    ranking: Any
    notes: Any
    results: Any
    timeline: Any
    frames: Any
    table: Any
    downloads: Sequence[Any]
    drawing: Any
    annotate: Any
    blur: Any

    @property
    def scores(self) -> list[Any]:
        """What new words change."""
        return [self.ranking, self.timeline, self.table, self.notes]


def build_analyse_tab(studio: Studio, own_list: Any, consent: Any) -> Cleared:
    """Lay out the tab and connect it; returns what is cleared when the consent is taken back."""
    fields = _lay_out(studio, own_list)
    _connect(fields, _Handlers(studio), consent)
    hidden = [(part, gr.update(visible=False)) for part in (fields.results, fields.stale)]
    texts = [(fields.ranking, wording.WAITING), (fields.notes, wording.OLD_WORDS), (fields.timeline, "")]
    emptied = (*fields.media.both, fields.film, fields.frames, fields.table)
    return [*((field, None) for field in emptied), *texts, *hidden]


def _lay_out(studio: Studio, own_list: Any) -> _Fields:
    parts: dict[str, Any] = {}
    with gr.Row():
        with gr.Column():
            parts["media"] = media_fields(studio, PLAYER)
            parts["words"] = word_fields(own_list, elem_id="emo-words")
            parts["choices"] = choice_fields()
            parts["button"] = gr.Button(wording.BUTTON, variant="primary", elem_id="emo-analyse")
            parts["stale"] = gr.Markdown(wording.STALE, visible=False, elem_id="emo-stale")
        with gr.Column():
            # A picture has no annotated video.
            with gr.Column() as parts["player"]:
                parts["film"] = gr.Video(
                    label=wording.ANNOTATED, interactive=False, height=300, elem_id=RESULT_PLAYER, buttons=[]
                )
            parts["ranking"] = gr.HTML(wording.WAITING, elem_id="emo-ranking")
            parts["notes"] = gr.Markdown(wording.OLD_WORDS, elem_id="emo-notes")
    # An empty table and grey buttons say nothing: shown with the first result.
    with gr.Column(visible=False, elem_id="emo-results") as parts["results"]:
        parts |= _lay_out_results()
    return _Fields(**parts)


def _lay_out_results() -> dict[str, Any]:
    parts: dict[str, Any] = {"timeline": gr.HTML(elem_id="emo-timeline")}
    parts["frames"] = gr.Gallery(
        label=wording.FRAMES, columns=6, object_fit="contain", elem_id="emo-frames", buttons=[]
    )
    parts["table"] = gr.Dataframe(label=wording.TABLE, interactive=False, max_height=320)
    with gr.Row():
        parts["downloads"] = [
            gr.DownloadButton(label, interactive=False, elem_id=f"emo-{kind}")
            for kind, label in wording.DOWNLOADS.items()
        ]
    with gr.Row() as parts["drawing"]:
        parts["annotate"] = gr.Button(wording.ANNOTATE, elem_id="emo-annotate")
        parts["blur"] = gr.Checkbox(False, label=wording.BLUR, elem_id="emo-blur")
    return parts


def _connect(fields: _Fields, handlers: _Handlers, consent: Any) -> None:
    """Say what happens on the button, on other words, and on another file."""
    media, words, choices, downloads = fields.media, fields.words, fields.choices, fields.downloads
    shown = [fields.film, fields.frames, downloads[3], fields.results, fields.player, fields.drawing, fields.stale]
    fields.button.click(
        handlers.analyse,
        [consent, *media.both, words, *choices, fields.blur],
        [*fields.scores, *shown],
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
        show_progress_on=[fields.ranking],
    ).success(handlers.tables, None, downloads[:3], **_LIGHT)
    gr.on(
        [words.change, choices[1].input, choices[2].release],
        handlers.rescore,
        [consent, words, *choices],
        [*fields.scores, downloads[3]],
        trigger_mode="always_last",
        **_LIGHT,
    ).success(handlers.tables, None, downloads[:3], **_LIGHT)
    fields.annotate.click(
        handlers.annotate,
        [consent, fields.blur],
        [fields.film, downloads[3]],
        concurrency_limit=1,
        concurrency_id="film",
        api_visibility="private",
    )
    gr.on(
        [choices[0].input, media.video.change, media.picture.change],
        handlers.outdated,
        media.both,
        fields.stale,
        queue=False,
        preprocess=False,
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
        blur: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio finds its progress bar by this default
    ) -> list[Any]:
        path, session = video or picture, str(request.session_hash)
        self.studio.keep(session, path)
        # The visit is held until everything is written: a tab that is closed meanwhile leaves nothing behind.
        with told_to_the_visitor(path), self.studio.book.working(session) as visit:
            agreed(consent)
            end = self.studio.deadline()
            watched = self.studio.bounded(shown_by(progress, wording.LOOKING), end)
            found = self.studio.look_at(path, words, Choices(faces, prompt, other), watched)
            # From here on there are numbers, which nothing that fails may cost the visitor.
            drawn = self.studio.bounded(shown_by(progress, wording.DRAWING), end)
            missing: list[str] = []
            with _noted(wording.FILM_MISSING, path, missing) as film:
                film += filter(None, [write_film(found, visit.folder, str(path), drawn, blur_faces=blur)])
            with _noted(wording.FRAMES_MISSING, path, missing) as frames:
                frames += heavy_frames(found, str(path), visit.folder)
            visit.show(PART, found, str(path))
        moving = not is_still(found)
        shown = [str(film[0]) if film else None, frames, _download(film[0] if film else None)]
        layout = [
            gr.Column(visible=True),
            gr.Column(visible=moving),
            gr.Row(visible=moving),
            gr.Markdown(visible=False),
        ]
        return [*self._scores(found, missing), *shown, *layout]

    def outdated(
        self, video: dict[str, Any] | None, picture: dict[str, Any] | None, request: gr.Request
    ) -> dict[str, Any]:
        """Say that a newer choice is not in the numbers yet; they are looked at when the button is pressed."""
        visit = self.studio.book.find(str(request.session_hash))
        return gr.update(visible=bool(video or picture) and visit is not None and PART in visit.found)

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
        blur: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - as above
    ) -> list[Any]:
        with told_to_the_visitor(), self.studio.book.working(str(request.session_hash)) as visit:
            agreed(consent)
            if PART not in visit.found:
                raise ValueError(wording.NO_ANALYSIS)
            drawn = self.studio.bounded(shown_by(progress, wording.DRAWING), self.studio.deadline())
            film = write_film(visit.found[PART], visit.folder, str(visit.paths[PART]), drawn, blur_faces=blur)
        return [film and str(film), _download(film)]

    def _scores(self, found: Analysis, missing: Iterable[str] = ()) -> list[Any]:
        return [
            warnings_view(found) + (ranking_view(found, SEEKING) or wording.NOTHING_SCORED),
            timeline_view(found, SEEKING),
            number_table(found),
            notes_text([*missing, *self.studio.notes, *found.notes]),
        ]


@contextmanager
def _noted(sentence: str, path: str | None, missing: list[str]) -> Iterator[list[Any]]:
    """Give a list for what is drawn, and put a sentence among what is missing where drawing fails or is late."""
    drawn: list[Any] = []
    try:
        yield drawn
    except (ValueError, OSError, FFmpegError) as error:
        logger.warning("Drawing failed: %s", type(error).__name__, exc_info=True)
        missing.append(sentence.format(reason=reason(error, path)))


def _download(path: Path | None) -> gr.DownloadButton:
    return gr.DownloadButton(value=path and str(path), interactive=path is not None)


__all__ = ["PART", "PLAYER", "RESULT_PLAYER", "build_analyse_tab"]
