# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from emoclip.demo.limits import Limits
from emoclip.demo.media_check import check_media, is_picture
from modeling_emoclip.video_sources_emoclip import VideoDecodeError


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "face.jpg"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    return str(path)


def test_good_files_pass(short_clip, picture):
    """A video and a picture, told apart by their content."""
    check_media(str(short_clip), Limits())
    check_media(picture, Limits())
    assert is_picture(picture)
    assert not is_picture(str(short_clip))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(seconds=0.1), r"at most 0\.1 s long here"),
        (Limits(megabytes=0.0001), r"at most 0\.0001 MB here"),
        (Limits(megapixels=0.0001), r"at most 0\.0001 megapixels here"),
        (Limits(frames=3), "at most 3 frames here"),
    ],
)
def test_too_long_too_heavy_too_large(short_clip, limits, told):
    """One visitor's film must not keep all others waiting for an hour."""
    with pytest.raises(ValueError, match=told):
        check_media(str(short_clip), limits)


def test_large_pictures_are_refused_by_their_header(picture):
    """A picture of a gigapixel fits into a small file."""
    with pytest.raises(ValueError, match="40 x 30"):
        check_media(picture, Limits(megapixels=0.001))


def test_recordings_without_a_length_are_measured(tmp_path, make_clip):
    """Browsers' recordings carry none, and passed every limit."""
    import av

    path = tmp_path / "recording.webm"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(40):
            frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    from modeling_emoclip.video_decoding_emoclip import probe_video

    assert probe_video(str(path)).duration is None
    check_media(str(path), Limits(seconds=5))
    with pytest.raises(ValueError, match=r"got 3\.[0-9] s or more"):
        check_media(str(path), Limits(seconds=3))


def test_what_is_no_video_is_told_by_its_content(tmp_path):
    """A name proves nothing."""
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(VideoDecodeError, match=r"must be a video or a picture.*text\.mp4"):
        check_media(str(tmp_path / "text.mp4"), Limits())
    with pytest.raises(ValueError, match=r"got none"):
        check_media(None, Limits())


def test_sides_are_checked_before_a_frame_is_decoded(short_clip, monkeypatch):
    """A frame of a gigapixel takes three gigabytes, whatever the file weighs."""

    def decode(*_):
        raise AssertionError("decoded")

    from emoclip.demo import media_check

    monkeypatch.setattr(media_check, "_count", decode)
    with pytest.raises(ValueError, match="megapixels here"):
        check_media(str(short_clip), Limits(megapixels=0.0001))


def test_frames_larger_than_the_header_says_are_refused(short_clip, monkeypatch):
    """The header is only what a file says of itself; FFmpeg is told the bound too."""
    from emoclip.demo import media_check

    monkeypatch.setattr(media_check, "_check_sides", lambda *_: None)
    with pytest.raises(VideoDecodeError, match="no frame that can be decoded"):
        check_media(str(short_clip), Limits(megapixels=0.0001))


def test_a_header_that_lies_about_the_length_does_not_help(short_clip, tmp_path):
    """A film of two hours that calls itself a second long."""
    import struct

    data = bytearray(short_clip.read_bytes())
    # The lengths of the film and of its track, in the boxes that a player reads.
    for name, place in ((b"mvhd", 20), (b"mdhd", 20)):
        at = data.index(name) + place
        struct.pack_into(">I", data, at, 1)
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(data)
    import av

    with av.open(str(lying)) as container:
        assert float(container.streams.video[0].duration * container.streams.video[0].time_base) < 0.1
    check_media(str(lying), Limits(seconds=30))
    with pytest.raises(ValueError, match=r"got 0\.[34] s or more"):
        check_media(str(lying), Limits(seconds=0.3))


def test_a_picture_of_far_too_many_pixels_is_told_by_the_limit(picture, monkeypatch):
    """The sentence names the bound that holds here."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match="at most 2 megapixels here, got far more"):
        check_media(picture, Limits(megapixels=2))


def test_a_file_that_went_is_told_without_its_folder(tmp_path):
    """After half an hour without a click."""
    with pytest.raises(ValueError, match="choose it again") as caught:
        check_media(str(tmp_path / "gone.mp4"), Limits())
    assert str(tmp_path) not in str(caught.value)


def test_sound_alone_is_no_video(tmp_path):
    """A song has nothing to look at."""
    import av

    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(VideoDecodeError, match="has only audio"):
        check_media(str(path), Limits())
