# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from emoclip.demo.limits import Limits, check_media, check_words, is_picture
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
    with pytest.raises(ValueError, match="got 4 s"):
        check_media(str(path), Limits(seconds=3))


def test_what_is_no_video_is_told_by_its_content(tmp_path):
    """A name proves nothing."""
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(VideoDecodeError, match=r"must be a video or a picture.*text\.mp4"):
        check_media(str(tmp_path / "text.mp4"), Limits())
    with pytest.raises(ValueError, match="got none"):
        check_media(None, Limits())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "at least one word"),
        (None, "at least one word"),
        (",".join(f"w{number}" for number in range(65)), "at most 64 words here, got 65"),
        ("x" * 301, "at most 300 letters, got 301"),
        ("\n".join(f"word {number}" for number in range(10_000)), "letters together, got"),
        ("joy,Joy", "more than case and spaces"),
    ],
)
def test_lists_that_cannot_be_used_are_told(words, told):
    """Ten thousand words are refused without a look at each."""
    with pytest.raises(ValueError, match=told):
        check_words(words, Limits())
