# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.video_sources_emoclip`."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_emoclip import video_sources_emoclip as sources_module
from modeling_emoclip.video_decoding_emoclip import decode_video, iter_frames
from modeling_emoclip.video_sources_emoclip import (
    FrameSequence,
    MediaSource,
    VideoDecodeError,
    is_image_like,
    is_still_image,
    load_image,
    resolve_source,
)


class ReadOnlyPipe:
    """A file that can only be read forward."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size=-1):
        return self.file.read(size)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    """Plain order puts frame 10 before frame 9 and shows a face that jumps."""
    for name in ("9.png", "10.png", "100.png", "._9.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    assert [path.name for path in resolve_source(tmp_path).items] == ["9.png", "10.png", "100.png"]


def test_turned_picture_is_set_upright():
    """A phone stores how the picture was held beside the pixels."""
    image = Image.fromarray(np.zeros((6, 10, 3), np.uint8))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to display
    frame = load_image(encode(image, exif=exif), "picture")
    assert frame.shape == (10, 6, 3)
    assert frame[0, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (5, 4), 70), [70, 70, 70]),
        (Image.new("RGBA", (5, 4), (10, 20, 30, 0)), [10, 20, 30]),
        (Image.new("P", (5, 4), 0), [0, 0, 0]),
        (Image.fromarray(np.full((4, 5), 70 * 256, np.uint16)), [70, 70, 70]),
        (Image.new("1", (5, 4), 1), [255, 255, 255]),
    ],
)
def test_every_mode_of_a_picture_becomes_rgb(image, expected):
    """Grey, palette, transparent and 16-bit pictures all occur in data sets of faces."""
    frame = load_image(image, "picture")
    assert frame.shape == (4, 5, 3)
    assert frame[2, 2].tolist() == expected


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (np.zeros((6, 8, 10, 3), np.uint8), (6, 8, 10)),
        (np.zeros((6, 3, 8, 10), np.uint8), (6, 8, 10)),
        (np.zeros((6, 8, 10, 4), np.uint8), (6, 8, 10)),
        (torch.zeros((6, 1, 8, 10), dtype=torch.uint8), (6, 8, 10)),
        (torch.zeros((6, 8, 10, 3), dtype=torch.uint8), (6, 8, 10)),
        (np.zeros((8, 10, 3), np.uint8), (1, 8, 10)),
        (np.zeros((3, 8, 10), np.uint8), (1, 8, 10)),
        (torch.zeros((8, 10), dtype=torch.uint8), (1, 8, 10)),
    ],
)
def test_layout_of_an_array_is_recognised(array, shape):
    """Height taken for time gives frames that are stripes."""
    sequence = resolve_source(array)
    assert (len(sequence), *sequence.load(0).shape) == (*shape, 3)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((6, 8, 10, 3), np.float32), "must be uint8.*float32.*scale"),
        (np.zeros((6, 8, 10, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((2, 2, 2, 2, 2), np.uint8), "must have the shape"),
        (np.zeros((0, 8, 10, 3), np.uint8), "at least 1 frame"),
        (42, "got int"),
        (None, "got NoneType"),
        ([], "at least 1 image, got 0"),
        ([np.zeros((4, 4, 3), np.uint8), 3], "entry 1 is int"),
        ({"label": 3}, "must hold `path` or `bytes`"),
        (b"", "0 bytes"),
        (io.BytesIO(), "0 bytes"),
        (io.StringIO("text"), "binary mode"),
    ],
)
def test_source_that_is_no_video_is_refused(source, message):
    """The error must tell what a video can be, before a decoder gets hold of it."""
    with pytest.raises(ValueError, match=message):
        resolve_source(source)


def test_folder_without_pictures_is_refused(tmp_path):
    """A wrong folder must not become a clip of no frames."""
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"must hold images \(\.jpg.*has none"):
        resolve_source(tmp_path)


def test_name_like_a_protocol_stays_a_file(tmp_path, monkeypatch):
    """FFmpeg reads `concat:x` as an order to open x; a file of that name must be opened itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "concat:x.mp4").write_bytes(b"data")
    source = resolve_source("concat:x.mp4")
    assert isinstance(source, MediaSource)
    assert source.location == "file:concat:x.mp4"


