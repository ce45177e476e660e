# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.video_container_emoclip`."""

import numpy as np
import pytest

from modeling_emoclip import video_container_emoclip as container_module
from modeling_emoclip.video_container_emoclip import (
    FrameConverter,
    count_frames,
    plan_segments,
    read_header,
    read_selected,
    scan_packets,
    stream_frames,
)
from modeling_emoclip.video_sources_emoclip import VideoDecodeError, resolve_source


@pytest.mark.parametrize(
    ("wanted", "keyframes", "expected"),
    [
        ([0, 5], [0, 50], [(None, [0, 5])]),
        ([49, 55], [0, 50], [(None, [49, 55])]),
        ([3, 55, 90], [0, 50, 88], [(None, [3]), (50, [55]), (88, [90])]),
        ([60], [0, 50], [(50, [60])]),
        ([60, 61], [], [(None, [60, 61])]),
        ([20], [0, 12], [(None, [20])]),
        ([20], [0, 13], [(13, [20])]),
    ],
)
def test_seeking_is_planned_where_it_saves_decoding(wanted, keyframes, expected):
    """A seek costs a restart; seeking to every frame is slower than decoding them all."""
    assert plan_segments(wanted, keyframes) == expected


@pytest.mark.parametrize("file", ["a.mp4", "a.mkv", "a.webm"])
def test_seeking_decodes_few_frames_and_finds_the_right_ones(file, tmp_path, write_video, monkeypatch):
    """Every frame of a film between two wanted ones would be decoded for nothing."""
    codec = "libvpx-vp9" if file == "a.webm" else "libx264"
    media = resolve_source(write_video(tmp_path / file, codec=codec, num_frames=120, group=10))
    frames = [FrameConverter()(frame) for frame in stream_frames(media)]
    decoded = []
    plain = container_module._decode

    def counting(*arguments, **options):
        for frame in plain(*arguments, **options):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(container_module, "_decode", counting)
    wanted = [2, 57, 58, 119]
    found = read_selected(media, scan_packets(media), wanted, FrameConverter())
    assert len(decoded) < 45
    assert all(np.array_equal(found[number], frames[number]) for number in wanted)


@pytest.mark.parametrize("file", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_packets_and_decoding_agree_on_the_frames(file, tmp_path, write_video):
    """The cheap count stands for the true one; where they differ, sampling changes from one path to the other."""
    codec = "mpeg4" if file == "a.avi" else "libx264"
    media = resolve_source(write_video(tmp_path / file, codec=codec, num_frames=31))
    packets, decoded = scan_packets(media), count_frames(media)
    assert len(packets) == 31
    assert packets.seconds == decoded.seconds
    assert packets.damage is None


def test_table_that_decoding_contradicts_is_given_up(tmp_path, write_video):
    """A frame that does not come must lead to the slow path, not to another frame in its place."""
    media = resolve_source(write_video(tmp_path / "a.mkv"))
    table = scan_packets(media)
    table.times[7] += 1
    assert read_selected(media, table, [7], FrameConverter()) is None


def test_header_tells_rate_and_length(tmp_path, write_video):
    """Times of frames without their own are made of the rate."""
    header = read_header(resolve_source(write_video(tmp_path / "a.mp4")))
    assert (header.num_frames, header.fps) == (20, 25.0)
    assert header.duration == pytest.approx(0.8)
    assert header.interval == pytest.approx(0.04)


@pytest.mark.parametrize(("file", "start"), [("a.ts", 1.4), ("a.ts", 3600.0), ("a.mkv", 3600.0), ("a.mp4", 5.0)])
def test_times_count_from_the_start_of_the_file(file, start, tmp_path, write_video):
    """The timeline of a recorded broadcast began at any second; a table that is laid beside it did not fit."""
    media = resolve_source(write_video(tmp_path / file, times=[start + number / 25 for number in range(20)]))
    expected = [number / 25 for number in range(20)]
    packets, decoded = scan_packets(media), count_frames(media)
    assert packets.seconds == decoded.seconds == pytest.approx(expected, abs=1e-3)
    assert packets.seconds[0] == 0
    assert packets.header.duration == pytest.approx(0.8, abs=0.05)
    assert packets.damage is None


def test_missing_decoder_is_named(tmp_path, write_video, monkeypatch):
    """A model's folder on the Hub cannot install PyAV; the user must read how to."""
    path = write_video(tmp_path / "a.mp4")
    monkeypatch.setattr(container_module, "av", None)
    with pytest.raises(ImportError, match=r"`av` is not installed.*pip install av"):
        read_header(resolve_source(path))


def test_file_without_times_counts_its_frames(tmp_path, write_video):
    """A raw stream has no times; its frames are then spaced by the rate."""
    media = resolve_source(write_video(tmp_path / "a.h264", container_format="h264"))
    table = count_frames(media)
    assert len(table) == 20
    assert table.seconds[-1] > table.seconds[0]


def test_stream_without_frames_is_refused(tmp_path):
    """An empty list of frames would fail in the stacking."""
    (tmp_path / "a.gif").write_bytes(b"GIF89a\x05\x00\x05\x00\x00\x00\x00;")
    with pytest.raises(VideoDecodeError):
        count_frames(resolve_source(tmp_path / "a.gif"))
