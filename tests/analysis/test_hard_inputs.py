# SPDX-License-Identifier: Apache-2.0
"""Files that people really have, through faces found by the real detector, as in the first command of the README."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.samples import make_clip
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError


WORDS = "happiness,surprise"
CLOCK = 90_000
# Where a head lies in a drawn picture of side 1.
HEAD = (0.18, 0.15, 0.82, 0.94)


class Pipe:
    """What a browser's recorder writes into: it cannot go back to fill in the length."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += data
        return len(data)


@pytest.fixture(scope="module")
def loaded():
    return load_model()


def scene(size, place, side, identity=55, background=(120, 130, 110)):
    """A frame (height, width, 3) with a drawn face of some side at a place."""
    width, height = size
    picture = FaceRenderer(make_clip(0, "test", identity).look).draw({})
    frame = np.full((height, width, 3), background, np.uint8)
    left, top = place
    frame[top : top + side, left : left + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    return frame


def write(target, frames, *, codec="libx264", times=None, form=None, rotation=0):
    """Write frames, at 25 a second or at the given times."""
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast"} if codec == "libx264" else {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if times is not None:
            stream.codec_context.time_base = stream.time_base = Fraction(1, CLOCK)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target


def test_a_phone_clip_of_4k_held_upright(loaded, tmp_path):
    """Stored lying on its side: the face is found in the turned picture, and boxes are in its pixels."""
    upright = scene((2160, 3840), (500, 900), 1100)
    # Shown turned by 90 degrees, so stored turned back.
    path = write(str(tmp_path / "phone.mp4"), [np.rot90(upright, -1)] * 9, rotation=90)
    found = emoclip.analyze(path, WORDS, loaded)
    assert set(found.timeline["person"]) == {1}
    assert found.timeline["match"].notna().all()
    middle = found.people[["x1", "x2"]].mean().mean(), found.people[["y1", "y2"]].mean().mean()
    assert middle == pytest.approx((500 + 550, 900 + 0.55 * 1100), abs=110)
    assert found.timeline["end"].max() <= 9 / 25


def test_a_browsers_recording_without_a_duration(loaded):
    """Nothing in the header says how long it is: progress has no total, times are right all the same."""
    pipe, told = Pipe(), []
    write(pipe, [scene((320, 240), (60, 30), 180)] * 75, codec="libvpx", form="webm")
    found = emoclip.analyze(
        bytes(pipe.data), WORDS, loaded, window=1.0, progress=lambda done, total: told.append((done, total))
    )
    assert set(found.timeline["person"]) == {1}
    assert found.timeline["end"].max() == pytest.approx(74 / 25, abs=0.13)
    assert {total for _, total in told} == {None}


def test_times_of_a_varying_frame_rate_are_those_of_the_file(loaded, tmp_path):
    """Half of the frames lie within the first second, half in the four behind it; index and rate would say otherwise."""
    times = [number / 25 for number in range(25)] + [1 + number * 0.16 for number in range(25)]
    path = write(str(tmp_path / "vfr.mp4"), [scene((320, 240), (60, 30), 180)] * 50, times=times)
    found = emoclip.analyze(path, WORDS, loaded, fps=25, window=1.0, stride=1.0)
    assert found.people["time"].tolist() == pytest.approx(times, abs=2e-3)
    starts = sorted(set(found.timeline["start"]))
    assert starts[0] == 0
    assert np.diff(starts).max() < 1.2
    assert (found.timeline["end"] - found.timeline["start"] <= 1.0).all()


def test_a_cut_every_second(loaded):
    """Two people in turn: each shot is scored, no window reaches over a cut, nobody else is made up."""
    shots = [((70, 20), 55, (40, 60, 80)), ((120, 40), 330, (210, 190, 70))]
    film = np.stack(
        [
            scene((320, 240), *shots[number // 25 % 2][:1], 170, *shots[number // 25 % 2][1:])
            for number in range(4 * 25)
        ]
    )
    found = emoclip.analyze(film, WORDS, loaded, fps=12.5, window=0.5, stride=0.5)
    scored = found.timeline[found.timeline["match"].notna()]
    assert set(scored["person"]) <= {1, 2, 3, 4}
    assert set((scored["start"] // 1).astype(int)) == {0, 1, 2, 3}
    assert ((scored["end"] // 1) == (scored["start"] // 1)).all()


def test_a_crowd_of_fifty(loaded):
    """Everybody who is found has a number and scores of their own, and the memory of one batch is enough."""
    crowd = np.full((620, 1220, 3), (120, 130, 110), np.uint8)
    for number in range(50):
        row, column = divmod(number, 10)
        face = scene((120, 120), (5, 5), 110)
        crowd[10 + 120 * row : 130 + 120 * row, 10 + 120 * column : 130 + 120 * column] = face
    found = emoclip.analyze(np.stack([crowd] * 4), WORDS, loaded, fps=25)
    assert found.timeline["person"].nunique() == 50
    assert found.timeline["match"].notna().all()
    assert len(found.per_window) == found.timeline["person"].nunique()


def test_a_film_of_one_frame(loaded, tmp_path):
    path = write(str(tmp_path / "one.mp4"), [scene((320, 240), (60, 30), 180)])
    found = emoclip.analyze(path, WORDS, loaded)
    assert found.timeline[["person", "start", "end"]].to_numpy().tolist() == [[1, 0, 0]] * 2
    assert found.timeline["match"].sum() == pytest.approx(1)


def test_sound_without_a_picture_is_told(loaded, tmp_path):
    path = tmp_path / "talk.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(VideoDecodeError, match=r"talk\.m4a has only audio"):
        emoclip.analyze(path, WORDS, loaded)


def test_a_camera_is_told_from_a_film(loaded):
    """A number would mean a camera, which has no end."""
    with pytest.raises(ValueError, match=r"run `emoclip webcam --source 0`"):
        emoclip.analyze(0, WORDS, loaded)


def test_a_vocabulary_of_any_script(loaded):
    """256 entries with emoji, Arabic and Chinese, each with a row."""
    words = ["笑顔", "😀", "غضب", "quiet relief", *(f"feeling {number}" for number in range(252))]
    found = emoclip.analyze(scene((320, 240), (60, 30), 180)[None], words, loaded)
    assert found.timeline["emotion"].tolist() == words
    assert found.timeline["match"].sum() == pytest.approx(1)


def test_one_damaged_film_among_several_is_told_and_the_others_are_kept(loaded, tmp_path):
    """A hundred clips must not be lost to one that breaks off in its middle."""
    good = write(str(tmp_path / "good.mp4"), [scene((320, 240), (60, 30), 180)] * 40)
    bad = write(str(tmp_path / "bad.mkv"), [np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)] * 60)
    data = (tmp_path / "bad.mkv").read_bytes()
    (tmp_path / "bad.mkv").write_bytes(data[: len(data) // 2])
    found = emoclip.analyze([bad, good], WORDS, loaded)
    assert set(found.timeline["video"]) == {good}
    assert any(note.startswith("Not analysed: ") and "bad.mkv" in note for note in found.notes)
    with pytest.raises(VideoDecodeError, match=r"bad\.mkv"):
        emoclip.analyze([bad, bad], WORDS, loaded)