def test_decoder_object_of_datasets_is_unwrapped(tmp_path):
    """`datasets` hands out decoders of another library; they carry the path they were made from."""
    (tmp_path / "a.mp4").write_bytes(b"data")
    source = resolve_source(SimpleNamespace(_hf_encoded={"path": str(tmp_path / "a.mp4"), "bytes": None}))
    assert source.name.endswith("a.mp4")


def test_missing_frame_is_named(tmp_path):
    """A list of ten thousand frames with one gap must tell which."""
    sequence = FrameSequence("list", [tmp_path / "1.png"])
    with pytest.raises(FileNotFoundError, match=r"1\.png does not exist"):
        sequence.load(0)


def test_missing_pillow_is_named(monkeypatch):
    """Pillow is no dependency of transformers."""
    data = encode(Image.new("RGB", (4, 4)))
    monkeypatch.setattr(sources_module, "Image", None)
    with pytest.raises(VideoDecodeError, match=r"`pillow` is not installed.*pip install pillow"):
        load_image(data, "picture")


def test_pictures_are_told_from_videos():
    """A list of pictures is one clip, a list of videos is a batch."""
    png = encode(Image.new("RGB", (4, 4)))
    for picture in (png, "a.JPG", {"bytes": png, "path": None}, {"path": "a.webp"}, np.zeros((4, 4, 3), np.uint8)):
        assert is_image_like(picture)
        assert is_still_image(picture)
    for video in (b"RIFF\x00\x00\x00\x00AVI ", "a.mp4", {"path": "a.mp4"}, np.zeros((2, 4, 4, 3), np.uint8), 3, None):
        assert not is_image_like(video)
    assert is_image_like(encode(Image.new("RGB", (4, 4)), "WEBP"))


def test_every_kind_of_source_gives_the_same_frames(tmp_path, write_video):
    """Data sets hold videos as paths, bytes, folders and dictionaries; none may differ from another."""
    path = write_video(tmp_path / "a.mkv", codec="ffv1", num_frames=12, size=(20, 14))
    whole = decode_video(path).frames
    arrays = whole.permute(0, 2, 3, 1).numpy()
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no frame")
    data = path.read_bytes()
    pictures = [Image.open(folder / f"{number}.png") for number in range(12)]
    sources = {
        "text path": str(path),
        "bytes": data,
        "file object": io.BytesIO(data),
        "pipe": ReadOnlyPipe(data),
        "dictionary with path": {"path": str(path), "bytes": None},
        "dictionary with bytes": {"path": None, "bytes": data},
        "array": arrays,
        "array with channels first": whole.numpy(),
        "tensor": whole,
        "tensor with channels last": whole.permute(0, 2, 3, 1).contiguous(),
        "pictures": pictures,
        "list of arrays": list(arrays),
        "list of paths": [folder / f"{number}.png" for number in range(12)],
        "list of dictionaries": [{"bytes": (folder / f"{n}.png").read_bytes(), "path": None} for n in range(12)],
        "folder": folder,
    }
    for name, source in sources.items():
        video = decode_video(source, indices=[11, 0, 2])
        assert torch.equal(video.frames, whole[[11, 0, 2]]), name
        assert video.info.num_frames == 12, name
    for name in ("file object", "folder", "tensor", "pictures"):
        frames = torch.stack([frame for _, frame in iter_frames(sources[name], stride=5)])
        assert torch.equal(frames, whole[::5]), name
    with path.open("rb") as file:
        assert torch.equal(decode_video(file).frames, whole)
        assert not file.closed


def test_broken_picture_ends_a_folder_of_frames(tmp_path):
    """One broken file among thousands must be named, and the frames before it must stay usable."""
    for number in range(6):
        Image.fromarray(np.full((9, 7, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "4.png").write_bytes((tmp_path / "4.png").read_bytes()[:30])
    with pytest.raises(VideoDecodeError, match=r"4\.png"):
        decode_video(tmp_path)
    kept = decode_video(tmp_path, indices=range, on_error="truncate")
    assert kept.frames.unique().tolist() == [0, 1, 2, 3]
    assert kept.info.num_frames == 4
    assert "4.png" in str(kept.error)
