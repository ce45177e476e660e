# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from emoclip.dialogue.frame_grid import Stretch, _Shrinker, grid_stretch, read_stretches
from modeling_emoclip.video_sources_emoclip import VideoDecodeError


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
