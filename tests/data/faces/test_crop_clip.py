# SPDX-License-Identifier: Apache-2.0
"""One clip from frames to crops."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoclip.data.faces import crop_writers
from emoclip.data.faces.crop_clip import ClipJob, ClipResult, crop_clip
from emoclip.data.faces.crop_settings import CropSettings
from emoclip.data.faces.crop_writers import OutputError
from modeling_emoclip.video_decoding_emoclip import decode_video


pytest.importorskip("cv2")
SETTINGS = CropSettings(size=32, margin=0.5, smooth=3, every=3, max_gap=6)
# The red square moves to the right; the green one stands still and is there half of the time.
FRAMES = [[(4 + number, 10)] + ([(42, 24)] if number < 11 else []) for number in range(23)]


@pytest.fixture
def job(tmp_path: Path, make_frames: Callable[..., Path]) -> ClipJob:
    make_frames("in/clip", FRAMES)
    return ClipJob(5, "s/clip", "clip", "frames", tmp_path / "in", tmp_path / "out", "crops/s/clip")


def run(job: ClipJob, detector, settings: CropSettings = SETTINGS, **changes) -> ClipResult:
    job = ClipJob(**(vars(job) | changes))
    return crop_clip(job, settings, detector, use_boxes=detector is None or detector.name == "auto")


def test_the_square_stays_in_the_middle(job, detector, tmp_path: Path) -> None:
    """A box that lags, is cut off or is scaled wrongly moves the face about in its crop."""
    result = run(job, detector)
    assert (result.error, result.num_faces, result.detector) == (None, 2, "squares")
    (crop,) = result.crops
    assert (crop["num_frames"], crop["start_frame"], crop["end_frame"]) == (23, 0, 23)
    assert crop["source_boxes"][10] == pytest.approx([14, 10, 26, 22]) and crop["track"] is None
    for frame in decode_video(tmp_path / "out" / crop["path"]).frames.permute(0, 2, 3, 1).numpy()[1:21]:
        inside = (frame[..., 0] > 170) & (frame[..., 1] < 100)
        ys, xs = np.nonzero(inside)
        # 12 pixels in a square of 24, which becomes 32: from 8 to 24.
        assert [xs.min(), xs.max() + 1, ys.min(), ys.max() + 1] == pytest.approx([8, 24, 8, 24], abs=1)
    # Masks of the subject are drawn on the crop, not on what was cropped.
    assert crop["boxes"] == [pytest.approx([8, 8, 24, 24])] * 23


def test_each_track_becomes_a_clip_of_its_stretch(job, detector, tmp_path: Path) -> None:
    """Frames in which a person is gone must not be labelled with her expression."""
    result = run(job, detector, CropSettings(**(vars(SETTINGS) | {"select": "all"})))
    assert [(crop["track"], crop["num_frames"], crop["path"]) for crop in result.crops] == [
        (1, 23, "crops/s/clip#1"),
        (2, 10, "crops/s/clip#2"),
    ]
    assert len(list((tmp_path / "out/crops/s/clip#2").iterdir())) == 10


def test_a_stretch_of_a_film_is_counted_in_the_film(job, detector) -> None:
    """Crops that cannot be traced to their frames cannot be checked."""
    (crop,) = run(job, detector, start=4, end=16).crops
    assert (crop["num_frames"], crop["start_frame"], crop["end_frame"]) == (12, 4, 16)
    assert crop["source_boxes"][6] == pytest.approx([14, 10, 26, 22])


def test_frames_named_one_by_one(job, detector) -> None:
    """The folder of a film holds 200,000 frames, and a clip is a few of them."""
    (crop,) = run(job, detector, frame_name="{:03}.png", start=4, end=16).crops
    assert (crop["num_frames"], crop["start_frame"], crop["end_frame"]) == (12, 4, 16)
    assert crop["source_boxes"][6] == pytest.approx([14, 10, 26, 22])
    assert "099.png" in str(run(job, detector, frame_name="{:03}.png", start=99, end=101).error)


def test_boxes_of_the_data_set_are_taken(job) -> None:
    """They need no detector; one box holds for all frames, and frames without one are interpolated."""
    (crop,) = run(job, None, boxes=[[2, 4, 8, 10]]).crops
    assert crop["num_frames"] == 23 and crop["source_boxes"][22] == [2, 4, 8, 10]
    moving = [[frame, 4, frame + 6, 10] if frame % 4 == 0 else [] for frame in range(23)]
    (crop,) = run(job, None, boxes=moving).crops
    assert crop["num_frames"] == 23 and crop["source_boxes"][10] == pytest.approx([10, 4, 16, 10])


def test_boxes_of_persons_choose_among_faces(job, detector) -> None:
    """In BoLD a row is one person of a clip with several."""
    (crop,) = run(job, detector, boxes=[[40, 0, 56, 40]], boxes_are_persons=True).crops
    assert crop["source_boxes"][0] == [42, 24, 54, 36] and crop["num_frames"] == 10


@pytest.mark.parametrize("no_face", ["skip", "keep"])
def test_clips_without_a_face(tmp_path: Path, make_frames, job, detector, no_face) -> None:
    """They are told apart from those that fail, and kept on request only."""
    make_frames("in/empty", [[]] * 7)
    result = run(job, detector, CropSettings(**(vars(SETTINGS) | {"no_face": no_face})), path="empty")
    assert result.num_faces == 0
    if no_face == "skip":
        assert result.error == "no face found in 3 frames looked at (squares)" and not result.crops
    else:
        assert result.crops[0]["num_frames"] == 7 and result.crops[0]["source_boxes"][0] == [8, 0, 48, 40]


def test_bad_clips_are_reported(tmp_path: Path, job, detector) -> None:
    """One bad clip of ten thousand must not end the run, and must be found again."""
    (tmp_path / "in/cut.mp4").write_bytes(b"\x00" * 99)
    assert "gone.mp4 does not exist" in str(run(job, detector, path="gone.mp4").error)
    assert "cut.mp4" in str(run(job, detector, path="cut.mp4", media="video").error)
    assert "ends before `start_frame` 40" in str(run(job, detector, start=40).error)
    assert "row 5 has none" in str(run(job, None, boxes=[[], None]).error)
    assert "frame 0 has [1.0, 2.0]" in str(run(job, None, boxes=[[1.0, 2.0]]).error)
    assert not (tmp_path / "out").exists()


def test_a_fault_of_the_detector_is_a_bad_clip(job, detector, monkeypatch) -> None:
    """OpenCV raises a type of its own."""

    def fail(frame):
        raise RuntimeError("(-215:Assertion failed)")

    monkeypatch.setattr(detector, "detect", fail, raising=False)
    assert run(job, detector).error == "RuntimeError: (-215:Assertion failed)"


def test_damage_in_the_middle_leaves_no_crops(tmp_path: Path, job) -> None:
    """Boxes of the data set let cropping begin before the damage is met."""
    (tmp_path / "in/clip/012.png").write_bytes(b"no picture")
    result = run(job, None, boxes=[[2, 4, 8, 10]])
    assert "012.png" in str(result.error) and not result.crops
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_a_full_disk_ends_the_run_and_names_the_clip(job, detector, monkeypatch) -> None:
    """Otherwise all further clips would be listed as failed and never tried again."""

    def full(path, picture):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(crop_writers, "save_jpeg", full)
    with pytest.raises(OutputError, match=r"clip 's/clip' \(row 5, clip\).*No space left.*goes on"):
        run(job, detector)


def test_an_output_that_cannot_be_written_ends_the_run(tmp_path: Path, job, detector) -> None:
    """A folder that may not be written to concerns every clip."""
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="Crops must be written to"):
        run(job, detector)
    shutil.rmtree(tmp_path / "in")
