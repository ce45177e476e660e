# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from emoclip.batch.scorer import BatchSettings


@pytest.fixture
def films(short_clip, make_clip, tmp_path):
    """A folder with two films in folders, a file that is none, and names that need care."""
    folder = tmp_path / "films"
    (folder / "deep").mkdir(parents=True)
    shutil.copyfile(short_clip, folder / "a.mp4")
    shutil.copyfile(short_clip, folder / "deep" / "笑顔 😀.mp4")
    (folder / "bad\x1b.mp4").write_bytes(b"no film")
    (folder / "notes.txt").write_text("not a film")
    (folder / ".hidden.mp4").write_bytes(b"")
    return folder


@pytest.fixture
def make_settings(tiny_model_folder, tmp_path):
    """Return a function that makes settings for the tiny model; whole frames, which noise has."""

    def make(output=None, **changes):
        values = {
            "emotions": ["joy", "fear"],
            "model": str(tiny_model_folder),
            "output": str(output or tmp_path / "out"),
            "options": {"faces": "none"},
        }
        return BatchSettings(**(values | changes))

    return make
