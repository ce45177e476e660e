# SPDX-License-Identifier: Apache-2.0
"""A manifest of every kind of media, under the name of any data set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.manifest import write_manifest


NAMES = ["tense", "calm"]


@pytest.fixture
def make_manifest(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a manifest of a video in `all`, a folder of frames and a still in `train`."""

    def write(dataset: str = "ravdess/speech", kinds: tuple[str, ...] = ("video", "frames", "image"), **more) -> Path:
        from PIL import Image

        rows = []
        for number, kind in enumerate(kinds):
            place = tmp_path / "media" / {"video": "v.mp4", "frames": "f", "image": "i.png"}[kind]
            if kind == "frames":
                place.mkdir(parents=True)
                for frame in (2, 10):
                    Image.new("RGB", (4, 6)).save(place / f"{frame}.png")
                (place / "notes.txt").write_text("private")
            else:
                place.parent.mkdir(exist_ok=True)
                Image.new("RGB", (4, 6)).save(place, format="png")
            rows.append(
                {
                    "clip_id": kind,
                    "path": place.relative_to(tmp_path).as_posix(),
                    "media": kind,
                    "label": number % 2,
                    "captions": ["a frown"],
                    "subject_id": "s1",
                    "split": "all" if kind == "video" else "train",
                    "boxes": [[1.0, 2.0, 3.0, 4.0]],
                    "text": "what was said",
                    **more,
                }
            )
        path = tmp_path / "m.parquet"
        write_manifest(path, rows, class_names=NAMES, dataset=dataset, licence="l", source="s", notes=["A | note."])
        return path

    return write
