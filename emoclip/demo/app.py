# SPDX-License-Identifier: Apache-2.0
"""The demo's page: upload a video, type words, see the ranking and the timeline.

The page only calls `emoclip.analysis`; a number on it is the number that `emoclip.analyze` gives.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from emoclip.analysis import Analysis, LoadedModel, analyze, load_model, parse_emotions
from emoclip.demo import wording
from modeling_emoclip.video_decoding_emoclip import probe_video


MAX_SECONDS = 300
MAX_FILE_SIZE = "200mb"
# Look every five minutes for files older than half an hour; the notice on the page promises it.
DELETE_CACHE = (300, 1800)
TABLE_COLUMNS = ["start", "end", "emotion", "similarity", "match"]
TABLE_DECIMALS = {"start": 3, "end": 3, "similarity": 4, "match": 4}
CSS = """
#notice { border-left: 4px solid #e0a458; padding: 0.4rem 1rem; background: var(--background-fill-secondary); }
"""

# The visitor's own fonts: nothing to fetch, and every weight there.
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])

AnalyzeOutputs = tuple[dict[str, float], Any, pd.DataFrame, str]


def build_app(model_path: str | Path | None = None) -> gr.Blocks:
    """Return the page, with its model loaded.

    Args:
        model_path: Model folder or Hub id; `None` is the embedded default.

    Raises:
        FileNotFoundError: The model does not exist.
        ValueError: It is no EmoCLIP model.
    """
    loaded = load_model(model_path)
    with gr.Blocks(title=wording.TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE) as app:
        gr.Markdown(f"# {wording.TITLE}")
        gr.Markdown(f"{wording.NOTICE}\n- {html.escape(loaded.statement)}", elem_id="notice")
        with gr.Row():
            with gr.Column():
                video = gr.Video(label=wording.STEP_VIDEO, sources=["upload"], height=300)
                words = gr.Textbox(wording.DEFAULT_WORDS, label=wording.STEP_WORDS, lines=5, max_lines=12)
                button = gr.Button(wording.BUTTON, variant="primary")
            with gr.Column():
                ranking = gr.Label(label=wording.RANKING, show_heading=False)
                status = gr.Markdown(wording.WAITING)
        timeline = gr.Plot(label=wording.TIMELINE, show_label=False, format="png")
        table = gr.Dataframe(headers=TABLE_COLUMNS, label=wording.TABLE, interactive=False, max_height=320)
        button.click(
            make_handler(loaded),
            [video, words],
            [ranking, timeline, table, status],
            api_name="analyze",
            concurrency_limit=1,
            show_progress_on=ranking,
        )
    return app


def make_handler(loaded: LoadedModel) -> Callable[..., AnalyzeOutputs]:
    """Return the function behind the button and the endpoint `/analyze`.

    Args:
        loaded: The model that scores.
    """

    def analyze_video(video: str, words: str, progress: gr.Progress = gr.Progress()) -> AnalyzeOutputs:  # noqa: B008 - gradio finds its progress bar by this default
        """Score the apparent expression in a video relative to words of your own. Whole frames are scored, not faces.

        Args:
            video: A video file of at most five minutes.
            words: Words or phrases, one per line or with commas between them.

        Returns:
            The mean relative match of each word, best first; the timeline as a picture; the timeline as a table (start
            and end in seconds, emotion, cosine similarity, relative match), one row per window and word; and what must
            be known about the numbers.
        """
        with _told_to_the_visitor(video):
            emotions = parse_emotions(words or "")
            _check_video(video)
            found = analyze(
                video,
                emotions,
                loaded,
                faces="none",
                progress=lambda done, expected: progress((done, expected), unit="frames"),
            )
            return _outputs(found)

    return analyze_video


def _outputs(found: Analysis) -> AnalyzeOutputs:
    summary = found.summary
    ranking = dict(zip(summary["emotion"], summary["match"], strict=True))
    table = found.timeline[TABLE_COLUMNS].round(TABLE_DECIMALS)
    return ranking, found.figure(), table, "\n\n".join(html.escape(note) for note in found.notes)


def _check_video(video: str | None) -> None:
    if not video:
        raise ValueError(wording.NO_VIDEO)
    duration = probe_video(video).duration
    if duration is not None and duration > MAX_SECONDS:
        raise ValueError(
            f"A video may be at most {MAX_SECONDS} s long here, got {duration:.0f} s; "
            "cut it, or run `emoclip analyze` on your own computer, which knows no limit."
        )


@contextmanager
def _told_to_the_visitor(video: str | None) -> Iterator[None]:
    """Show errors of the visitor's making as a message; others stay in the server's log."""
    try:
        yield
    except (ValueError, OSError) as error:
        # Messages are rendered as HTML and may quote what a visitor typed.
        # Where the server keeps the upload is nobody's business.
        message = str(error).replace(video, Path(video).name) if video else str(error)
        raise gr.Error(html.escape(message, quote=False), print_exception=False) from error
