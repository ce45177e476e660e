# SPDX-License-Identifier: Apache-2.0
"""`emoclip demo`: serve the page on this computer, or on a Hugging Face Space.

emoclip demo --port 7860 --model path/to/model
"""

from __future__ import annotations

import argparse
import os

from emoclip.console import require, run_command


HOST = "127.0.0.1"
MAX_WAITING = 20


def main(argv: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C and return the exit code."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> int | None:
    args = build_parser().parse_args(argv)
    if args.port is not None and not 0 < args.port < 65536:
        raise ValueError(f"`--port` must be between 1 and 65535, got {args.port}; leave it out to take a free one.")
    require("gradio", "demo")
    from emoclip.demo.app import CSS, MAX_FILE_SIZE, THEME, build_app

    app = build_app(args.model).queue(max_size=MAX_WAITING, default_concurrency_limit=1)
    app.launch(
        # A Space sets the address by the environment; anywhere else the page is for this computer alone.
        server_name=os.environ.get("GRADIO_SERVER_NAME", HOST),
        server_port=args.port,
        share=args.share,
        max_file_size=MAX_FILE_SIZE,
        # gradio would otherwise offer to keep what visitors run.
        run_history=False,
        footer_links=["api"],
        css=CSS,
        theme=THEME,
        ssr_mode=False,
    )
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip demo`."""
    parser = argparse.ArgumentParser(prog="emoclip demo", description="Open the demo in a browser.")
    parser.add_argument("--port", type=int, help="port on this computer (the first free one from 7860)")
    parser.add_argument(
        "--model",
        default=os.environ.get("EMOCLIP_MODEL") or None,
        help="model folder or Hub id (the environment variable EMOCLIP_MODEL, else the embedded default)",
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="also open a public address through gradio's servers; off unless asked for",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
