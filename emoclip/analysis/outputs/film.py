# SPDX-License-Identifier: Apache-2.0
"""An annotated film: boxes on the picture, bars beside it, faces hidden on request, times and sound as in the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd

from modeling_emoclip.video_container_emoclip import clock_start
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, iter_frames, probe_video

from .boxes import BoxTrack
from .drawing import draw_boxes, draw_panel, hide_faces, load_font
from .segments import by_person, window_cells


# Units a second of the film's clock: a multiple of all usual rates, so that times are kept, whether even or not.
CLOCK = 90_000
# Sound that an MP4 file may carry as it is; other sound is encoded anew.
KEPT_SOUND = ("aac", "mp3", "ac3", "eac3", "alac")
DEFAULT_RATE = 25


@dataclass(frozen=True)
class FilmStyle:
    """How a film is annotated.

    Args:
        boxes: Draw boxes and numbers of persons.
        panel: Put bars beside the picture.
        blur_faces: Hide every face that was found behind coarse blocks.
        sound: Keep the sound.
        font: Font file for scripts that the system's fonts lack.
        crf: Quality of H.264, lower is better and larger.
    """

    boxes: bool = True
    panel: bool = True
    blur_faces: bool = False
    sound: bool = True
    font: str | Path | None = None
    crf: int = 23


def write_film(
    video: Any,
    output: Path,
    timeline: pd.DataFrame,
    people: pd.DataFrame,
    style: FilmStyle,
    progress: Callable[[int, int | None], None] = lambda done, expected: None,
    *,
    until: float | None = None,
) -> tuple[str, ...]:
    """Write an MP4 file and return warnings, a sentence each.

    Args:
        video: The film, as `analyze` takes it.
        output: Written in place; give a temporary name.
        timeline: As `Analysis.timeline`, of this film.
        people: As `Analysis.people`, of this film.
        style: How.
        progress: Called with the frames done and the frames expected.
        until: Where the analysis was stopped, in seconds; the film ends there, because behind it no face is known.

    Raises:
        VideoDecodeError: The film cannot be decoded.
        ValueError: Faces are to be hidden, but none was looked for.
    """
    if style.blur_faces and people.empty and set(timeline.get("person", [0])) == {0} and _whole_frames(timeline):
        raise ValueError("Hiding faces needs faces to be looked for, got whole frames; analyse with faces='all'.")
    info = probe_video(video)
    annotator = _Annotator(timeline, people, style, (info.width, info.height))
    warnings: list[str] = []
    with av.open(str(output), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = _video_stream(container, annotator.size, info.fps, style.crf)
        sound = _Sound.of(video, container, warnings) if style.sound else None
        for done, (seconds, frame) in enumerate(_frames(video, warnings, until), start=1):
            picture = annotator.annotate(seconds, frame.permute(1, 2, 0).contiguous().numpy())
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            image.pts, image.time_base = round(seconds * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(image))
            if sound is not None:
                sound.write_until(seconds)
            progress(done, info.num_frames)
        container.mux(stream.encode())
        if sound is not None:
            sound.close(until)
    return tuple(warnings)


class _Annotator:
    """Draws on frames; the panel of a window is drawn once."""

    def __init__(self, timeline: pd.DataFrame, people: pd.DataFrame, style: FilmStyle, size: tuple[int, int]):
        width, height = size
        self._style = style
        self._tracks = BoxTrack(people)
        self._persons = set(timeline["person"]) if "person" in timeline else set()
        self._cells = [part for _, part in by_person(window_cells(timeline))]
        self._font = load_font(max(11, round(min(width, height) / 26)), style.font)
        self._panel_width = max(180, round(self._font.size * 13)) if style.panel else 0
        self._height = max(height, 180) if style.panel else height
        self._panels: dict[tuple, np.ndarray] = {}
        # H.264 halves the resolution of colour, so sides must be even.
        self.size = (width + self._panel_width + (width + self._panel_width) % 2, self._height + self._height % 2)

    def annotate(self, seconds: float, frame: np.ndarray) -> np.ndarray:
        """Return the annotated frame."""
        boxes = self._tracks.at(seconds)
        if self._style.blur_faces:
            hide_faces(frame, list(boxes.values()))
        # Everybody who was found is hidden, but only those whose windows count have a box.
        shown = {person: box for person, box in boxes.items() if person in self._persons}
        if self._style.boxes and shown:
            frame = draw_boxes(frame, shown, self._font)
        canvas = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        # A film whose size changes half-way keeps the first one's canvas.
        part = frame[: self.size[1], : self.size[0] - self._panel_width]
        canvas[: part.shape[0], : part.shape[1]] = part
        if self._style.panel:
            panel = self._panel(seconds)
            canvas[: panel.shape[0], -panel.shape[1] :] = panel
        return canvas

    def _panel(self, seconds: float) -> np.ndarray:
        now = [(part, _cell_at(part, seconds)) for part in self._cells]
        rows = [
            (int(part["person"].iloc[place]), part["scores"].iloc[place], str(part["mark"].iloc[place]))
            for part, place in now
            if place is not None
        ]
        clock = f"{int(seconds // 60)}:{int(seconds % 60):02}.{int(seconds * 10 % 10)}"
        key = (
            clock,
            *(
                (row[0], place)
                for row, (_, place) in zip(rows, [one for one in now if one[1] is not None], strict=True)
            ),
        )
        if key not in self._panels:
            self._panels.clear()
            self._panels[key] = draw_panel((self._panel_width, self._height), rows, clock, self._font)
        return self._panels[key]


class _Sound:
    """The sound of the source, copied where MP4 can carry it, else encoded as AAC; written along with the pictures."""

    def __init__(self, source: Any, stream: Any, target: Any, output: Any):
        self._source, self._stream, self._target, self._output = source, stream, target, output
        self._copied = target.codec_context is None or stream.codec_context.name in KEPT_SOUND
        self._packets: Iterator[Any] = source.demux(stream)
        # Times of the pictures count from the start of the source.
        self._start = clock_start(source)
        self._reached = -1.0

    @classmethod
    def of(cls, video: Any, output: Any, warnings: list[str]) -> _Sound | None:
        """The sound of a film, or nothing where it has none or it cannot be read."""
        if not isinstance(video, str | Path) or not Path(video).is_file():
            return None
        try:
            source = av.open(str(video))
        except (av.FFmpegError, OSError):
            return None
        if not source.streams.audio:
            source.close()
            return None
        stream = source.streams.audio[0]
        try:
            if stream.codec_context.name in KEPT_SOUND:
                target = output.add_stream_from_template(stream)
            else:
                target = output.add_stream("aac", rate=stream.rate)
        except (av.FFmpegError, ValueError) as error:
            warnings.append(f"The sound could not be kept ({error}).")
            source.close()
            return None
        return cls(source, stream, target, output)

    def write_until(self, seconds: float) -> None:
        """Write the sound up to a time."""
        while self._reached <= seconds:
            packet = next(self._packets, None)
            if packet is None:
                self._reached = float("inf")
                return
            if packet.dts is None:
                continue
            self._reached = float(packet.dts * packet.time_base - self._start)
            self._write(packet)

    def close(self, until: float | None = None) -> None:
        """Write the rest, or what comes before a time, and close the source."""
        with suppress(av.FFmpegError):
            self.write_until(float("inf") if until is None else until)
            if not self._copied:
                self._output.mux(self._target.encode(None))
        self._source.close()

    def _write(self, packet: Any) -> None:
        if self._copied:
            shift = round(self._start / packet.time_base)
            packet.dts -= shift
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.stream = self._target
            self._output.mux(packet)
            return
        for frame in packet.decode():
            if frame.pts is not None:
                frame.pts -= round(self._start / frame.time_base)
            self._output.mux(self._target.encode(frame))


def _frames(video: Any, warnings: list[str], until: float | None) -> Iterator[tuple[float, Any]]:
    """Frames up to the end, the damage, or where the analysis was stopped; what was analysed is annotated."""
    try:
        for seconds, frame in iter_frames(video):
            if until is not None and seconds > until + 1e-6:
                warnings.append(f"The film ends at {until:.2f} s, where the analysis was stopped.")
                return
            yield seconds, frame
    except VideoDecodeError as error:
        warnings.append(f"The film ends at the damage: {error}")


def _video_stream(container: Any, size: tuple[int, int], fps: float | None, crf: int) -> Any:
    rate = Fraction(fps or DEFAULT_RATE).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, CLOCK)
    return stream


def _cell_at(part: pd.DataFrame, seconds: float) -> int | None:
    inside = (part["cell_start"].to_numpy(float) <= seconds + 1e-6) & (seconds < part["cell_end"].to_numpy(float))
    return int(np.flatnonzero(inside)[0]) if inside.any() else None


def _whole_frames(timeline: pd.DataFrame) -> bool:
    return "mark" not in timeline or not (timeline["mark"] == "no face").any()


__all__ = ["FilmStyle", "write_film"]
