# SPDX-License-Identifier: Apache-2.0
"""Which formats can be read and written, and which finders of faces there are."""

from __future__ import annotations

import io

from .finding import Finding, check


# What phones, cameras, browsers and old archives write.
VIDEO_CODECS = ("h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video", "mjpeg", "prores", "wmv3")
WRITERS = ("libx264", "aac")
NUM_FRAMES = 5


def examine_decoders() -> list[Finding]:
    """PyAV and its FFmpeg, the codecs, a file written and read back, and the finders of faces."""
    reinstall = "run: pip install --force-reinstall av"
    return [
        check("PyAV", _pyav, reinstall),
        _codecs("can read", "r", VIDEO_CODECS),
        _codecs("can write", "w", WRITERS),
        check("written and read back", _round_trip, reinstall),
        _faces(),
    ]


def _pyav() -> str:
    import av

    libraries = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )
    return f"{av.__version__} with {libraries}"


def _codecs(name: str, mode: str, wanted: tuple[str, ...]) -> Finding:
    import av

    found = [codec for codec in wanted if _has(av, codec, mode)]
    missing = [codec for codec in wanted if codec not in found]
    detail = ", ".join(found) + (f"; not {', '.join(missing)}" if missing else "")
    return Finding(name, "note" if missing else "ok", detail or "none")


def _has(av: object, codec: str, mode: str) -> bool:
    try:
        av.Codec(codec, mode)  # type: ignore[attr-defined]
    except ValueError:  # PyAV's UnknownCodecError is one
        return False
    return True


def _round_trip() -> str:
    import numpy as np

    from emoclip.synthetic.video_file import encode_h264
    from modeling_emoclip.video_decoding_emoclip import decode_video

    shades = np.arange(20, 20 + 40 * NUM_FRAMES, 40, dtype=np.uint8)
    frames = np.broadcast_to(shades[:, None, None, None], (NUM_FRAMES, 34, 48, 3))
    decoded = decode_video(io.BytesIO(encode_h264(frames, 25)))
    means = decoded.frames.float().mean(dim=(1, 2, 3)).numpy()
    if len(means) != NUM_FRAMES or abs(means - shades).max() > 4:
        raise ValueError(f"{NUM_FRAMES} frames of shades {shades.tolist()} came back as {means.round().tolist()}")
    return f"{NUM_FRAMES} frames of H.264 in MP4, the same on reading"


def _faces() -> Finding:
    try:
        from emoclip.data.faces.detectors import make_detector
        from emoclip.data.faces.yunet import find_weights

        yunet = find_weights(None)
        make_detector("haar")
    except (ImportError, ValueError, OSError) as error:
        return Finding("faces", "note", str(error), "run: pip install 'emoclip[data]'")
    return Finding("faces", "ok", "Haar" + (f" and YuNet ({yunet})" if yunet else "; YuNet's file is not here"))


__all__ = ["examine_decoders"]
