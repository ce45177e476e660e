# SPDX-License-Identifier: Apache-2.0
"""A film in place of a camera: the same scores as by `analyze`, window by window."""

import av
import numpy as np
import pandas as pd
import pytest
import torch

import emoclip
from emoclip import cli
from emoclip.analysis import load_model
from emoclip.analysis.calibration import Calibration
from emoclip.analysis.words import emotion_texts
from emoclip.live.camera import Camera
from emoclip.live.watching import watch
from modeling_emoclip.video_decoding_emoclip import iter_frames


WORDS = ["joy", "fear"]
FPS = 25 / 3  # of the tiny model's frames


@pytest.fixture(scope="module")
def loaded(tiny_model_folder):
    return load_model(tiny_model_folder)


def test_windows_come_one_by_one_and_are_those_of_analyze(loaded, long_clip):
    """Live or not must make no difference to the numbers."""
    shown = []
    camera = Camera(str(long_clip), FPS, realtime=False)
    result = watch(camera, WORDS, loaded, faces="none", stride=0.5, show=shown.append)
    expected = emoclip.analyze(str(long_clip), WORDS, loaded, faces="none", stride=0.5)
    assert len(shown) > 3
    pd.testing.assert_frame_equal(
        pd.concat(shown, ignore_index=True)[["start", "match"]], result.timeline[["start", "match"]]
    )
    np.testing.assert_allclose(result.timeline["start"], expected.timeline["start"], atol=1e-6)
    np.testing.assert_allclose(result.timeline["match"], expected.timeline["match"], atol=1e-5)


def test_seconds_end_it(loaded, long_clip):
    result = watch(Camera(str(long_clip), FPS, realtime=False), WORDS, loaded, faces="none", seconds=1.0)
    assert result.timeline["end"].max() <= 1.3


def test_ctrl_c_keeps_what_was_scored(loaded, long_clip):
    def stop(rows):
        raise KeyboardInterrupt

    result = watch(Camera(str(long_clip), FPS, realtime=False), WORDS, loaded, faces="none", stride=0.5, show=stop)
    assert result.interrupted
    assert len(result.timeline) > 0


def test_camera_drops_what_comes_too_fast(long_clip):
    """A model slower than the camera must not fall further and further behind; which frames are lost may vary."""
    import time

    camera = Camera(str(long_clip), 25)
    frames = camera.frames()
    first = next(frames)
    deadline = time.monotonic() + 60
    while camera.dropped == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    rest = list(frames)
    assert camera.dropped > 0
    assert 1 + len(rest) + camera.dropped == 97
    assert first.pixels.shape == (3, 26, 34)


def test_a_phones_film_is_upright_as_in_analyze(tmp_path):
    """A film in place of a camera lay on its side, where no detector finds a face."""
    path = tmp_path / "portrait.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        stream.set_display_rotation(90)
        picture = np.tile(np.arange(64, dtype=np.uint8)[None, :, None] * 3, (32, 1, 3))
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    live = [frame.pixels for frame in Camera(str(path), 10, realtime=False).frames()]
    expected = [pixels for _, pixels in iter_frames(path)]
    assert [tuple(one.shape) for one in live] == [(3, 64, 32)] * 3
    assert all(torch.equal(one, other) for one, other in zip(live, expected, strict=True))


