# SPDX-License-Identifier: Apache-2.0
"""`emoclip export`: a model for ONNX Runtime or OpenVINO, with what it lost.

emoclip export my-emoclip my-emoclip-onnx --format onnx --int8
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from emoclip.console import run_command

from .reporter import Reporter, add_reporting, silence_libraries


EPILOG = """examples:
  emoclip export my-emoclip my-emoclip-onnx
  emoclip export my-emoclip my-emoclip-ov --format openvino --int8
  emoclip export my-emoclip my-emoclip-onnx --int8 --clips a.mp4 b.mp4 --texts "a smile,a frown"

The number of clips, frames, texts and tokens may vary in every graph. What int8 costs is measured on --clips (on drifting
patterns without), printed, and written to export.json. Use: from emoclip.export import load_exported

exit codes: 0 done, 2 bad input or a missing extra, 130 stopped by Ctrl-C"""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip export`."""
    parser = argparse.ArgumentParser(
        prog="emoclip export",
        description="Write a model for ONNX Runtime or OpenVINO, and measure what it lost.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="model folder or Hub id; `default` is the embedded default")
    add("output", type=Path, metavar="FOLDER", help="folder to write")
    add("--format", choices=("onnx", "openvino"), default="onnx", help="for which runtime (onnx)")
    add("--int8", action="store_true", help="also write the graphs with int8 weights")
    add("--parts", action="store_true", help="also the image tower and the temporal part as graphs of their own")
    add("--clips", nargs="+", metavar="FILE", help="clips to measure the loss with (drifting patterns)")
    add("--texts", metavar="TEXTS", help="texts to measure the loss with, commas between them")
    add("--overwrite", action="store_true", help="replace an exported folder")
    add_reporting(parser)
    return parser


def _main(argv: list[str] | None) -> None:
    args = build_parser().parse_args(argv)
    reporter = Reporter(args)
    from emoclip.analysis import parse_emotions
    from emoclip.default_model import path as default_folder
    from emoclip.export.exporting import TEXTS, export_model

    silence_libraries(verbose=args.verbose)
    record = export_model(
        default_folder() if args.model == "default" else args.model,
        args.output,
        format=args.format,
        int8=args.int8,
        parts=args.parts,
        videos=args.clips,
        texts=parse_emotions(args.texts) if args.texts else TEXTS,
        overwrite=args.overwrite,
        report=reporter.line,
    )
    for line in _lines(record):
        reporter.line(line)
    reporter.line(f"Written: {args.output}")
    reporter.document(record)


def _lines(record: dict[str, Any]) -> list[str]:
    sizes = [f"{size:>14,} bytes  {name}" for name, size in record["sizes"].items()]
    return [
        *sizes,
        *(
            f"{precision}: cosine with PyTorch at least {one['lowest_video_cosine']:.6f} (clips) and "
            f"{one['lowest_text_cosine']:.6f} (texts), a relative match differs by at most "
            f"{one['largest_match_difference']:.6f}, the same first text in {one['same_first']:.0%} of "
            f"{one['num_clips']} clips"
            for precision, one in record["fidelity"].items()
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
