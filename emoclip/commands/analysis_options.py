# SPDX-License-Identifier: Apache-2.0
"""The options of every command that analyses videos, and what they become."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


SETTINGS = (
    "mode",
    "window",
    "stride",
    "fps",
    "faces",
    "boxes",
    "detector",
    "detector_weights",
    "on_error",
    "allow_urls",
    "precision",
    "compile",
)
SCORING = ("other", "multi_label", "min_quality")


def add_analysis_options(parser: argparse.ArgumentParser) -> None:
    """Add how videos are looked at and scored."""
    _add_windows(parser.add_argument_group("windows"))
    _add_faces(parser.add_argument_group("faces"))
    _add_scores(parser.add_argument_group("words and scores"))
    add = parser.add_argument_group("speed and damage").add_argument
    add(
        "--precision", default="auto", metavar="P", help="float32, bfloat16, or auto: what the processor computes fast"
    )
    add("--allow-urls", action="store_true", help="read http(s) addresses too")
    add("--compile", action="store_true", help="compile the image tower; worth it for hours of video")
    add(
        "--on-error",
        choices=("raise", "truncate"),
        default="raise",
        help="truncate: score a damaged file up to its damage",
    )


def analysis_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of `emoclip.analyze`.

    Raises:
        ValueError: A value is out of its range.
    """
    from emoclip.analysis.settings import AnalysisSettings
    from emoclip.analysis.windows import check_seconds
    from emoclip.analysis.words import check_prompt

    check_prompt(args.prompt)
    check_seconds("--window", args.window)
    check_seconds("--stride", args.stride)
    options = {name: getattr(args, name) for name in SETTINGS}
    AnalysisSettings(**options)
    return {
        **options,
        **scoring_options(args),
        "prompt": args.prompt,
        "agreement": args.agreement,
        **_calibration(args),
    }


def boxes_file(args: argparse.Namespace) -> list[Path]:
    """Return the file of `--boxes`, which is none of the inputs though it may lie among them; none without it."""
    return [] if args.boxes is None else [Path(args.boxes)]


def check_boxes_of(args: argparse.Namespace, videos: Sequence[str]) -> None:
    """Refuse `--boxes` that do not say which of several videos they belong to.

    Raises:
        FileNotFoundError, ValueError: See `emoclip.analysis.given_faces.check_boxes`.
    """
    if args.boxes is not None:
        from emoclip.analysis.given_faces import check_boxes

        check_boxes(args.boxes, videos)


def refuse_without_effect(args: argparse.Namespace, command: str, *names: str) -> None:
    """Refuse options that a command knows but makes no use of.

    Raises:
        ValueError: One is given.
    """
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False, 0.0, "auto")]
    if given:
        raise ValueError(f"`emoclip {command}` makes no use of {', '.join(given)}; leave it out.")


def add_words(parser: argparse.ArgumentParser) -> None:
    """Add what is asked for."""
    words = parser.add_mutually_exclusive_group(required=True)
    words.add_argument("--emotions", metavar="WORDS", help="words, phrases or sums with commas between them")
    words.add_argument("--emotions-file", type=Path, metavar="YAML", help="names, descriptions, compounds, groups")


def words_of(args: argparse.Namespace) -> Any:
    """Return the emotions that are asked for.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: They cannot be used.
    """
    from emoclip.analysis.words import parse_emotions, read_emotions, read_emotions_file

    if args.emotions_file is not None:
        return read_emotions_file(args.emotions_file)
    return read_emotions(parse_emotions(args.emotions))


def _calibration(args: argparse.Namespace) -> dict[str, Any]:
    if args.calibration is None:
        return {}
    from emoclip.analysis.calibration import read_calibration

    return {"calibration": read_calibration(args.calibration)}


def scoring_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keywords of `ScoringSettings`.

    Raises:
        ValueError: A value is out of its range.
    """
    from emoclip.analysis.scoring import ScoringSettings

    options = {name: getattr(args, name) for name in SCORING}
    ScoringSettings(**options)
    return options


def _add_windows(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--mode", default="windows", metavar="M", help="windows, whole (one window) or frames (each by itself)")
    add("--window", type=float, metavar="S", help="seconds of a window (the model's own span)")
    add("--stride", type=float, metavar="S", help="seconds from one window to the next (1)")
    add("--fps", type=float, metavar="N", help="analysed frames a second, about (the model's own distance of frames)")


def _add_faces(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--faces",
        default="all",
        metavar="F",
        help="all, largest (the one person whose face covers most of the video), or none: whole frames",
    )
    add(
        "--boxes",
        metavar="FILE",
        help="faces that are known: a table with frame or time, x1, y1, x2, y2, person, and video for several",
    )
    add(
        "--detector",
        default="auto",
        metavar="D",
        help="haar, yunet, or auto: yunet where its weights are named; with --boxes, whose they are like",
    )
    add("--detector-weights", type=Path, metavar="FILE", help="ONNX file of yunet")
    add("--min-quality", type=float, default=0.0, metavar="Q", help="do not score faces of a lower quality (0)")


def _add_scores(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--prompt", default="auto", metavar="P", help="auto, template, plain, or a template such as 'a {} face'")
    add("--agreement", action="store_true", help="also read the words by other prompts: an interval of each match")
    add("--other", type=float, metavar="S", help="similarity that a word must exceed; else 'none of these'")
    add("--calibration", type=Path, metavar="FILE", help="temperature and priors, from emoclip calibrate")
    add("--multi-label", action="store_true", help="match each word by itself instead of against the others")


__all__ = [
    "add_analysis_options",
    "add_words",
    "analysis_options",
    "boxes_file",
    "check_boxes_of",
    "refuse_without_effect",
    "scoring_options",
    "words_of",
]
