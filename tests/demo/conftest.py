# SPDX-License-Identifier: Apache-2.0
"""The page, served on a free port of this computer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.demo import browsing


@contextmanager
def served(
    root: Path,
    model: Path | None = None,
    *,
    mcp_server: bool = False,
    max_size: int = 20,
    port: int | None = None,
    **limits: float,
) -> Iterator[tuple[str, object]]:
    """Give the address of the page and its studio; `max_size` is the number of requests that may wait."""
    from emoclip.demo.app import CSS, HEAD, THEME, build_app
    from emoclip.demo.limits import Limits

    with pytest.MonkeyPatch.context() as patch:
        from gradio import networking

        patch.setenv("GRADIO_TEMP_DIR", str(root))
        # Gradio gives up where its own server has not answered once within three seconds, as on a busy machine.
        patch.setattr(networking, "url_ok", lambda url, once=networking.url_ok: any(once(url) for _ in range(10)))
        page = build_app(model, root=root, limits=Limits(**limits))
        _, address, _ = page.queue(max_size=max_size, default_concurrency_limit=1).launch(
            server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False,
            css=CSS, head=HEAD, theme=THEME, footer_links=["api"], mcp_server=mcp_server, server_port=port,
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


@pytest.fixture(scope="module")
def page_address(tmp_path_factory):
    """The page with the embedded default, whose faces the examples are."""
    with served(tmp_path_factory.mktemp("page"), seconds=60) as (address, studio):
        yield address, studio


@pytest.fixture(scope="session")
def browser():
    """A real browser."""
    if browsing.BROWSER is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browsing.BROWSER, args=list(browsing.ARGUMENTS))
        yield opened
        opened.close()


# Gradio draws the picture of an example by starting its film and stopping it; where two such starts meet, Chromium reports this.
# No code of the page plays a film.
GRADIOS_OWN = "The play() request was interrupted by a call to pause()"


@pytest.fixture
def visit_at(browser) -> Iterator[Callable]:
    """Returns a function that opens the page at an address in a fresh browser; faults of the page fail the test."""
    contexts, faults = [], []

    def visit(address: str, *, consent: bool = True, tolerated: tuple[str, ...] = (), **options):
        def ours(url: str) -> bool:
            return url.startswith((address, "data:", "blob:"))

        def told(message: str) -> None:
            if not any(part in message for part in (*tolerated, GRADIOS_OWN)):
                faults.append(message)

        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "permissions": ["camera"], **options}
        )
        contexts.append(context)
        context.on("console", lambda message: told(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: told(str(error.error)))
        # Whatever else a test must bear with: nothing is asked of another server.
        context.on("request", lambda request: None if ours(request.url) else faults.append(f"outside: {request.url}"))
        return browsing.open_page(context, address, consent=consent)

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def visit(visit_at, page_address) -> Callable:
    """Returns a function that opens the page of this module."""
    return lambda **options: visit_at(page_address[0], **options)
