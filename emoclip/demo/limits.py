# SPDX-License-Identifier: Apache-2.0
"""What a visitor may ask for: bounds of a request, and the check of words; files are checked in `media_check`."""

from __future__ import annotations

from dataclasses import dataclass

from emoclip.analysis import parse_emotions
from emoclip.analysis.words import MAX_EMOTIONS, split_words


@dataclass(frozen=True)
class Limits:
    """Bounds of one request.

    Args:
        seconds: Of a video.
        frames: Of a video.
        megabytes: Of a file.
        megapixels: Of a frame.
        words: Of one list.
        letters: Of one word.
        processing: Seconds that an analysis may take.
    """

    seconds: float = 300.0
    # Five minutes of a telephone's slow motion.
    frames: int = 36_000
    megabytes: float = 200.0
    megapixels: float = 9.0
    words: int = 64
    letters: int = 300
    processing: float = 300.0


AT_HOME = "run `emoclip analyze` on your own computer, which knows no limit"


def check_words(text: str | None, limits: Limits) -> list[str]:
    """Return the visitor's words.

    Raises:
        ValueError: There are none, too many, too long ones, or two that are equal.
    """
    text = text or ""
    # Before they are told apart: ten thousand words are refused without looking at each.
    if len(text) > limits.words * limits.letters:
        raise ValueError(
            f"Words may have {limits.words * limits.letters:,} letters together, got {len(text):,}; shorten the list."
        )
    entries = split_words(text)
    if not entries:
        raise ValueError("The list must hold at least one word, got none; write for example: happiness, quiet relief.")
    if len(entries) > limits.words:
        raise ValueError(
            f"A list may hold at most {limits.words} words here, got {len(entries)}; shorten it, or run `emoclip analyze` on your own "
            f"computer, which takes {MAX_EMOTIONS} at once."
        )
    words = parse_emotions(text)
    for word in words:
        if len(word) > limits.letters:
            raise ValueError(f"A word may have at most {limits.letters} letters, got {len(word)} in {word[:40]!r}.")
    return words


__all__ = ["AT_HOME", "Limits", "check_words"]
