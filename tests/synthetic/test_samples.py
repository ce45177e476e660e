# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.synthetic.samples import EMOTIONS, NUM_FRAMES, make_clip, make_still


def test_clip_is_a_function_of_seed_split_and_index():
    """Shards rendered apart would not make one data set."""
    assert make_clip(3, "train", 17) == make_clip(3, "train", 17)
    assert make_clip(3, "train", 17).units != make_clip(4, "train", 17).units
    assert make_clip(3, "train", 17).look != make_clip(3, "test", 17).look


def test_classes_are_balanced_and_identities_keep_to_their_split():
    """A face seen in training would leak into the test."""
    train = [make_clip(0, "train", index) for index in range(33)]
    test = [make_clip(0, "test", index) for index in range(33)]
    assert [clip.emotion for clip in train[:11]] == list(EMOTIONS)
    assert not {clip.subject_id for clip in train} & {clip.subject_id for clip in test}
    assert not {clip.look for clip in train} & {clip.look for clip in test}
    stills = [make_still(0, index) for index in range(60)]
    assert not {still.look for still in stills} & {clip.look for clip in test}
    for clip in train:
        assert clip.look == next(other.look for other in train if other.subject_id == clip.subject_id)


def test_frames_show_movement_and_close_the_loop():
    """A clip that does not move has no course; one that jumps at its end spoils circular windows."""
    clip = next(
        c for c in (make_clip(0, "train", 11 * k + 6) for k in range(40)) if c.course == "swell" and not c.blinks
    )
    frames = clip.frames().astype(int)
    assert frames.shape == (NUM_FRAMES, 96, 96, 3)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert np.abs(frames[0] - frames[-1]).mean() <= 1.5 * steps.max()
    assert np.abs(frames - frames[0]).mean() > 1.0


def test_single_frames_of_paired_classes_have_the_same_intensities():
    """If one frame told fear from anxiety, temporal modelling would not be tested."""
    from emoclip.synthetic.courses import course_values

    def heights(label):
        clips = [make_clip(0, "train", 11 * k + label) for k in range(300)]
        return np.sort([course_values(clip.course, clip.phase, NUM_FRAMES)[5] for clip in clips])

    # Kolmogorov-Smirnov distance of two samples of 300; 0.133 is the 1 % limit.
    for first, second in ((2, 8), (5, 10)):
        a, b = heights(first), heights(second)
        distance = np.abs(np.searchsorted(a, b, side="right") / 300 - np.arange(1, 301) / 300).max()
        assert distance < 0.133


def test_still_is_a_function_of_its_index_and_has_no_course():
    """A still's caption must describe what one picture shows."""
    assert make_still(0, 5) == make_still(0, 5)
    assert make_still(0, 5).image().shape == (96, 96, 3)
    assert not any(
        "slowly" in make_still(0, index).caption or "again" in make_still(0, index).caption for index in range(300)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_clip(0, "val", 0), "must be one of train, test, compound, got 'val'"),
        (lambda: make_clip(0, "train", -1), "at least 0, got -1"),
        (lambda: make_still(0, -2), "at least 0, got -2"),
    ],
)
def test_bad_arguments_are_named(call, message):
    """A wrong index must not wrap around."""
    with pytest.raises(ValueError, match=message):
        call()