def test_rate_is_what_was_asked_for(long_clip):
    numbers = [frame.seconds for frame in Camera(str(long_clip), 5, realtime=False).frames()]
    assert len(numbers) == pytest.approx(3.88 * 5, abs=1)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("nothing.mp4", FileNotFoundError, "must be a camera, a file or an address"),
        ("SOUND", ValueError, "must show pictures"),
    ],
)
def test_source_that_is_none_is_told(source, error, message, tmp_path):
    if source == "SOUND":
        import wave

        source = str(tmp_path / "a.wav")
        with wave.open(source, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\0\0" * 800)
    with pytest.raises(error, match=message):
        Camera(source, 8)


def test_whole_is_refused(loaded, long_clip):
    with pytest.raises(ValueError, match="A live source has no whole"):
        watch(Camera(str(long_clip), FPS), WORDS, loaded, mode="whole")


def test_seconds_end_it_also_where_nobody_is_in_sight(loaded, long_clip):
    """A camera in an empty room films on for ever; only frames, not faces, can count the time."""
    asked = []

    class Counted(Camera):
        def frames(self):
            for frame in super().frames():
                asked.append(frame.seconds)
                yield frame

    result = watch(Counted(str(long_clip), FPS, realtime=False), WORDS, loaded, seconds=1.0)
    assert result.timeline["mark"].unique().tolist() == ["no face"]
    assert max(asked) < 1.5


def test_options_of_analyze_count_for_a_camera_too(loaded, long_clip):
    """Calibration was refused and the precision passed over in silence."""
    fitted = Calibration(
        tuple(WORDS), {"joy": 5.0, "fear": -5.0}, 1.0, 1.0, 30, loaded.name, dict(plain_texts(loaded))
    )
    options = {"faces": "none", "mode": "frames"}
    plain = watch(Camera(str(long_clip), FPS, realtime=False), WORDS, loaded, **options)
    corrected = watch(Camera(str(long_clip), FPS, realtime=False), WORDS, loaded, calibration=fitted, **options)
    joy = [one.timeline.loc[one.timeline["emotion"] == "joy", "match"] for one in (plain, corrected)]
    assert (joy[1].to_numpy() > joy[0].to_numpy()).all()
    half = watch(Camera(str(long_clip), FPS, realtime=False), WORDS, loaded, precision="bfloat16", **options)
    assert half.timeline["similarity"].tolist() != plain.timeline["similarity"].tolist()


def plain_texts(loaded):
    """What the model reads for the words."""
    return emotion_texts(WORDS, "auto", loaded.class_descriptions)


class Breaking(Camera):
    """A stream that breaks off: after so many frames the decoder fails."""

    def __init__(self, source, fps, *, after):
        super().__init__(source, fps, realtime=False)
        self._after = after

    def _wanted(self):
        for number, frame in enumerate(super()._wanted()):
            if number == self._after:
                raise OSError("Connection reset by peer")
            yield frame


def test_a_stream_that_breaks_off_keeps_what_was_scored(loaded, long_clip):
    """An hour's session was lost by the last packet, under the message that it was kept."""
    camera = Breaking(str(long_clip), FPS, after=12)
    result = watch(camera, WORDS, loaded, faces="none", mode="frames")
    assert len(result.timeline) == 12 * len(WORDS)
    assert not result.interrupted
    assert "Connection reset by peer). Scored is what came before." in result.warnings[0]
    assert camera.failure is not None


def test_a_stream_that_breaks_off_at_once_is_an_error(loaded, long_clip):
    """There is nothing to keep, and it must not look like an empty room."""
    with pytest.raises(OSError, match=r"broke off \(Connection reset by peer\)\. Nothing was scored before"):
        watch(Breaking(str(long_clip), FPS, after=0), WORDS, loaded, faces="none")


def test_webcam_writes_what_a_broken_stream_left_and_says_so_by_its_exit_code(
    tiny_model_folder, long_clip, tmp_path, monkeypatch, capsys
):
    """A script must notice that the session is not whole."""
    monkeypatch.setattr("emoclip.live.camera.Camera", lambda source, fps, *, realtime: Breaking(source, fps, after=12))
    arguments = ["--source", str(long_clip), "--emotions", "joy,fear", "--model", str(tiny_model_folder)]
    output = tmp_path / "s.csv"
    assert cli.main(["webcam", *arguments, "--faces", "none", "--every-frame", "--output", str(output)]) == 1
    printed = capsys.readouterr()
    assert len(pd.read_csv(output)) > 0
    assert "error: The source" in printed.err
    assert "Scored is what came before." in printed.out
