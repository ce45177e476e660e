# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip data crop-faces`: arguments in, `crop_faces` and a few lines out."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from emoclip.console import write_line

from .crop_settings import FORMATS, NO_FACE, CropSettings
from .detectors import DETECTORS
from .selection import SELECTIONS


CROP_EPILOG = """examples:
  --manifest data/mafw.parquet --output data/mafw_faces --workers 8
  --manifest data/caer.parquet --output data/caer_faces --detector yunet --detector-weights yunet.onnx

The folder gets manifest.parquet, crops/, failures.csv and several_faces.csv. The same command goes on after a stop."""


def add_crop_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `crop-faces`."""
    default, add = CropSettings(), parser.add_argument
    add("--manifest", required=True, type=Path, metavar="FILE", help="the manifest")
    add("--output", required=True, type=Path, metavar="DIR", help="folder of the crop set")
    add(
        "--detector",
        choices=DETECTORS,
        default="auto",
        help="auto: the manifest's boxes of faces, else yunet where its weights are given, else haar",
    )
    add("--detector-weights", type=Path, metavar="FILE", help="ONNX file of YuNet (environment: EMOCLIP_YUNET)")
    add("--select", choices=SELECTIONS, default=default.select, help="which of several faces (longest)")
    add("--no-face", choices=NO_FACE, default=default.no_face, help="clips without a face (skip)")
    add("--margin", type=float, default=default.margin, metavar="M", help="share of the box on every side (0.3)")
    add("--size", type=int, default=default.size, metavar="N", help="side of a crop in pixels (224)")
    add("--every", type=int, default=default.every, metavar="N", help="frames from one detection to the next (4)")
    add("--smooth", type=int, default=default.smooth, metavar="N", help="frames of the moving average (15)")
    add("--max-gap", type=int, default=default.max_gap, metavar="N", help="frames a face may be lost (25)")
    add("--format", choices=FORMATS, default=default.format, help="folders of JPEG, or H.264 (frames)")
    add("--workers", type=int, default=1, metavar="N", help="processes (1)")


def crop_faces_main(argv: list[str] | None = None) -> None:
    """Parse the arguments of `crop-faces` and run it."""
    parser = argparse.ArgumentParser(
        description="Detect, track and crop the faces of every clip of a manifest.",
        epilog=CROP_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_crop_arguments(parser)
    run_crop(parser.parse_args(argv))


def run_crop(args: argparse.Namespace) -> None:
    """Crop, and say what was written and what was left out."""
    from tqdm import tqdm

    from .crop_set import crop_faces

    names = ("select", "no_face", "every", "max_gap", "smooth", "margin", "size", "format")
    settings = CropSettings(**{name: getattr(args, name) for name in names})

    def with_bar(results: Iterable, total: int) -> Iterable:
        return tqdm(results, total=total, desc="clips", unit="clip", disable=None)

    made = crop_faces(
        args.manifest,
        args.output,
        settings,
        detector=args.detector,
        weights=args.detector_weights,
        workers=args.workers,
        progress=with_bar,
    )
    for line in made.first_errors:
        write_line(line)
    write_line(
        f"{made.num_clips} clips, {made.num_crops} crops; {made.num_no_face} clips without a face left out, "
        f"{made.num_failed} failed, {made.num_several} with several faces"
    )
    write_line(f"Written: {made.manifest}")


__all__ = ["add_crop_arguments", "crop_faces_main", "run_crop"]
