# SPDX-License-Identifier: Apache-2.0
"""The options of commands that write films and pages, and what they become."""

from __future__ import annotations

import argparse
from typing import Any


def add_film_options(group: argparse._ArgumentGroup) -> None:
    """Add how annotated films and pages look."""
    add = group.add_argument
    add(
        "--blur-faces",
        action="store_true",
        help="in an .mp4, hide every face that is found (one that is not found stays); an .html comes without the film",
    )
    add("--no-panel", action="store_true", help="in an .mp4, boxes without bars beside the picture")
    add("--no-sound", action="store_true", help="in an .mp4, leave the sound out")
    add("--font", metavar="FILE", help="in an .mp4, font of scripts that the system's fonts lack")
    add(
        "--html-video", default="auto", choices=("auto", "embed", "link", "none"), help="how an .html gets at the film"
    )


def film_options(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return the keywords of `FilmStyle`, and how an .html gets at its film.

    Args:
        args: Of `add_film_options`, and `faces`.

    Raises:
        ValueError: The font is none, or faces are to be hidden that nobody looks for.
    """
    from emoclip.analysis.outputs.drawing import load_font

    if args.font is not None:
        load_font(12, args.font)
    if args.blur_faces and args.faces == "none":
        raise ValueError(
            "`--blur-faces` hides faces that are found, got --faces none, which looks for none; leave one of the two out."
        )
    style = {
        "panel": not args.no_panel,
        "blur_faces": args.blur_faces,
        "sound": not args.no_sound,
        "font": args.font,
    }
    # A page that shows the film as it is would show whom the annotated film hides.
    return style, "none" if args.blur_faces and args.html_video == "auto" else args.html_video


__all__ = ["add_film_options", "film_options"]
