# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.frame_sampling_emoclip`."""

import numpy as np
import pytest
import torch

from modeling_emoclip.frame_sampling_emoclip import (
    circular_window,
    emoclip_indices,
    emotionclip_indices,
    expclip_paper_code_indices,
    mirror_to_length,
    uniform_indices,
)


def test_window_wraps_once_and_then_mirrors():
    """The worked example of the original code: 5 frames, start 1, 32 wanted."""
    start = [1, 2, 3, 4, 0, 1, 2, 3, 4, 3, 2, 1, 0, 4, 3, 2, 1, 2, 3, 4, 0]
    window = circular_window(5, 32, 1)
    assert window[: len(start)] == start
    assert len(window) == 32


@pytest.mark.parametrize(
    ("total", "length", "start", "expected"),
    [
        (9, 3, 2, [2, 3, 4]),
        (9, 3, 6, [6, 7, 8]),
        (9, 3, 7, [7, 8, 0]),
        (3, 3, 0, [0, 1, 2]),
        (3, 3, 2, [2, 0, 1]),
        (3, 4, 0, [0, 1, 2, 0]),
        (3, 4, 2, [2, 0, 1, 2]),
        (3, 6, 2, [2, 0, 1, 2, 1, 0]),
        (1, 4, 0, [0, 0, 0, 0]),
    ],
)
def test_window_by_hand(total, length, start, expected):
    """An error by one at the seam repeats or skips a frame of every clip near the limit."""
    assert circular_window(total, length, start) == expected


def test_mirroring_never_repeats_the_ends():
    """Repeating the end is the other common padding, and not the original's."""
    assert mirror_to_length([7, 8, 9], 9) == [7, 8, 9, 8, 7, 8, 9, 8, 7]
    assert mirror_to_length([7], 3) == [7, 7, 7]
    assert mirror_to_length([7, 8], 1) == [7, 8]


def test_emoclip_rule_takes_every_fourth_frame_from_the_first():
    """Evaluation must not depend on chance."""
    indices, mask = emoclip_indices(130, 32, 4)
    assert indices.tolist() == list(range(0, 128, 4))
    assert mask.all()
    assert mask.shape == (32,)


def test_emoclip_rule_covers_a_clip_whose_length_is_no_multiple():
    """The last candidate of 10 frames is frame 8, not one past the end."""
    assert emoclip_indices(10, 5, 4)[0].tolist() == [0, 4, 8, 0, 4]


def test_training_window_starts_at_every_candidate():
    """A start drawn from too small a range would never show the end of a clip."""
    generator = torch.Generator().manual_seed(0)
    starts = {int(emoclip_indices(30, 4, 7, training=True, generator=generator)[0][0]) for _ in range(200)}
    assert starts == {0, 7, 14, 21, 28}


def test_uniform_rule_takes_the_middle_of_each_segment():
    """Taking the first frame of each segment would never look at the end of a clip."""
    indices, mask = uniform_indices(100, 4)
    assert indices.tolist() == [12, 37, 62, 87]
    assert mask.all()
    assert uniform_indices(7, 7)[0].tolist() == list(range(7))


def test_uniform_rule_repeats_the_last_frame_and_marks_the_repeats():
    """Unmarked repeats would weigh the last frame several times."""
    indices, mask = uniform_indices(3, 5)
    assert indices.tolist() == [0, 1, 2, 2, 2]
    assert mask.tolist() == [True, True, True, False, False]


def test_uniform_training_stays_in_each_segment():
    """Frames out of order would show a face that goes back in time."""
    generator = torch.Generator().manual_seed(1)
    draws = torch.stack([uniform_indices(50, 5, training=True, generator=generator)[0] for _ in range(300)])
    assert draws.min(0).values.tolist() == [0, 10, 20, 30, 40]
    assert draws.max(0).values.tolist() == [9, 19, 29, 39, 49]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circular_window(0, 3, 0), "at least 1 frame, got 0"),
        (lambda: circular_window(5, 3, 5), r"`start` must be in \[0, 5\), got 5"),
        (lambda: circular_window(5, 3, -1), "got -1"),
        (lambda: emoclip_indices(0, 3, 4, training=True), "at least 1 frame, got 0"),
        (lambda: uniform_indices(0, 3), "at least 1 frame, got 0"),
        (lambda: mirror_to_length([], 3), "at least 1 entry, got 0"),
    ],
)
def test_clip_without_frames_is_refused(call, message):
    """An empty clip must fail here and not as a division by zero."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("total", [1, 2, 5, 8, 9, 15, 100, 1001])
def test_emotionclip_evaluates_equal_distances_cut_to_whole_frames(total):
    """The original's `linspace`, on which every probe of the paper stands."""
    indices, mask = emotionclip_indices(total, 8)
    assert indices.tolist() == np.linspace(0, total - 1, 8).astype(int).tolist()
    assert mask.all()


def test_emotionclip_trains_on_distinct_frames_in_order():
    """Frames drawn twice or out of order are not what the temporal part was trained on."""
    generator = torch.Generator().manual_seed(0)
    draws = [emotionclip_indices(20, 8, training=True, generator=generator)[0] for _ in range(50)]
    assert all((draw.diff() > 0).all() for draw in draws)
    assert {int(frame) for draw in draws for frame in draw} == set(range(20))
    indices, mask = emotionclip_indices(3, 5, training=True)
    assert (indices.tolist(), mask.tolist()) == ([0, 1, 2, 2, 2], [True, True, True, False, False])


def test_one_frame_of_emotionclip_is_the_first():
    """A division by the number of gaps, of which there is none."""
    assert emotionclip_indices(9, 1)[0].tolist() == [0]


def test_expclip_takes_the_middle_of_each_segment():
    """The worked example of the original code: 16 of 20 frames."""
    expected = [0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 18, 19]
    assert uniform_indices(20, 16)[0].tolist() == expected
    assert expclip_paper_code_indices(20, 16)[0].tolist() == expected


@pytest.mark.parametrize("total", [1, 7, 16])
def test_expclip_paper_code_repeats_the_first_frame_of_short_clips(total):
    """894 test clips of FERV39k are scored so in the paper."""
    indices, mask = expclip_paper_code_indices(total, 16)
    assert indices.tolist() == [0] * 16
    assert mask.all()


@pytest.mark.parametrize("rule", [emotionclip_indices, expclip_paper_code_indices, uniform_indices])
def test_no_rule_accepts_an_empty_clip(rule):
    """The caller's decoder failed; a frame 0 that does not exist would fail later and elsewhere."""
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        rule(0, 4)
