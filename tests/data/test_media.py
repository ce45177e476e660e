# SPDX-License-Identifier: Apache-2.0
"""The media behind a row: files, stretches of films, named frames, bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from emoclip.data.media import PIECE, clip_source, iter_clip
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, decode_video, stretch_bounds


def test_stretch_is_the_same_frames_as_those_of_the_film(make_clip: Callable[..., Path]) -> None:
    """Off by one, every scene begins with the last frame of the one before."""
    film = make_clip(150, "film.mp4")
    row = {"file": str(film), "media": "video", "start_frame": 31, "end_frame": 31 + PIECE + 5}
    frames = torch.stack(list(iter_clip(row)))
    assert torch.equal(frames, decode_video(film, indices=range(31, 36 + PIECE)).frames)


def test_stretch_that_goes_on_after_the_film_ends_there(make_clip: Callable[..., Path]) -> None:
    """The last scenes of a film whose release is a little shorter."""
    film = make_clip(11, "film.mp4")
    row = {"file": str(film), "media": "video", "start_frame": 8, "end_frame": 200}
    assert len(list(iter_clip(row))) == 3
    assert stretch_bounds((8, None), 11) == (8, 11)


def test_stretch_behind_the_end_is_refused(make_clip: Callable[..., Path]) -> None:
    """Another release of the film must not give an empty clip."""
    row = {"file": str(make_clip(11, "film.mp4")), "media": "video", "start_frame": 11, "end_frame": 20}
    with pytest.raises(VideoDecodeError, match="frames 11 to 20 were asked of 11"):
        list(iter_clip(row))


def test_named_frames_are_not_searched_for(tmp_path: Path) -> None:
    """A film's folder holds 200,000 files; listing it for every clip would take longer than decoding."""
    row = {"file": str(tmp_path / "film"), "media": "frames", "frame_name": "frame_{}.jpg"}
    source, stretch = clip_source({**row, "start_frame": 9, "end_frame": 12})
    assert [path.name for path in source] == ["frame_9.jpg", "frame_10.jpg", "frame_11.jpg"]
    assert stretch is None
    with pytest.raises(ValueError, match="need an `end_frame`"):
        clip_source({**row, "start_frame": 9, "end_frame": None})


def test_media_inside_the_table_come_first(tmp_path: Path) -> None:
    """A shard carries the path of the original as a name; the file need not be there."""
    picture = tmp_path / "still.png"
    Image.new("RGB", (9, 7), (1, 2, 3)).save(picture)
    row = {"file": None, "video": None, "image": {"bytes": picture.read_bytes(), "path": "gone.png"}}
    assert [tuple(frame.shape) for frame in iter_clip(row)] == [(3, 7, 9)]


def test_row_without_media_is_refused() -> None:
    """A table of another project."""
    with pytest.raises(ValueError, match="must have a file or media in video, image, frames, got only label"):
        clip_source({"label": 3})
