# SPDX-License-Identifier: Apache-2.0
"""Cues for films without subtitles, by speech recognition; the sound is read in stretches, whatever the film's length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoclip.dialogue.found_model import loading
from modeling_emoclip.video_container_emoclip import clock_start

from .subtitles import Cue


DEFAULT_SPEECH_MODEL = "openai/whisper-small"
SAMPLE_RATE = 16_000
# Seconds that are recognised at once, and those before the end in which the quietest place to cut is looked for.
STRETCH_SECONDS, CUT_SECONDS = 300, 20
QUIET_SECONDS = 0.2
# A frame of sound that is off by more than this begins anew at its own time; a gap longer than the second ends a stretch, for recognisers
# invent words in long silence.
SLIP_SECONDS, LONGEST_GAP = 0.05, 5.0


class SpeechModel:
    """Recognises what is said, with times.

    Args:
        name: Hub id or folder of a speech recogniser that gives times, such as Whisper.
        device: Where it runs.

    Raises:
        FileNotFoundError: The model cannot be found.
    """

    def __init__(self, name: str = DEFAULT_SPEECH_MODEL, device: str | torch.device = "cpu"):
        from transformers import pipeline

        with loading("speech model", name):
            self.recognise: Any = pipeline("automatic-speech-recognition", model=name, device=device)

    def __call__(self, film: Path) -> list[Cue]:
        """Return what is said in a film; none where it has no sound."""
        cues = []
        for begin, samples in sound_stretches(film):
            # Without `chunk_length_s`: Whisper goes through long sound by its own rules, better than in fixed pieces.
            told = self.recognise({"raw": samples, "sampling_rate": SAMPLE_RATE}, return_timestamps=True)
            for chunk in told["chunks"]:
                start, end = chunk["timestamp"]
                # The recogniser leaves the last end open where the sound is cut off, or puts it behind the end.
                length = len(samples) / SAMPLE_RATE
                end = length if end is None else min(end, length)
                if text := " ".join(chunk["text"].split()):
                    cues.append(Cue(text, begin + (start or 0.0), begin + end))
        return [cue for cue in cues if cue.end > cue.start]


def sound_stretches(film: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the sound of a film in stretches, each with its start in seconds of the film, mono float32 at 16 kHz.

    A stretch ends at the quietest place of its last seconds, so that no word is cut where that can be helped, or where sound is missing
    for long. Shorter gaps are silence.
    """
    held, begin = np.empty(0, np.float32), 0
    for place, samples in _gathered(_placed_samples(film)):
        gap = place - begin - len(held)
        if not len(held) or gap > LONGEST_GAP * SAMPLE_RATE:
            if len(held):
                yield begin / SAMPLE_RATE, held
            held, begin, gap = np.empty(0, np.float32), max(place, 0), min(place, 0)
        # What comes twice, by times that go back, is heard once.
        held = np.concatenate([held, np.zeros(max(gap, 0), np.float32), samples[max(-gap, 0) :]])
        while len(held) >= STRETCH_SECONDS * SAMPLE_RATE:
            cut = _quietest(held[: STRETCH_SECONDS * SAMPLE_RATE])
            yield begin / SAMPLE_RATE, held[:cut]
            held, begin = held[cut:], begin + cut
    if len(held):
        yield begin / SAMPLE_RATE, held


def _quietest(samples: np.ndarray) -> int:
    """Middle of the quietest window within the last seconds."""
    step = int(QUIET_SECONDS * SAMPLE_RATE)
    first = len(samples) - CUT_SECONDS * SAMPLE_RATE
    windows = samples[first:].reshape(-1, step)
    return first + int((windows**2).sum(axis=1).argmin()) * step + step // 2


def _gathered(pieces: Iterable[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces of sound that follow one another, joined to some seconds; each has the number of its first sample in the film."""
    parts: list[np.ndarray] = []
    begin, length = 0, 0
    for place, samples in pieces:
        # Packets are small: joined one by one, a long film would be copied thousands of times.
        if parts and (place != begin + length or length >= SAMPLE_RATE * CUT_SECONDS):
            yield begin, np.concatenate(parts)
            parts, length = [], 0
        begin = begin if parts else place
        parts.append(samples)
        length += len(samples)
    if parts:
        yield begin, np.concatenate(parts)


def _placed_samples(film: Path) -> Iterator[tuple[int, np.ndarray]]:
    """Sound as it is decoded, each piece at the time that its frame says."""
    import av

    with av.open(str(film)) as container:
        if not container.streams.audio:
            return
        start, run = clock_start(container), None
        for frame in container.decode(audio=0):
            seconds = None
            if frame.pts is not None and frame.time_base is not None:
                seconds = float(frame.pts * frame.time_base - start)
            if run is None or not run.goes_on(frame, seconds):
                if run is not None:
                    yield from run.samples(None)
                end = 0.0 if run is None else run.end
                run = _Run(frame, end if seconds is None else seconds)
            yield from run.samples(frame)
        if run is not None:
            yield from run.samples(None)


class _Run:
    """Frames of sound that follow one another and have one form, resampled together.

    Args:
        first: Its first frame.
        seconds: When that begins.
    """

    def __init__(self, first: Any, seconds: float):
        import av

        self.form = self._form(first)
        self.end = seconds
        self.place = round(seconds * SAMPLE_RATE)
        self.resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)

    def goes_on(self, frame: Any, seconds: float | None) -> bool:
        """Whether a frame that begins then, or at a time that is not told, is the next one."""
        return self._form(frame) == self.form and (seconds is None or abs(seconds - self.end) <= SLIP_SECONDS)

    def samples(self, frame: Any | None) -> Iterator[tuple[int, np.ndarray]]:
        """Take a frame, or `None` for the end; yield what is ready, with the number of its first sample in the film."""
        for out in self.resampler.resample(frame):
            samples = out.to_ndarray().reshape(-1)
            yield self.place, samples
            self.place += len(samples)
        if frame is not None:
            self.end += frame.samples / frame.sample_rate

    @staticmethod
    def _form(frame: Any) -> tuple[Any, ...]:
        return frame.format.name, frame.layout.name, frame.sample_rate


__all__ = ["DEFAULT_SPEECH_MODEL", "SpeechModel", "sound_stretches"]
