# SPDX-License-Identifier: Apache-2.0
"""Crops appear under their name only when complete."""

from pathlib import Path

import numpy as np
import pytest

from emoclip.data.faces.crop_writers import make_writer
from modeling_emoclip.video_decoding_emoclip import decode_video


SIZE = 32
CROPS = [np.full((SIZE, SIZE, 3), 40 * number, dtype=np.uint8) for number in range(1, 6)]


@pytest.mark.parametrize(
    ("media", "format_name", "name", "kind", "count"),
    [("video", "frames", "é/a", "frames", 5), ("frames", "video", "é/a.mp4", "video", 5), ("image", "video", "é/a.jpg", "image", 1)],
)  # fmt: skip
def test_crops_are_read_back(tmp_path: Path, media, format_name, name, kind, count) -> None:
    """A still that became a video of one frame would be sampled as a clip."""
    writer = make_writer(tmp_path / "é" / "a", media, format_name=format_name, size=SIZE, fps=12.5)
    for crop in CROPS[:count]:
        writer.write(crop)
    assert not writer.path.exists()
    writer.finish()
    assert (writer.path, writer.media) == (tmp_path / name, kind)
    video = decode_video(writer.path)
    assert video.frames.shape == (count, 3, SIZE, SIZE)
    np.testing.assert_allclose(video.frames.float().mean(dim=(1, 2, 3)), [40 * n for n in range(1, count + 1)], atol=3)
    if kind == "video":
        assert video.info.fps == 12.5
    assert [path.name for path in (tmp_path / "é").iterdir()] == [writer.path.name]


@pytest.mark.parametrize(("media", "format_name"), [("video", "frames"), ("video", "video"), ("image", "frames")])
def test_discarded_and_killed_work_leaves_nothing(tmp_path: Path, media, format_name) -> None:
    """Half a folder would be taken for a short clip."""
    options = {"format_name": format_name, "size": SIZE, "fps": 25.0}
    killed = make_writer(tmp_path / "a", media, **options)
    killed.write(CROPS[0])
    for _ in range(2):  # the second one replaces what the first one made
        writer = make_writer(tmp_path / "a", media, **options)
        writer.write(CROPS[1])
        writer.finish()
    again = make_writer(tmp_path / "b", media, **options)
    again.write(CROPS[0])
    again.discard()
    assert [path.name for path in tmp_path.iterdir()] == [writer.path.name]
    assert len(decode_video(writer.path).frames) == 1
