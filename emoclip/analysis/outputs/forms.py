# SPDX-License-Identifier: Apache-2.0
"""Every form an analysis can be written in, by the ending of the file's name; whole or not at all, never over another.

clip.csv .json .parquet                 the timeline
clip.windows.csv, clip.frames.csv, ...  the other tables, in the same three forms (`TABLES`)
clip.png .svg                           the plot
clip.html                               a page with a player
clip.mp4                                the annotated film
clip.srt .vtt .eaf .TextGrid            the best word over time
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from emoclip.analysis.saving import TABLE_ENDINGS, check_output, save_tables, write_whole
from emoclip.console import require

from .elan import eaf
from .film import FilmStyle, write_film
from .page import page, video_source
from .praat import textgrid
from .segments import segments
from .subtitles import srt, vtt
from .summary_tables import per_frame, per_video, per_window, relative_to_baseline


if TYPE_CHECKING:
    from emoclip.analysis.result import Analysis

PLOT_ENDINGS = (".png", ".svg")
TRACK_ENDINGS = (".srt", ".vtt", ".eaf", ".textgrid")
# Each of these shows one video.
SINGLE_ENDINGS = (*PLOT_ENDINGS, ".html", ".mp4", *TRACK_ENDINGS)
ENDINGS = (*TABLE_ENDINGS, *SINGLE_ENDINGS)
# What stands before the ending of a table -> what the table holds.
TABLES = {
    "windows": "one row per window, a column for each word",
    "frames": "one row per analysed frame, a column for each word",
    "summary": "one row per person and word: mean, spread, peak, share of the time",
    "change": "the timeline against a baseline clip",
    "groups": "one row per window and group of words",
    "people": "one row per person and frame: boxes and quality",
    "embeds": "one row per window: its embedding (not as .csv)",
    "weights": "one row per window and frame: which frames weighed most",
}
Progress = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class OutputOptions:
    """What the writers need beside the analysis.

    Args:
        video: The film itself, where its name in the tables does not lead to it.
        baseline: Timeline of the baseline clip.
        baseline_person: Whose windows of the baseline count; the most scored person's by default.
        film: Of annotated films.
        html_video: How a page gets at its film: `auto`, `embed`, `link` or `none`.
        progress: Called with the frames written and the frames expected, for films.
    """

    video: Any = None
    baseline: pd.DataFrame | None = None
    baseline_person: int | None = None
    film: FilmStyle = field(default_factory=FilmStyle)
    html_video: str = "auto"
    progress: Progress = lambda done, expected: None


def check_form(
    name: str,
    path: str | Path,
    *,
    overwrite: bool = False,
    num_videos: int = 1,
    baseline: bool = True,
    film: bool = True,
) -> Path:
    """Return `path` if an analysis can be written there, before the analysis is made.

    Args:
        name: Of the option, for the message.
        path: The file.
        overwrite: Allow a file that is there.
        num_videos: How many videos the analysis will hold.
        baseline: Whether there is a baseline clip.
        film: Whether the pictures can be read again, which those of a camera or an address cannot.

    Raises:
        ValueError: The ending is not known, the form shows one video and there are several, or what it needs is not there.
        FileExistsError, FileNotFoundError: See `check_output`.
        ImportError: The form needs an extra that is not installed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    # What may be missing is said before what is there: the other way round a file would be deleted for nothing.
    if ending in PLOT_ENDINGS:
        require("matplotlib", "plot")
    checked = check_output(name, path, ENDINGS, overwrite=overwrite)
    if num_videos > 1 and ending in SINGLE_ENDINGS:
        raise ValueError(
            f"`{name}` {path.name} shows one video, got {num_videos}; put {{stem}} into the name, or save each by itself."
        )
    if ending == ".mp4" and not film:
        raise ValueError(
            f"`{name}` {path.name} needs the film again, which is not kept of a camera or an address; end it in .html or .csv."
        )
    if table_of(path) == "embeds" and ending == ".csv":
        raise ValueError(f"`{name}` {path.name} holds vectors, which a .csv cannot; end it in .parquet or .json.")
    if table_of(path) == "change" and not baseline:
        raise ValueError(f"`{name}` {path.name} needs a baseline clip; pass --baseline (baseline=...).")
    return checked


def refuse_source(name: str, path: str | Path, videos: Iterable[Any]) -> None:
    """Refuse a file that is read: what was asked for must not take the place of the film, not even with `overwrite`.

    Args:
        name: Of the option, for the message.
        path: The file to write.
        videos: What is read; only paths count.

    Raises:
        ValueError: The file is one of them.
    """
    if Path(path).exists() and Path(path).resolve() in {
        Path(one).resolve() for one in videos if isinstance(one, str | Path)
    }:
        raise ValueError(f"`{name}` must not name a video that is read, got {str(path)!r}; choose another name.")


def table_of(path: Path) -> str | None:
    """Return which of `TABLES` a name asks for; `None` is the timeline, or no table at all."""
    if path.suffix.lower() not in TABLE_ENDINGS:
        return None
    kind = Path(path.stem).suffix.lower().removeprefix(".")
    return kind if kind in TABLES else None


