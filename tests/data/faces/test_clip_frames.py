# SPDX-License-Identifier: Apache-2.0
"""Stretches of films, near and far, whole and in steps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoclip.data.faces import clip_frames as module
from emoclip.data.faces.clip_frames import clip_frames
from modeling_emoclip.video_decoding_emoclip import decode_video


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(
    ("start", "end", "step"), [(0, None, 1), (0, 50, 4), (6, 41, 3), (7, 41, 3), (60, None, 5), (96, 200, 1)]
)
def test_stretches_are_exact(long_clip: Path, monkeypatch, far, start, end, step) -> None:
    """Frames off by one belong to another label; seeking and running through must agree."""
    monkeypatch.setattr(module, "FAR", 0 if far else 10_000)
    monkeypatch.setattr(module, "BLOCK", 4)
    expected = decode_video(long_clip).frames[start:end][::step]
    found = list(clip_frames(long_clip, start=start, end=end, step=step))
    assert [number for number, _ in found] == list(range(0, len(expected) * step, step))
    np.testing.assert_array_equal(np.stack([frame for _, frame in found]), expected.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize("start", [97, 700])
def test_a_stretch_behind_the_end_is_refused(long_clip: Path, start) -> None:
    """Frame numbers of another edition of a film give an empty clip, which must not count as one without a face."""
    with pytest.raises(ValueError, match=rf"long\.mp4 ends before `start_frame` {start}"):
        list(clip_frames(long_clip, start=start))


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (9, 3)])
def test_impossible_stretches_are_refused(long_clip: Path, start, end) -> None:
    """An end that is included by mistake shows as an empty stretch."""
    with pytest.raises(ValueError, match="must have 0 <= start_frame < end_frame"):
        list(clip_frames(long_clip, start=start, end=end))


def test_folders_and_stills(make_frames: Callable[..., Path]) -> None:
    """Many data sets ship frames instead of videos."""
    folder = make_frames("clip", [[(number, 0)] for number in range(5)])
    assert [number for number, _ in clip_frames(folder, start=1, step=2)] == [0, 2]
    assert [frame.shape for _, frame in clip_frames(folder / "000.png")] == [(40, 56, 3)]
