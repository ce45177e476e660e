# SPDX-License-Identifier: Apache-2.0
"""Cues for films without subtitles, by speech recognition; the sound is read in stretches, whatever the film's length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .subtitles import Cue


DEFAULT_SPEECH_MODEL = "openai/whisper-small"
SAMPLE_RATE = 16_000
# Seconds that are recognised at once, and those before the end in which the quietest place to cut is looked for.
STRETCH_SECONDS, CUT_SECONDS = 300, 20
QUIET_SECONDS = 0.2


class SpeechModel:
    """Recognises what is said, with times.

    Args:
        name: Hub id or folder of a speech recogniser that gives times, such as Whisper.
        device: Where it runs.

    Raises:
        OSError: The model cannot be found.
    """

    def __init__(self, name: str = DEFAULT_SPEECH_MODEL, device: str | torch.device = "cpu"):
        from transformers import pipeline

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
    """Yield the sound of a film in stretches, each with its start in seconds, mono float32 at 16 kHz.

    A stretch ends at the quietest place of its last seconds, so that no word is cut where that can be helped.
    """
    held, begin = np.empty(0, np.float32), 0
    for samples in _samples(film):
        held = np.concatenate([held, samples])
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


def _samples(film: Path) -> Iterator[np.ndarray]:
    import av

    with av.open(str(film)) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        parts: list[np.ndarray] = []
        for frame in container.decode(audio=0):
            parts += [out.to_ndarray().reshape(-1) for out in resampler.resample(frame)]
            # Packets are small: joined one by one, a long film would be copied thousands of times.
            if sum(map(len, parts)) >= SAMPLE_RATE * CUT_SECONDS:
                yield np.concatenate(parts)
                parts = []
        parts += [out.to_ndarray().reshape(-1) for out in resampler.resample(None)]
        if parts:
            yield np.concatenate(parts)


__all__ = ["DEFAULT_SPEECH_MODEL", "SpeechModel", "sound_stretches"]
