# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.video_decoding_emoclip` on files written here with PyAV."""

import functools
import http.server
import os
import pickle
import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, decode_video, iter_frames, probe_video


class Pipe:
    """A file that can only be written, as a browser's recorder or standard output is."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += bytes(data)
        return len(data)


FORMATS = {
    "h264": ("a.mp4", {}),
    "h264_fragments": ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "h264_in_mkv": ("a.mkv", {}),
    "h264_in_ts": ("a.ts", {}),
    "hevc": ("a.mp4", {"codec": "libx265", "size": (160, 96), "options": {"x265-params": "log-level=none:pools=1"}}),
    "vp8": ("a.webm", {"codec": "libvpx"}),
    "vp9": ("a.webm", {"codec": "libvpx-vp9"}),
    "mpeg4_in_avi": ("a.avi", {"codec": "mpeg4"}),
    "ffv1_odd_size": ("a.mkv", {"codec": "ffv1", "size": (37, 23)}),
    "h264_odd_size": ("a.mp4", {"size": (37, 23), "pixel_format": "yuv444p"}),
    "grey": ("a.mkv", {"codec": "ffv1", "pixel_format": "gray"}),
    "ten_bit": ("a.mkv", {"codec": "ffv1", "pixel_format": "yuv420p10le"}),
    "alpha": ("a.mov", {"codec": "png", "pixel_format": "rgba"}),
    "full_range_jpeg": ("a.mov", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_each_frame_once_in_order(name, tmp_path, write_video, frame_numbers):
    """A decoder that loses the frames still inside it at the end, or an alpha plane taken for a colour, shows here."""
    file, options = FORMATS[name]
    path = write_video(tmp_path / file, **options)
    width, height = options.get("size", (64, 48))
    video = decode_video(path)
    assert video.frames.shape == (20, 3, height, width)
    assert video.frames.dtype == torch.uint8
    assert frame_numbers(video.frames) == list(range(20))
    steps = video.timestamps.diff()
    assert torch.allclose(steps, torch.full_like(steps, 0.04), atol=1e-3)
    assert video.info.num_frames == 20
    assert video.error is None


@pytest.mark.parametrize("name", FORMATS)
def test_chosen_frames_equal_those_of_the_whole_video(name, tmp_path, write_video):
    """Seeking that lands elsewhere shows the model other frames than those asked for."""
    file, options = FORMATS[name]
    path = write_video(tmp_path / file, **{"num_frames": 50, "group": 7} | options)
    whole = decode_video(path)
    chosen = decode_video(path, indices=lambda total: [total - 1, 3, 3, total // 2, 30])
    wanted = torch.tensor([49, 3, 3, 25, 30])
    assert torch.equal(chosen.frames, whole.frames[wanted])
    assert torch.equal(chosen.timestamps, whole.timestamps[wanted])
    assert chosen.info == whole.info


def test_recording_of_a_browser_is_counted(tmp_path, write_video, frame_numbers):
    """WebM written to a pipe has no length; transformers' own loader then finds 0 frames and fails."""
    pipe = write_video(Pipe(), codec="libvpx", container_format="webm")
    assert probe_video(bytes(pipe.data)).num_frames is None
    assert probe_video(bytes(pipe.data)).duration is None
    video = decode_video(bytes(pipe.data), indices=lambda total: [0, total - 1])
    assert frame_numbers(video.frames) == [0, 19]
    assert (video.info.num_frames, video.info.fps) == (20, 25.0)
    assert video.info.duration == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("rotation", "flip", "corners"),
    [
        (0, False, "rgbw"),
        (90, False, "gwrb"),
        (180, False, "wbgr"),
        (-90, False, "brwg"),
        (0, True, "grwb"),
    ],
)
def test_frames_are_upright(rotation, flip, corners, tmp_path, write_video, draw_corners):
    """A phone stores portrait video on its side; a model fed sideways faces fails without a word."""
    path = write_video(
        tmp_path / "a.mp4", size=(64, 32), draw=draw_corners, num_frames=3, rotation=rotation, horizontal_flip=flip
    )
    video = decode_video(path)
    height, width = (64, 32) if rotation in (90, -90) else (32, 64)
    assert video.frames.shape[-2:] == (height, width)
    assert (video.info.height, video.info.width) == (height, width)
    assert probe_video(path) == video.info
    if not flip:
        assert video.info.rotation == rotation % 360
    frame = video.frames[1]
    seen = [frame[:, y, x].tolist() for y in (4, height - 5) for x in (4, width - 5)]
    names = {(True, False, False): "r", (False, True, False): "g", (False, False, True): "b", (True, True, True): "w"}
    assert "".join(names[tuple(value > 128 for value in pixel)] for pixel in seen) == corners


