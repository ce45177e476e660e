# SPDX-License-Identifier: Apache-2.0
"""What tests do in the page, as a visitor would."""

import os
import shutil
import time
from pathlib import Path

from emoclip.demo.parts import example_clips


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
# Milliseconds; a busy computer must not make a test fail.
PATIENCE = int(os.environ.get("EMOCLIP_PATIENCE", "120000"))
CELLS = "#emo-timeline .emo-cells button"


def open_page(context, address, *, consent=True):
    """A tab of the page, with the box ticked."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("#emo-consent input")
    if consent:
        page.check("#emo-consent input")
        page.wait_for_selector("#emo-analyse", state="visible")
    return page


def choose(page, clip, button="#emo-analyse", wait=CELLS):
    """Upload a file, press the button, and wait for what comes of it."""
    upload(page, clip)
    page.click(button)
    page.wait_for_selector(wait)


def upload(page, clip, player="#emo-player"):
    """Hand a file over and wait for the player."""
    page.set_input_files(f"{player} input[type=file]", clip)
    page.wait_for_selector(f"{player} video")


def wait_for(condition):
    """Until something holds on the server."""
    end = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


def type_words(page, words):
    """Replace the words of the first tab."""
    page.fill("#emo-words textarea", words)


def picture(page, name):
    """Write a picture of the whole page, where a folder for pictures is named."""
    if folder := os.environ.get("EMOCLIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def take(page, button, path):
    """Press a button for a download and keep the file."""
    page.wait_for_selector(f"{button}:not([disabled])")
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(path)
    return path


def clip_named(name):
    """A packaged example."""
    return next(path for path in example_clips() if name in path)
