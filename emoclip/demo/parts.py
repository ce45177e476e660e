# SPDX-License-Identifier: Apache-2.0
"""Pieces that several tabs have: fields for a file, for words, for choices; and errors told to the visitor."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr

from . import wording
from .presets import OWN_LIST, PRESETS, preset_words
from .studio import THRESHOLD, Progress, Studio


# Fields of a tab, each with what it shows once the consent is taken back.
Cleared = list[tuple[Any, Any]]


@dataclass(frozen=True)
class MediaFields:
    """A video, a picture, and which of them stands in front."""

    video: Any
    picture: Any

    @property
    def both(self) -> list[Any]:
        """As inputs of a handler."""
        return [self.video, self.picture]


def example_clips() -> list[str]:
    """Return the paths of the packaged clips, which are rendered."""
    folder = Path(str(files("emoclip.demo") / "examples"))
    return [str(path) for path in sorted(folder.glob("*.mp4"))]


def media_fields(studio: Studio, player: str) -> MediaFields:
    """Fields for a video or a picture, from a file or the camera, and the examples."""
    with gr.Tabs():
        with gr.Tab(wording.VIDEO):
            video = gr.Video(
                label=wording.VIDEO,
                sources=["upload", "webcam"],
                elem_id=player,
                buttons=[],
            )
            if examples := example_clips():
                gr.Examples([[clip] for clip in examples], [video], label=wording.EXAMPLES, api_visibility="private")
        with gr.Tab(wording.PICTURE):
            picture = gr.Image(
                label=wording.PICTURE,
                sources=["upload", "webcam"],
                height=300,
                type="filepath",
                buttons=[],
                elem_id=player.replace("player", "picture"),
            )
    # One of them counts: the newer one.
    video.input(lambda: None, None, picture, queue=False, api_visibility="private")
    picture.input(lambda: None, None, video, queue=False, api_visibility="private")
    for field in (video, picture):
        # As the server stored it: reading a picture may write a copy.
        field.change(keeper(studio), field, None, queue=False, preprocess=False, api_visibility="private")
    return MediaFields(video, picture)


def keeper(studio: Studio) -> Callable[..., None]:
    """Return a handler that notes a file as the visitor's the moment it arrives, so that it goes with the visit and not before."""

    def keep(stored: dict[str, Any] | None, request: gr.Request) -> None:
        while stored and "path" not in stored:
            stored = stored.get("video")
        if stored:
            studio.keep(str(request.session_hash), stored["path"])

    return keep


def shown_by(progress: gr.Progress, told: str) -> Progress:
    """Return a progress as `analyze` calls it, which moves the page's bar under a heading."""
    return lambda done, expected: progress((done, expected), desc=told, unit="frames")


def agreed(consent: bool | None) -> None:
    """Check that the box is ticked; a page whose fields were opened by other means is told so.

    Raises:
        ValueError: It is not.
    """
    if consent is not True:
        raise ValueError(wording.BOX_NEEDED)


def word_fields(own_list: Any, *, elem_id: str) -> Any:
    """A field for words, with presets, a list kept in the browser, and a builder of compounds."""
    words = gr.Textbox(
        wording.DEFAULT_WORDS, label=wording.WORDS, info=wording.WORDS_HELP, lines=5, max_lines=12, elem_id=elem_id
    )
    with gr.Row():
        preset = gr.Dropdown([*PRESETS, OWN_LIST], value=None, label=wording.PRESET, scale=2)
        keep = gr.Button(wording.KEEP_LIST, size="sm", scale=1)
    told = gr.HTML(visible=False, elem_id=f"{elem_id}-told")
    preset.input(_preset, [preset, own_list, words], [words, told], **_AT_ONCE)
    keep.click(_keep, words, [own_list, told], **_AT_ONCE)
    with gr.Accordion(wording.COMPOUND, open=False):
        parts = gr.Dropdown(
            list(PRESETS["11 of MAFW"]), multiselect=True, allow_custom_value=True, label=wording.COMPOUND_PARTS
        )
        weights = gr.Textbox(label=wording.COMPOUND_WEIGHTS, placeholder="1, 0.5")
        add = gr.Button(wording.COMPOUND_ADD, size="sm")
    add.click(_with_compound, [words, parts, weights], [words, told], **_AT_ONCE)
    return words


# A full queue refuses whatever goes through it, and messages such as `gr.Info` do; these answer in a field instead.
_AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def choice_fields() -> list[Any]:
    """Fields for the choices: faces, prompt, none of these."""
    with gr.Accordion(wording.OPTIONS, open=False):
        which = gr.Radio(wording.FACE_CHOICES, value="all", label=wording.FACES)
        prompt = gr.Radio(wording.PROMPT_CHOICES, value="auto", label=wording.PROMPT)
        other = gr.Slider(0.0, 1.0, value=THRESHOLD, step=0.01, label=wording.OTHER, info=wording.OTHER_HELP)
    return [which, prompt, other]


@contextmanager
def told_to_the_visitor(*paths: str | None) -> Iterator[None]:
    """Show errors of the visitor's making as a message; others stay in the server's log."""
    try:
        yield
    except (ValueError, OSError) as error:
        # Messages are shown as HTML.
        raise gr.Error(html.escape(reason(error, *paths), quote=False), print_exception=False) from error


def reason(error: Exception, *paths: str | None) -> str:
    """Return what an error says, without the folders of files: where the server keeps uploads is nobody's business."""
    message = str(error)
    for path in filter(None, paths):
        message = message.replace(path, Path(path).name)
    return message


def compound(parts: Sequence[str], weights: str) -> str:
    """Return a sum of words as it is typed: "fear + 2*surprise".

    Raises:
        ValueError: Fewer than two components, or weights that are no positive numbers or not as many.
    """
    if len(parts) < 2:
        raise ValueError(f"A compound needs at least 2 components, got {len(parts)}.")
    texts = [text.strip() for text in weights.split(",") if text.strip()]
    if texts and len(texts) != len(parts):
        raise ValueError(f"Give one weight for each of the {len(parts)} components or none, got {len(texts)}.")
    terms = []
    for part, text in zip(parts, texts or ["1"] * len(parts), strict=True):
        try:
            weight = float(text)
        except ValueError:
            weight = 0.0
        if not 0 < weight < float("inf"):
            raise ValueError(f"A weight must be a number above 0, got {text!r}.")
        terms.append(part if weight == 1 else f"{weight:g}*{part}")
    return " + ".join(terms)


def _preset(name: str | None, own: str | None, words: str) -> tuple[str, dict[str, Any]]:
    if name == OWN_LIST:
        return (own, _told("")) if own else (words, _told(wording.NO_OWN_LIST))
    return preset_words(name) if name else words, _told("")


def _keep(words: str) -> tuple[str, dict[str, Any]]:
    return words, _told(wording.KEPT_LIST)


def _with_compound(words: str, parts: list[str] | None, weights: str | None) -> tuple[str, dict[str, Any]]:
    try:
        new = compound(parts or [], weights or "")
    except ValueError as error:
        return words, _told(str(error))
    return f"{words.rstrip()}\n{new}" if words.strip() else new, _told("")


def _told(message: str) -> dict[str, Any]:
    return gr.update(value=f'<p role="status">{html.escape(message)}</p>', visible=bool(message))


__all__ = [
    "Cleared",
    "MediaFields",
    "agreed",
    "choice_fields",
    "compound",
    "example_clips",
    "media_fields",
    "reason",
    "shown_by",
    "told_to_the_visitor",
    "word_fields",
]