def test_variable_frame_rate_keeps_its_real_times(tmp_path, write_video):
    """Times made of index and rate drift by seconds on the recordings of phones."""
    times = [0.0, 0.04, 0.08, 0.5, 0.52, 0.9, 1.7, 1.74, 1.78, 2.5]
    path = write_video(tmp_path / "a.mp4", num_frames=10, times=times)
    assert decode_video(path).timestamps.tolist() == pytest.approx(times, abs=1e-3)
    assert decode_video(path, indices=[9, 3]).timestamps.tolist() == pytest.approx([2.5, 0.5], abs=1e-3)
    assert [seconds for seconds, _ in iter_frames(path)] == pytest.approx(times, abs=1e-3)


def test_frames_cut_off_by_an_edit_list_are_not_counted(tmp_path, write_video, frame_numbers):
    """The header counts frames that are never shown; a count that differs is no error."""
    path = write_video(
        tmp_path / "a.mp4",
        times=[(number - 5) / 25 for number in range(20)],
        container_options={"avoid_negative_ts": "disabled", "movflags": "faststart"},
    )
    video = decode_video(path)
    assert probe_video(path).num_frames == 20
    assert frame_numbers(video.frames) == list(range(5, 20))
    assert video.info.num_frames == 15
    assert video.timestamps[0] == 0
    chosen = decode_video(path, indices=lambda total: [0, total - 1])
    assert frame_numbers(chosen.frames) == [5, 19]


def test_change_of_resolution_keeps_the_first_size(tmp_path):
    """Video calls change their size on the way; frames of two sizes cannot be stacked."""
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, (width, height) in enumerate([(64, 48), (64, 48), (128, 96), (128, 96)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
            encoder.time_base = Fraction(1, 25)
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 99, np.uint8), format="rgb24")
            frame = frame.reformat(format="yuvj420p")
            frame.pts = number
            for packet in encoder.encode(frame):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                container.mux(packet)
    assert decode_video(tmp_path / "a.mkv").frames.shape == (4, 3, 48, 64)
    assert decode_video(tmp_path / "a.mkv", indices=[1, 3]).frames.shape == (2, 3, 48, 64)


