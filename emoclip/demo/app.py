# SPDX-License-Identifier: Apache-2.0
"""The page: notice and consent, then four tabs. What they do is in `studio`; a number on it is that of `emoclip.analyze`."""

from __future__ import annotations

import html
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from . import timeline_view, wording
from .analyse_tab import build_analyse_tab
from .api import add_endpoints
from .compare_tab import build_compare_tab
from .limits import Limits
from .parts import example_clips
from .search_tab import build_search_tab
from .spoken_names import NAMES_SCRIPT
from .studio import Studio, open_models
from .sweeping import start_sweeping
from .visits import VisitBook


CSS = f"""
#notice {{ border-left: 4px solid #e0a458; padding: 0.4rem 1rem; background: var(--background-fill-secondary); }}
/* The fields for a video keep a place for their buttons below the picture. */
footer, footer * {{ color: var(--body-text-color-subdued) !important; opacity: 1 !important; }}
.dark {{ --color-accent: var(--primary-400); }}
[id$="-player"] video {{ max-height: 300px; }}
#emo-frames .grid-container {{ grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)) !important; }}
#emo-frames, #emo-frames .grid-wrap {{ height: auto !important; min-height: 0; max-height: none; }}
#emo-frames .grid-container {{ padding-top: 1.8rem; height: auto; }}
#emo-frames .thumbnail-item {{ aspect-ratio: 4 / 5; }}
#emo-frames .thumbnail-item img {{ object-position: top; }}
#emo-frames .caption-label {{ max-width: 100%; font-size: 0.75rem; }}
{timeline_view.CSS}
"""
HEAD = timeline_view.SEEK_SCRIPT + NAMES_SCRIPT
# The visitor's own fonts: nothing to fetch, and every weight there.
# Its colours are darker than gradio's where text would not stand out by WCAG's 4.5.
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    body_text_color_subdued="*neutral_600",
    block_info_text_color="*neutral_600",
    block_title_text_color="*neutral_600",
    block_label_text_color="*neutral_600",
    input_placeholder_color="*neutral_500",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    color_accent="*primary_700",
)


def build_app(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    more_models: str | None = None,
    root: Path | None = None,
    limits: Limits | None = None,
) -> gr.Blocks:
    """Return the page, with its models loaded.

    Args:
        model: Model folder or Hub id; `None` is the embedded default, which also stands in for one that cannot be had.
        revision: Of the model on the Hub.
        more_models: To compare with, with commas between them.
        root: Folder of what is kept for visitors; nothing else may lie there, and gradio's own folder should be this one
            (`GRADIO_TEMP_DIR`), so that its copies go as well.
        limits: Of requests.

    Raises:
        FileNotFoundError: A folder that was named is not there or is no model.
        ValueError: A folder holds no EmoCLIP model.
    """
    models, notes = open_models(model, revision, more_models)
    book = VisitBook(root or Path(tempfile.mkdtemp(prefix="emoclip-visits-")), examples=example_clips())
    return build_page(Studio(models, book, limits or Limits(), notes))


def build_page(studio: Studio) -> gr.Blocks:
    """Return the page of a studio."""
    statement = studio.model(None).statement
    with gr.Blocks(title=wording.TITLE, analytics_enabled=False) as app:
        own_list = gr.BrowserState(None, storage_key="emoclip-own-list", secret="kept-in-this-browser")
        gr.Markdown(f"# {wording.TITLE}")
        said = "".join(f"\n- {html.escape(sentence)}" for sentence in (statement, *studio.notes))
        gr.Markdown(f"{wording.NOTICE}{said}", elem_id="notice")
        consent = gr.Checkbox(False, label=wording.CONSENT, elem_id="emo-consent")
        closed = gr.Markdown(wording.CONSENT_FIRST)
        # First, so that they get their names before the page's own events do.
        add_endpoints(studio)
        with gr.Column(visible=False, elem_id="emo-tabs") as opened, gr.Tabs():
            with gr.Tab(wording.TAB_ANALYSE):
                cleared = build_analyse_tab(studio, own_list, consent)
            with gr.Tab(wording.TAB_COMPARE):
                cleared += build_compare_tab(studio, own_list, consent)
            with gr.Tab(wording.TAB_SEARCH):
                cleared += build_search_tab(studio, consent)
            with gr.Tab(wording.TAB_ABOUT):
                gr.Markdown(wording.ABOUT)

        def open_or_close(given: bool, request: gr.Request) -> list[Any]:
            shown = [gr.Column(visible=given), gr.Markdown(visible=not given)]
            if given:
                return [*shown, *[gr.skip()] * len(cleared)]
            # Who takes the consent back takes the file back, from the server and from the fields.
            studio.book.forget(str(request.session_hash))
            return [*shown, *(value for _, value in cleared)]

        consent.change(
            open_or_close,
            consent,
            [opened, closed, *(field for field, _ in cleared)],
            queue=False,
            api_visibility="private",
        )

        def leave(request: gr.Request) -> None:
            studio.book.leave(str(request.session_hash))

        app.unload(leave)
    # What lies there now, such as the strip of examples, is the page's; everything else must belong to a visit.
    studio.book.keep_for_good()
    app.studio, app.sweeping = studio, start_sweeping(studio.book)
    return app


__all__ = ["CSS", "HEAD", "THEME", "build_app", "build_page"]
