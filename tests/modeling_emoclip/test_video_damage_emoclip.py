# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.video_damage_emoclip`."""

import io
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

from modeling_emoclip.video_damage_emoclip import Damage, Header, cut_reason, declared_size
from modeling_emoclip.video_decoding_emoclip import decode_video, iter_frames
from modeling_emoclip.video_sources_emoclip import MediaSource, VideoDecodeError


HEADER = Header(num_frames=10, fps=25.0, duration=0.4, time_base=Fraction(1, 1000))
UNKNOWN = Header(num_frames=None, fps=None, duration=None, time_base=Fraction(1, 1000))


def source(head: bytes, size: int | None) -> MediaSource:
    return MediaSource("clip", opener=lambda: io.BytesIO(head), size=size)


def matroska(segment_size: bytes) -> bytes:
    return b"\x1a\x45\xdf\xa3\x84abcd" + b"\x18\x53\x80\x67" + segment_size + bytes(32)


def test_error_names_file_position_and_remedy():
    """The three things a user needs to act."""
    text = str(Damage(58, 2.28, "the file is cut").to_error("a.mp4"))
    assert text == (
        "A video must decode to its end, a.mp4 does not: the file is cut after frame 57 (2.28 s); copy or export the "
        "file again, or pass on_error='truncate' (--on-error truncate) to use the 58 good frames."
    )


def test_error_without_a_good_frame_offers_none():
    """Advice to use 0 good frames leads nowhere."""
    assert str(Damage(0, None, "invalid data").to_error("a.mp4")).endswith(
        "at its start; copy or export the file again."
    )


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFF\xe8\x03\x00\x00AVI ", 1008),
        (matroska(b"\x43\xe8"), 9 + 4 + 2 + 1000),
        (matroska(b"\x01\x00\x00\x00\x00\x00\x03\xe8"), 9 + 4 + 8 + 1000),
        (matroska(b"\x01\xff\xff\xff\xff\xff\xff\xff"), 9 + 4 + 8),
        (b"\x00\x00\x00\x18ftypisom", 0),
        (b"\x1a\x45\xdf\xa3", 0),
    ],
)
def test_declared_size_is_read_from_the_header(head, expected):
    """A wrong reading calls whole files cut, or cut ones whole; a live recording declares no size."""
    assert declared_size(source(head, 1)) == expected


@pytest.mark.parametrize(
    ("name", "size", "header", "num_frames", "end", "is_cut"),
    [
        ("mov,mp4", 120, HEADER, 10, 0.36, False),
        ("mov,mp4", 119, HEADER, 10, 0.36, True),
        ("avi", 900, HEADER, 9, 0.36, True),
        ("avi", 900, HEADER, 10, 0.36, False),
        ("avi", 1008, HEADER, 9, 0.36, False),
        ("mpegts", 1880, HEADER, 10, 0.36, False),
        ("mpegts", 1881, HEADER, 10, 0.36, True),
        ("mov,mp4", None, HEADER, 10, 0.36, False),
        ("ogg", 5, HEADER, 10, 0.36, False),
    ],
)
def test_cut_file_is_told_from_a_whole_one(name, size, header, num_frames, end, is_cut):
    """A missing tail without a picture in it, or a wrong count in the header, is no damage."""
    index = [SimpleNamespace(pos=0, size=100), SimpleNamespace(pos=100, size=20)]
    reason = cut_reason(source(b"RIFF\xe8\x03\x00\x00AVI ", size), name, header, num_frames, end, index)
    assert bool(reason) == is_cut


@pytest.mark.parametrize(
    ("header", "end", "is_cut"),
    [(HEADER, 0.36, False), (HEADER, 0.2, True), (UNKNOWN, 0.2, True), (HEADER, None, True)],
)
def test_matroska_without_its_tail_is_whole_if_all_frames_are_there(header, end, is_cut):
    """Copying tools drop the cues at the end; every frame still plays."""
    media = source(matroska(b"\x43\xe8"), 900)
    assert bool(cut_reason(media, "matroska,webm", header, 9, end, [])) == is_cut
    assert not cut_reason(source(matroska(b"\x43\xe8"), 1015), "matroska,webm", header, 9, end, [])