def write_audio(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_nothing(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


BAD_FILES = {
    "empty": (lambda path: path.write_bytes(b""), "has 0 bytes.*again"),
    "text": (lambda path: path.write_text("not a video\n" * 99), "readable header.*at its start.*again"),
    "playlist": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n"), "readable header"),
    "audio": (write_audio, "has only audio"),
    "zero_length": (write_nothing, "at least 1 frame|readable header|video stream"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_file_without_a_video_is_refused_in_one_sentence(name, tmp_path):
    """Whatever a user uploads must give one sentence with the file's name, never a traceback of FFmpeg's."""
    write, message = BAD_FILES[name]
    path = tmp_path / "bad.mp4"
    write(path)
    for read in (decode_video, probe_video, lambda path: list(iter_frames(path, on_error="truncate"))):
        with pytest.raises(VideoDecodeError, match=message) as error:
            read(path)
        assert "bad.mp4" in str(error.value)
        assert "\n" not in str(error.value)


def test_file_whose_header_was_cut_off_is_refused(tmp_path, write_video):
    """A recording that broke off has no index at its end; nothing of it can be read."""
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(VideoDecodeError, match="incomplete"):
        decode_video(path, on_error="truncate")


@pytest.mark.parametrize("read", [probe_video, decode_video, lambda path: list(iter_frames(path))])
def test_file_cut_before_its_first_frame_is_refused(read, tmp_path, write_video):
    """With the index in front such a file opens, and fails at the first frame, also where only the header is asked for."""
    path = write_video(tmp_path / "a.mp4", container_options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 20])
    with pytest.raises(VideoDecodeError, match=r"a\.mp4"):
        read(path)


def test_missing_file_is_named(tmp_path):
    """A typing error in a path is no damaged video."""
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4 does not exist"):
        decode_video(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_error": "skip"}, "`on_error` must be 'raise' or 'truncate', got 'skip'"),
        ({"indices": [0, 20]}, r"\[0, 20\).*got 20"),
        ({"indices": [-1]}, "got -1"),
        ({"indices": []}, "At least 1 frame index"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, tmp_path, write_video):
    """A negative number would otherwise count from the end, and one too large fail in the stacking."""
    with pytest.raises(ValueError, match=message):
        decode_video(write_video(tmp_path / "a.mp4"), **arguments)


def test_stride_takes_every_nth_frame(tmp_path, write_video, frame_numbers):
    """The analysis steps through long films; each step must land on its frame."""
    path = write_video(tmp_path / "a.mp4")
    pairs = list(iter_frames(path, stride=6))
    assert frame_numbers(torch.stack([frame for _, frame in pairs])) == [0, 6, 12, 18]
    assert [seconds for seconds, _ in pairs] == pytest.approx([0, 0.24, 0.48, 0.72])
    with pytest.raises(ValueError, match="`stride` must be at least 1, got 0"):
        iter_frames(path, stride=0)


def test_few_frames_of_a_long_video_need_little_memory(tmp_path, write_video):
    """Holding all frames of a two-hour film takes hundreds of gigabytes."""
    path = write_video(
        tmp_path / "a.mp4",
        num_frames=150,
        size=(320, 240),
        draw=lambda number, size: np.zeros((size[1], size[0], 3), np.uint8),
    )
    one_frame = 320 * 240 * 3
    tracemalloc.start()
    decode_video(path, indices=lambda total: [0, total // 2, total - 1])
    for _ in iter_frames(path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * one_frame


def count_open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_files_are_closed_in_every_case(tmp_path, write_video):
    """A loader over thousands of clips runs out of files when broken or abandoned ones stay open."""
    good = write_video(tmp_path / "a.mp4")
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(write_video(tmp_path / "b.mkv").read_bytes()[:900])
    before = count_open_files()
    for _ in range(3):
        next(iter_frames(good))
        decode_video(good, indices=[1])
        probe_video(good)
        with pytest.raises(VideoDecodeError):
            decode_video(bad)
    after = count_open_files()
    assert after == before


def test_frame_rate_of_a_folder_can_be_given():
    """A folder carries no times; a timeline needs those of the video it was cut from."""
    frames = np.zeros((6, 8, 10, 3), np.uint8)
    video = decode_video(frames, indices=[0, 5], fps=10)
    assert video.timestamps.tolist() == [0, 0.5]
    assert (video.info.fps, video.info.duration) == (10, 0.6)
    assert decode_video(frames).info.fps is None
    with pytest.raises(ValueError, match="`fps` must be greater than 0, got -1"):
        decode_video(frames, fps=-1)


def test_frames_of_two_sizes_are_refused():
    """Face crops of varying size cannot form one clip; the error must say which frame."""
    frames = [np.zeros((8, 10, 3), np.uint8), np.zeros((8, 11, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"one size.*frame 0 has \(8, 10\) and frame 1 \(8, 11\)"):
        decode_video(frames)


def test_addresses_are_read_only_on_request(tmp_path, write_video, frame_numbers):
    """A table of clips from elsewhere must not make the program call strangers."""
    write_video(tmp_path / "a.mp4")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/a.mp4"
    try:
        with pytest.raises(ValueError, match="allow_urls=True"):
            decode_video(address)
        video = decode_video(address, indices=[3, 19], allow_urls=True)
        with pytest.raises(VideoDecodeError, match="readable header"):
            decode_video(address + "x", allow_urls=True)
    finally:
        server.shutdown()
        server.server_close()
    assert frame_numbers(video.frames) == [3, 19]


def test_error_survives_the_way_out_of_a_worker(tmp_path):
    """Loader processes pickle their errors; one that cannot be pickled hides what went wrong."""
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoDecodeError) as error:
        decode_video(tmp_path / "a.mp4")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


@pytest.mark.skipif("EMOCLIP_TEST_MEDIA" not in os.environ, reason="set EMOCLIP_TEST_MEDIA to a folder of real clips")
def test_real_clips_decode_alike_whole_and_in_parts():
    """Files of phones and cameras hold what no encoder of a test writes."""
    files = [
        path for path in Path(os.environ["EMOCLIP_TEST_MEDIA"]).iterdir() if path.suffix in (".mp4", ".mov", ".webm")
    ]
    assert files
    for path in files:
        whole = decode_video(path)
        wanted = torch.linspace(0, len(whole.frames) - 1, 9).long()
        chosen = decode_video(path, indices=wanted.tolist())
        assert torch.equal(chosen.frames, whole.frames[wanted])
        assert torch.equal(chosen.timestamps, whole.timestamps[wanted])
        assert (whole.timestamps.diff() > 0).all()
