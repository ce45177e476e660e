# SPDX-License-Identifier: Apache-2.0
"""`emoclip demo`: serve the page on this computer, or on a Hugging Face Space.

emoclip demo --port 7860 --model path/to/model
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from emoclip.console import require, run_command


HOST = "127.0.0.1"
# Requests that wait at most; more are told that the page is busy.
MAX_WAITING = 20
MAX_FILE_SIZE = "200mb"


def main(argv: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C and return the exit code."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> int | None:
    args = build_parser().parse_args(argv)
    if args.port is not None and not 0 < args.port < 65536:
        raise ValueError(f"`--port` must be between 1 and 65535, got {args.port}; leave it out to take a free one.")
    # Uploads and everything made of them lie in one folder, which goes with the server however it ends.
    root = Path(tempfile.mkdtemp(prefix="emoclip-demo-"))
    before, handler = os.environ.get("GRADIO_TEMP_DIR"), signal.signal(signal.SIGTERM, _leave)
    # Before gradio is imported: parts of it look there once.
    os.environ["GRADIO_TEMP_DIR"] = str(root)
    try:
        require("gradio", "demo")
        _serve(args, root)
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.environ.pop("GRADIO_TEMP_DIR")
        os.environ |= {} if before is None else {"GRADIO_TEMP_DIR": before}
        shutil.rmtree(root, ignore_errors=True)
    return 0


def _serve(args: argparse.Namespace, root: Path) -> None:
    from emoclip.demo.app import CSS, HEAD, THEME, build_app

    app = build_app(args.model, revision=args.revision, more_models=args.more_models, root=root)
    app.queue(max_size=MAX_WAITING, default_concurrency_limit=1).launch(
        # A Space sets the address by the environment; anywhere else the page is for this computer alone.
        server_name=os.environ.get("GRADIO_SERVER_NAME", HOST),
        server_port=args.port,
        share=args.share,
        max_file_size=MAX_FILE_SIZE,
        mcp_server=not args.no_mcp,
        # gradio would otherwise offer to keep what visitors run.
        run_history=False,
        footer_links=["api"],
        css=CSS,
        head=HEAD,
        theme=THEME,
        ssr_mode=False,
    )


def _leave(number: int, frame: FrameType | None) -> None:
    """End as by Ctrl-C, so that the folder of uploads is removed."""
    sys.exit(0)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip demo`."""
    parser = argparse.ArgumentParser(prog="emoclip demo", description="Open the demo in a browser.")
    environment = os.environ.get
    parser.add_argument("--port", type=int, help="port on this computer (the first free one from 7860)")
    parser.add_argument(
        "--model",
        default=environment("EMOCLIP_MODEL") or None,
        help="model folder or Hub id (the environment variable EMOCLIP_MODEL, else the embedded default)",
    )
    parser.add_argument(
        "--revision",
        default=environment("EMOCLIP_REVISION") or None,
        help="commit of the model on the Hub (EMOCLIP_REVISION)",
    )
    parser.add_argument(
        "--more-models",
        default=environment("EMOCLIP_MORE_MODELS") or None,
        help="models to compare with, with commas between them (EMOCLIP_MORE_MODELS)",
    )
    parser.add_argument("--no-mcp", action="store_true", help="do not offer the endpoints as MCP tools")
    parser.add_argument(
        "--share",
        action="store_true",
        help="also open a public address through gradio's servers; off unless asked for",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
