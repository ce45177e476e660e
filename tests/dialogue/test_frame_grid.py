# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from emoclip.dialogue.frame_grid import Stretch, _Shrinker, grid_stretch, read_stretches
from modeling_emoclip.video_sources_emoclip import VideoDecodeError
from tests.dialogue.conftest import write_film


def _shown(frames: list[np.ndarray]) -> list[int]:
    """Numbers of the film's frames, which their grey tells."""
    return [round((float(frame.mean()) - 10) / 5) for frame in frames]


@pytest.mark.parametrize(
    ("start", "end", "first", "last"), [(1.0, 2.0, 8, 16), (1.01, 1.99, 9, 15), (3 * 0.1 * 10, 4.0, 24, 32)]
)
def test_a_stretch_lies_within_its_time(start, end, first, last):
    """The first place is the next one up, the last the next one down; rounding of the sum must not move it."""
    assert grid_stretch(0, start, end, 8.0) == Stretch(0, first, last)


def test_every_place_shows_what_is_on_the_screen_then(make_film):
    """24 frames a second at 8 a second: every third frame."""
    film = make_film(4.0)
    found = dict(read_stretches(film, [Stretch(5, 8, 12), Stretch(6, 10, 11), Stretch(7, 0, 2)], 8.0, 256))
    shown = {stretch.number: _shown(frames) for stretch, frames in found.items()}
    assert shown == {5: [24, 27, 30, 33, 36], 6: [30, 33], 7: [0, 3, 6]}


@pytest.mark.parametrize(("name", "seconds"), [("late.ts", 1.4), ("late.ts", 3600.0), ("late.mkv", 3600.0)])
def test_seconds_count_from_the_start_of_the_film(make_film, shift_film, name, seconds):
    """A recording whose clock began at 3600 s gave its first picture at every place."""
    film = make_film(3.0)
    wanted = [Stretch(1, 0, 4), Stretch(2, 13, 17)]
    expected = [_shown(frames) for _, frames in read_stretches(film, wanted, 8.0, 256)]
    found = [_shown(frames) for _, frames in read_stretches(shift_film(film, name, seconds), wanted, 8.0, 256)]
    assert found == expected == [[0, 3, 6, 9, 12], [39, 42, 45, 2, 5]]


def test_there_is_no_picture_before_the_first_one(tmp_path):
    """What was said before the pictures began was given the first of them, again and again."""
    film = write_film(tmp_path / "late.mkv", picture_seconds=2.0, sound=[(0.0, 2.5)], picture_start=0.5)
    wanted = [Stretch(1, 0, 8), Stretch(2, 3, 8), Stretch(3, 4, 5)]
    found = {stretch.number: _shown(frames) for stretch, frames in read_stretches(film, wanted, 8.0, 256)}
    assert found == {3: [0, 3]}


def test_a_finer_grid_than_the_film_repeats_frames(make_film):
    """A slow film still has a picture at every place."""
    ((_, frames),) = read_stretches(make_film(1.0), [Stretch(1, 0, 5)], 48.0, 256)
    assert _shown(frames) == [0, 0, 1, 1, 2, 2]


def test_stretches_that_the_film_does_not_reach_are_left_out(make_film):
    """The last frame stands for as long as the others: two seconds have 16 places, 0 to 15."""
    found = [
        stretch.number
        for stretch, _ in read_stretches(make_film(2.0), [Stretch(1, 8, 15), Stretch(2, 8, 16)], 8.0, 256)
    ]
    assert found == [1]


def test_frames_are_shrunk_to_the_short_side(make_film):
    """Large films would fill disk and memory; small ones are not blown up."""
    film = make_film(1.0)
    ((_, small),) = read_stretches(film, [Stretch(1, 0, 1)], 8.0, 18)
    ((_, same),) = read_stretches(film, [Stretch(1, 0, 1)], 8.0, 999)
    assert small[0].shape == (18, 32, 3)
    assert same[0].shape == (36, 64, 3)


@pytest.mark.parametrize(("number", "filter"), [(2, Image.Resampling.BILINEAR), (3, Image.Resampling.BICUBIC)])
def test_the_filter_is_pillows(number, filter):
    """The original shrinks with Pillow's bicubic, which looks at its neighbours as they are before they shrink."""
    picture = np.random.default_rng(0).integers(0, 255, (36, 64, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((32, 18), filter)).astype(int)
    assert np.abs(_Shrinker(18, number)._shrunk(picture) - expected).max() <= 1


def test_a_damaged_film_gives_what_lies_before(make_film, tmp_path):
    """Ten clips before the damage are worth having."""
    whole = make_film(4.0, "whole.mkv").read_bytes()
    film = tmp_path / "cut.mkv"
    film.write_bytes(whole[: int(len(whole) * 0.6)])
    found = []
    with pytest.raises(VideoDecodeError, match=r"cut\.mkv"):
        found.extend(
            stretch.number for stretch, _ in read_stretches(film, [Stretch(1, 0, 4), Stretch(2, 24, 31)], 8.0, 256)
        )
    assert found == [1]