def write_form(
    analysis: Analysis, path: str | Path, options: OutputOptions | None = None, *, overwrite: bool = False
) -> tuple[Path, tuple[str, ...]]:
    """Write an analysis in the form that the ending of `path` names, and return the path and warnings.

    Raises:
        ValueError, FileExistsError, FileNotFoundError, ImportError: See `check_form`; or the file is the video itself, or
            nothing was analysed that the form could show.
        OSError: It cannot be written; a full disk leaves nothing behind.
    """
    options = options or OutputOptions()
    num_videos = analysis.timeline["video"].nunique()
    baseline = options.baseline is not None
    refuse_source("output", path, [options.video, *analysis.timeline["video"].unique()])
    path = check_form("output", path, overwrite=overwrite, num_videos=num_videos, baseline=baseline)
    if analysis.timeline.empty and path.suffix.lower() in SINGLE_ENDINGS:
        raise ValueError(f"{path.name} would show nothing: the analysis was stopped before its first window.")
    try:
        return path, _write(analysis, path, options)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = "No space left on the disk, nothing was written; free some or choose another place"
        raise OSError(error.errno, message, str(path)) from error


def output_table(analysis: Analysis, kind: str, options: OutputOptions) -> pd.DataFrame:
    """Return one of `TABLES`."""
    timeline = analysis.timeline
    if kind == "windows":
        return per_window(timeline)
    if kind == "frames":
        return per_frame(timeline, analysis.frame_weights)
    if kind == "summary":
        return per_video(timeline)
    if kind == "groups":
        return analysis.group_timeline
    if kind == "people":
        return analysis.people
    if kind == "weights":
        return analysis.frame_weights
    if kind == "embeds":
        return _embeds(analysis)
    if options.baseline is None:
        raise ValueError("A change is against a baseline clip, got none; pass baseline=... (--baseline).")
    return relative_to_baseline(timeline, options.baseline, person=options.baseline_person)


def _embeds(analysis: Analysis) -> pd.DataFrame:
    if analysis.windows is None:
        raise ValueError("Only what `analyze` returned knows its embeddings, got tables alone; analyse the video.")
    table = analysis.windows.table.reset_index(drop=True)
    return table.assign(embed=list(analysis.windows.embeds.float().numpy()))


def _write(analysis: Analysis, path: Path, options: OutputOptions) -> tuple[str, ...]:
    ending = path.suffix.lower()
    if ending in TABLE_ENDINGS:
        kind = table_of(path)
        table = analysis.timeline if kind is None else output_table(analysis, kind, options)
        name = kind or "timeline"
        save_tables(table, analysis.summary, analysis.facts(), path, overwrite=True, name=name)
    elif ending in PLOT_ENDINGS:
        from emoclip.analysis.timeline_plot import save_figure

        save_figure(analysis.figure(), path)
    elif ending == ".html":
        text = _page(analysis, path, options)
        write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    elif ending == ".mp4":
        return _film(analysis, path, options)
    else:
        text = _track(analysis, ending, options)
        write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return ()


def _track(analysis: Analysis, ending: str, options: OutputOptions) -> str:
    found = segments(analysis.timeline)
    if ending == ".eaf":
        return eaf(found, _video_of(analysis, options))
    return {".srt": srt, ".vtt": vtt, ".textgrid": textgrid}[ending](found)


def _page(analysis: Analysis, path: Path, options: OutputOptions) -> str:
    video = _video_of(analysis, options)
    is_file = isinstance(video, str | Path) and Path(video).is_file()
    mode = "none" if not is_file and options.html_video == "auto" else options.html_video
    return page(
        analysis.timeline,
        analysis.people,
        title=Path(str(analysis.timeline["video"].iloc[0])).name,
        facts=f"{analysis.scope}, {analysis.model}",
        notes=analysis.notes,
        video=video_source(Path(str(video)), path, mode),
    )


def _film(analysis: Analysis, path: Path, options: OutputOptions) -> tuple[str, ...]:
    video = _video_of(analysis, options)
    if isinstance(video, str | Path) and not Path(video).exists():
        raise FileNotFoundError(f"An annotated film needs its source, {video} is not there; pass video=...")
    # Behind the place where Ctrl-C stopped it no face is known, so none could be hidden.
    until = float(analysis.timeline["end"].max()) if analysis.interrupted else None
    warnings: tuple[str, ...] = ()

    def write(partial: Path) -> None:
        nonlocal warnings
        warnings = write_film(
            video, partial, analysis.timeline, analysis.people, options.film, options.progress, until=until
        )

    write_whole(path, write)
    return warnings


def _video_of(analysis: Analysis, options: OutputOptions) -> Any:
    return analysis.timeline["video"].iloc[0] if options.video is None else options.video


__all__ = [
    "ENDINGS",
    "SINGLE_ENDINGS",
    "TABLES",
    "OutputOptions",
    "check_form",
    "output_table",
    "refuse_source",
    "table_of",
    "write_form",
]
