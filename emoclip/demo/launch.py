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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from emoclip.console import require, run_command


try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HOST = "127.0.0.1"
# Requests that wait at most; more are told that the page is busy.
MAX_WAITING = 20
MAX_FILE_SIZE = "200mb"
FOLDER = "emoclip-demo-"


def main(argv: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C and return the exit code."""
    return run_command(_main, argv)


def _main(argv: list[str] | None) -> int | None:
    args = build_parser().parse_args(argv)
    if args.port is not None and not 0 < args.port < 65536:
        raise ValueError(f"`--port` must be between 1 and 65535, got {args.port}; leave it out to take a free one.")
    remove_orphans(Path(tempfile.gettempdir()))
    # Uploads and everything made of them lie in one folder, which goes with the server.
    with _ended_by_signals(), _own_folder() as root:
        before = os.environ.get("GRADIO_TEMP_DIR")
        # Before gradio is imported: parts of it look there once.
        os.environ["GRADIO_TEMP_DIR"] = str(root)
        try:
            require("gradio", "demo")
            _serve(args, root)
        finally:
            os.environ.pop("GRADIO_TEMP_DIR")
            os.environ |= {} if before is None else {"GRADIO_TEMP_DIR": before}
    return 0


def remove_orphans(parent: Path) -> None:
    """Delete the folders of the user's servers that ended without doing so themselves, as by SIGKILL or a crash.

    A server locks its folder as long as it runs, and the lock goes with its process, however that ends.

    Args:
        parent: Where the folders lie.
    """
    if fcntl is None:
        return
    for folder in parent.glob(f"{FOLDER}*"):
        # Another user's, gone meanwhile, or a server's that runs.
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Give a new folder that is locked until the process ends, and delete it afterwards."""
    root = Path(tempfile.mkdtemp(prefix="emoclip-begins-"))
    lock = None
    try:
        if fcntl is not None:
            lock = os.open(root, os.O_RDONLY)
            # A disk without locks, as some network's: then no other server can have the lock either, nor delete the folder.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
        # Only now has it the name under which other servers look for folders without a lock.
        root = root.rename(root.with_name(root.name.replace("emoclip-begins-", FOLDER, 1)))
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End as by Ctrl-C also when a Space is stopped, or the terminal is closed; `nohup` has the latter ignored, and it stays so."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    wanted = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _leave) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
