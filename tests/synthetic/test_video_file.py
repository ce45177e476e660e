# SPDX-License-Identifier: Apache-2.0
import io

import av
import numpy as np
import pytest

from emoclip.synthetic.video_file import encode_h264, write_atomically


FRAMES = np.linspace(0, 255, 7 * 32 * 48 * 3).reshape(7, 32, 48, 3).astype(np.uint8)


def test_file_decodes_to_the_same_frames():
    """Colours or frame counts lost in encoding would spoil training."""
    with av.open(io.BytesIO(encode_h264(FRAMES, 25.0))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert float(stream.average_rate) == 25.0
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    assert decoded.shape == FRAMES.shape
    assert np.abs(decoded.astype(int) - FRAMES).mean() < 6


def test_same_frames_give_the_same_bytes():
    """Shards rendered apart would differ in their checksums."""
    assert encode_h264(FRAMES, 25.0) == encode_h264(FRAMES, 25.0)


@pytest.mark.parametrize("shape", [(0, 32, 48, 3), (3, 31, 48, 3), (3, 32, 47, 3)])
def test_shapes_h264_cannot_hold_are_refused(shape):
    """The encoder's own message does not say what to change."""
    with pytest.raises(ValueError, match=r"at least 1 frame with even sides"):
        encode_h264(np.zeros(shape, np.uint8), 25.0)


def test_write_replaces_the_file_and_leaves_nothing_beside(tmp_path):
    """A half-written file under its final name would be taken for complete."""
    path = tmp_path / "a.mp4"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]
