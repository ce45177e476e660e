# SPDX-License-Identifier: Apache-2.0
"""Detectors by name, what they return, and on real pictures where these are at hand."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emoclip.data.faces import yunet
from emoclip.data.faces.detectors import make_detector
from emoclip.data.faces.face import iou
from emoclip.data.faces.frame_scaling import shrink
from emoclip.data.faces.haar import HaarDetector, likely_eyes
from modeling_emoclip.video_decoding_emoclip import iter_frames


MEDIA = os.environ.get("EMOCLIP_TEST_MEDIA")
needs_media = pytest.mark.skipif(not MEDIA, reason="EMOCLIP_TEST_MEDIA names no folder of real clips")


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOCLIP_YUNET", raising=False)


def test_auto_takes_yunet_only_with_weights(tmp_path: Path) -> None:
    """The base of comparison must not change with a file somewhere on the disk."""
    pytest.importorskip("cv2")
    assert make_detector("auto").name == "haar"
    assert make_detector("boxes") is None
    with pytest.raises(ValueError, match=r"yunet needs its weights.*EMOCLIP_YUNET"):
        make_detector("yunet")
    with pytest.raises(FileNotFoundError, match=r"must be a file.*gone\.onnx"):
        make_detector("auto", tmp_path / "gone.onnx")
    with pytest.raises(ValueError, match="must be one of auto, haar"):
        make_detector("mtcnn")


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    """A download that was cut, or a page saved in its place, is the usual case."""
    pytest.importorskip("cv2")
    (tmp_path / "weights.onnx").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"must be an ONNX file.*weights\.onnx"):
        make_detector("yunet", tmp_path / "weights.onnx")


def test_missing_opencv_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV is no part of the base install."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install 'emoclip\[data\]'"):
        HaarDetector()


def test_opencv_without_cascades_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV 5 ships none; without a check every frame would have no face."""
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="5.0.0"))
    with pytest.raises(ImportError, match=r"OpenCV 5\.0\.0 has no haarcascade"):
        HaarDetector()


def test_yunet_output_is_scaled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network looks at a smaller frame, in blue-green-red; boxes are wanted in the pixels of the video."""
    cv2 = pytest.importorskip("cv2")
    seen = []

    class Network:
        def setInputSize(self, size):
            self.size = size

        def detect(self, picture):
            seen.append((self.size, picture.shape, picture[0, 0].tolist()))
            line = [10, 20, 30, 40, 15, 30, 25, 34, 20, 40, 16, 50, 24, 50, 0.9]
            return 1, np.array([line], dtype=np.float32) if len(seen) == 1 else None

    (tmp_path / "w.onnx").touch()
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: Network())
    detector = yunet.YuNetDetector(tmp_path / "w.onnx")
    frame = np.full((360, 1280, 3), (255, 0, 7), dtype=np.uint8)
    (face,) = detector.detect(frame)
    assert seen == [((640, 180), (180, 640, 3), [7, 0, 255])]
    assert face.box == (20, 40, 80, 120) and face.landmarks[:2] == ((30, 60), (50, 68))
    assert face.roll == pytest.approx(21.8, abs=0.1) and face.score == pytest.approx(0.9)
    assert detector.detect(frame) == []


def test_small_frames_are_left_alone() -> None:
    """Enlarging costs time and finds nothing."""
    frame = np.zeros((5, 7, 3), dtype=np.uint8)
    small, scale = shrink(None, frame)
    assert small is frame and scale == 1


@pytest.mark.parametrize(
    ("points", "found"),
    [
        ([(70.0, 42.0), (30.0, 40.0)], True),
        ([(30.0, 40.0)], False),
        ([(30.0, 40.0), (45.0, 40.0)], False),
        ([(30.0, 20.0), (70.0, 60.0)], False),
        ([(30.0, 40.0), (70.0, 42.0), (68.0, 50.0)], False),
    ],
)
def test_only_one_clear_pair_of_eyes_turns_a_face(points, found) -> None:
    """Eyebrows and nostrils are taken for eyes; a wrong pair turns the face, none leaves it as it is."""
    assert likely_eyes(points, 100) == (((30.0, 40.0), (70.0, 42.0)) if found else None)


def test_no_face_in_noise() -> None:
    """An empty answer has another type in OpenCV than one with faces."""
    pytest.importorskip("cv2")
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    assert HaarDetector().detect(noise) == []
    assert HaarDetector().detect(noise[:9, :11]) == []


@needs_media
@pytest.mark.parametrize(("name", "count"), [("single_face.jpg", 1), ("single_face.mp4", 1), ("no_face.mp4", 0), ("multi_face.jpg", 4)])  # fmt: skip
def test_faces_of_real_pictures_are_found(name, count) -> None:
    """Rendered faces say nothing about a detector."""
    pytest.importorskip("cv2")
    _, frame = next(iter_frames(Path(str(MEDIA)) / name))
    faces = HaarDetector().detect(frame.permute(1, 2, 0).numpy())
    assert len(faces) == count
    if name == "single_face.mp4":
        assert iou(faces[0].box, (195, 91, 393, 289)) > 0.8
