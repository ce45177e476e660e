# SPDX-License-Identifier: Apache-2.0
"""The page, served on a free port of this computer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def served(root: Path, model: Path | None = None, **limits: float) -> Iterator[tuple[str, object]]:
    """Give the address of the page and its studio."""
    from emoclip.demo.app import CSS, HEAD, THEME, build_app
    from emoclip.demo.limits import Limits

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(root))
        page = build_app(model, root=root, limits=Limits(**limits))
        _, address, _ = page.queue(max_size=20, default_concurrency_limit=1).launch(
            server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False,
            css=CSS, head=HEAD, theme=THEME, footer_links=["api"],
        )  # fmt: skip
        try:
            yield address, page.studio
        finally:
            page.sweeping.set()
            page.close()


@pytest.fixture
def serve() -> Callable:
    """Returns `served`."""
    return served