CUTS = {
    "header_first": ("a.mp4", {"container_options": {"movflags": "faststart"}}),
    "fragments": ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "mkv": ("a.mkv", {}),
    "webm": ("a.webm", {"codec": "libvpx-vp9"}),
    "avi": ("a.avi", {"codec": "mpeg4"}),
}


@pytest.mark.parametrize("name", CUTS)
def test_cut_file_offers_its_good_frames_and_then_tells(name, tmp_path, write_video, draw_noise):
    """FFmpeg ends a cut file like a whole one, so that half a recording would pass for all of it."""
    file, options = CUTS[name]
    path = write_video(tmp_path / file, draw=draw_noise, num_frames=60, size=(96, 64), **options)
    whole = decode_video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    shown = []
    with pytest.raises(VideoDecodeError) as stop:
        shown.extend(iter_frames(path))
    count = len(shown)
    assert 10 < count < 60
    for text in (
        file,
        f"after frame {count - 1} ({shown[-1][0]:.2f} s)",
        "on_error='truncate'",
        f"{count} good frames",
    ):
        assert text in str(stop.value)
    assert torch.equal(shown[count - 4][1], whole.frames[count - 4])
    for indices in (None, lambda total: [0, total - 1]):
        with pytest.raises(VideoDecodeError, match="does not"):
            decode_video(path, indices=indices)
        kept = decode_video(path, indices=indices, on_error="truncate")
        assert kept.info.num_frames == count
        assert kept.info.duration == pytest.approx(count / 25, abs=0.2)
        assert isinstance(kept.error, VideoDecodeError)
        assert torch.equal(kept.frames[-1], shown[-1][1])
    assert len(list(iter_frames(path, on_error="truncate"))) == count


def test_frame_numbers_behind_the_cut_are_left_out(tmp_path, write_video, draw_noise):
    """Numbers chosen for the whole video must not turn into an index error when the good frames were asked for."""
    path = write_video(tmp_path / "a.mkv", draw=draw_noise, num_frames=60, size=(96, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    kept = decode_video(path, indices=[2, 4, 59], on_error="truncate")
    assert len(kept.frames) == 2
    with pytest.raises(VideoDecodeError):
        decode_video(path, indices=[58, 59], on_error="truncate")


DAMAGES = {
    "h264": ("a.mp4", {"container_options": {"movflags": "faststart"}}),
    "hevc": ("a.mkv", {"codec": "libx265", "size": (160, 96), "options": {"x265-params": "log-level=none:pools=1"}}),
    "vp9": ("a.webm", {"codec": "libvpx-vp9"}),
    "mpeg4": ("a.avi", {"codec": "mpeg4"}),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_inside_a_file_ends_the_good_frames(name, tmp_path, write_video, draw_noise):
    """Decoders paint over what they cannot read; such frames must not pass for the video."""
    file, options = DAMAGES[name]
    path = write_video(tmp_path / file, **{"draw": draw_noise, "num_frames": 60, "size": (96, 64)} | options)
    whole = decode_video(path)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
        start, length = packets[30].pos, packets[30].size
    noise = np.random.default_rng(1).integers(0, 256, length - 8, dtype=np.uint8)
    data[start + 8 : start + length] = noise.tobytes()
    path.write_bytes(data)
    with pytest.raises(VideoDecodeError, match=r"after frame \d+ \(\d\.\d\d s\).*again"):
        decode_video(path)
    kept = decode_video(path, on_error="truncate")
    assert 25 <= len(kept.frames) <= 33
    assert torch.equal(kept.frames[:25], whole.frames[:25])
    assert decode_video(path, indices=lambda total: [0, 2]).error is None
    chosen = decode_video(path, indices=lambda total: [0, min(40, total - 1)], on_error="truncate")
    assert chosen.info.num_frames in (60, len(kept.frames))
