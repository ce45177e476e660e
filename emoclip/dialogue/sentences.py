# SPDX-License-Identifier: Apache-2.0
"""Sentences with times from the lines of subtitles (EmotionCLIP `preprocessing/regroup_transcripts`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .sentence_ends import ends_sentence
from .subtitles import Cue


# EmotionCLIP cuts at the full stops that its model sets, and at them alone.
FULL_STOP = re.compile(r"\.[\"'\u201d\u2019»)\]]*$")
# Sounds that subtitles for the deaf describe: one in square brackets costs its sentence, as in the original; round ones are taken out.
SOUND = re.compile(r"[\[\]]")
ASIDE = re.compile(r"\([^()]*\)|\uff08[^\uff08\uff09]*\uff09")
# Lines that are sung, and dashes before a change of speaker.
SUNG = re.compile(r"[♪♫]")
DASH = re.compile(r"^[-\u2013\u2014]+$")
# Captions write ">> " before another speaker.
ARROWS = re.compile(r"(?:^|(?<=\s))>{2,3}\s*")
# Fewer ends for a word than this is text without punctuation, such as automatic captions.
FEWEST_ENDS = 1 / 60
# Punctuation at either side of a word, but not between digits such as in 3.5 (as the original strips it). Square brackets stay, for
# they tell which sentences describe a sound.
STRIPPED = re.compile(r"(?<!\d)[^\w\s'\u2019\[\]-]|[^\w\s'\u2019\[\]-](?!\d)")


@dataclass(frozen=True)
class Word:
    """A word and when it is said, in seconds: the time of its line is shared out evenly; whether it is the last of its line."""

    text: str
    start: float
    end: float
    ends_line: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Sentence:
    """What is said from `start` to `end`, in seconds."""

    text: str
    start: float
    end: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


def spread_words(cues: Sequence[Cue]) -> list[Word]:
    """Return the words of all lines; a line ends where the next one begins at the latest.

    Args:
        cues: In the order of time; what is sung and what stands in round brackets is left out.
    """
    words = []
    cues = _spoken(cues)
    for number, cue in enumerate(cues):
        following = cues[number + 1].start if number + 1 < len(cues) else cue.end
        end = max(cue.start, min(cue.end, following))
        texts = [text for text in cue.text.split() if not DASH.match(text)]
        step = (end - cue.start) / max(len(texts), 1)
        words += [
            Word(text, cue.start + place * step, cue.start + (place + 1) * step, place + 1 == len(texts))
            for place, text in enumerate(texts)
        ]
    return words


def written_sentences(words: Sequence[Word]) -> list[Sentence]:
    """Cut at the punctuation of the text; words after the last end are left out.

    Raises:
        ValueError: The text has no punctuation to speak of.
    """
    following = [word.text for word in words[1:]]
    ends = [
        ends_sentence(word.text, after, word.ends_line) for word, after in zip(words, [*following, None], strict=False)
    ]
    if words and sum(ends) < len(words) * FEWEST_ENDS:
        raise ValueError(
            f"Subtitles must be punctuated to be cut into sentences, got {sum(ends)} sentence ends in {len(words)} words; "
            "pass --punctuation model, which sets them."
        )
    return _clean(_cut(words, ends))


def restored_sentences(words: Sequence[Word], restore: Callable[[list[str]], list[str]]) -> list[Sentence]:
    """Cut where a model sets a full stop, as EmotionCLIP does.

    Punctuation of the text is stripped first; only at "." is cut, so that a question runs on; words before the first stop and
    after the last are left out, for their sentence may not be whole.

    Args:
        words: Of the whole film.
        restore: From bare words to the same words, each with the mark that follows it.
    """
    bare = [Word(text, word.start, word.end) for word in words if (text := STRIPPED.sub("", word.text).strip())]
    marked = restore([word.text for word in bare])
    whole = [Word(text, word.start, word.end) for text, word in zip(marked, bare, strict=True)]
    return _clean(list(_cut(whole, [bool(FULL_STOP.search(word.text)) for word in whole]))[1:])


def line_sentences(cues: Sequence[Cue]) -> list[Sentence]:
    """Take every line for a sentence, for text that is cut already."""
    return _clean(Sentence(cue.text, cue.start, cue.end) for cue in _spoken(cues))


def _spoken(cues: Sequence[Cue]) -> list[Cue]:
    """Lines that are not sung, for the words of a song would run into the next sentence; without signs and what is in round brackets."""
    spoken = (replace(cue, text=" ".join(ARROWS.sub("", ASIDE.sub(" ", cue.text)).split())) for cue in cues)
    return [cue for cue in spoken if cue.text and not SUNG.search(cue.text)]


def _cut(words: Sequence[Word], ends: Sequence[bool]) -> Iterator[Sentence]:
    """Yield the words up to each end; `ends` says of every word whether it is one."""
    begin = 0
    for number, is_end in enumerate(ends):
        if is_end:
            part = words[begin : number + 1]
            start, end = min(one.start for one in part), max(one.end for one in part)
            yield Sentence(" ".join(one.text for one in part), start, end)
            begin = number + 1


def _clean(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Without sounds; a sentence with one in it is left out, as by the original."""
    return [sentence for sentence in sentences if not SOUND.search(sentence.text)]


__all__ = [
    "Sentence",
    "Word",
    "line_sentences",
    "restored_sentences",
    "spread_words",
    "written_sentences",
]
