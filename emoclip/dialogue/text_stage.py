# SPDX-License-Identifier: Apache-2.0
"""From a film to a table of its sentences: text, times, sentiment, and why a sentence is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.output import replacing

from .films import Film, told
from .punctuation import PunctuationModel
from .sentences import Sentence, line_sentences, restored_sentences, spread_words, written_sentences
from .sentiment import SentimentModel
from .settings import DialogueSettings
from .speech import SpeechModel
from .subtitles import Cue, embedded_cues, read_subtitles
from .text_sources import TextSource, language_code, subtitle_files, text_sources


SENTENCES = pa.schema(
    [
        ("number", pa.int64()),
        ("text", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("sentiment_logits", pa.list_(pa.float32())),
        ("neutral_score", pa.float32()),
        ("left_out", pa.string()),  # why; null for a clip
    ]
)
# Metadata of a film's table.
SOURCE, LANGUAGE, UNREAD, INPUTS = "source", "language", "unread", "inputs"
# Length of a film beyond which a sentence may begin: subtitles of another cut of the film run past its end.
DURATION_SLACK = 1.0


@dataclass(frozen=True)
class Origin:
    """Where a film's text is from.

    Args:
        source: File, track or recogniser.
        language: Its code, empty where it is not told.
        unread: Errors of what would have been taken before it, empty where there was none.
    """

    source: str = ""
    language: str = ""
    unread: str = ""


class TextStage:
    """Finds, cuts and judges what is said in films; models are loaded when the first film needs them.

    Args:
        settings: How.
        device: Where the models run.

    Raises:
        ValueError: A model does not fit.
        OSError: A model cannot be found.
    """

    def __init__(self, settings: DialogueSettings, device: str = "cpu"):
        self.settings = settings
        self.device = device
        self.sentiment = SentimentModel(settings.sentiment_model, device=device)
        self._punctuation: PunctuationModel | None = None
        self._speech: SpeechModel | None = None
        if settings.punctuation == "model":
            self._punctuation = PunctuationModel(settings.punctuation_model, device)
        if settings.speech_model is not None:
            self._speech = SpeechModel(settings.speech_model, device)

    def table(self, film: Film, duration: float | None) -> pa.Table:
        """Return the table of sentences of a film; its metadata say where the text is from, see `origin_of`.

        Args:
            film: The film.
            duration: Of the film in seconds, where it is known.

        Raises:
            ValueError: There is no text, it has no sentences, or none lies within the film.
            OSError, av.error.FFmpegError: The film or its subtitles cannot be read.
        """
        inputs = inputs_fingerprint(film)
        cues, origin = self._cues(film.path)
        sentences = self._sentences(film.path, cues)
        if duration is not None and all(sentence.start > duration + DURATION_SLACK for sentence in sentences):
            raise ValueError(
                f"Subtitles must belong to their film, those of {film.path} begin at {sentences[0].start:.0f} s and the film "
                f"ends at {duration:.0f} s."
            )
        about = {SOURCE: origin.source, LANGUAGE: origin.language, UNREAD: origin.unread, INPUTS: inputs}
        return self._table(sentences, duration).replace_schema_metadata(about)

    def _sentences(self, film: Path, cues: list[Cue]) -> list[Sentence]:
        if self._punctuation is not None:
            found = restored_sentences(spread_words(cues), self._punctuation)
        elif self.settings.punctuation == "lines":
            found = line_sentences(cues)
        else:
            found = written_sentences(spread_words(cues))
        if not found:
            raise ValueError(f"A film must have at least 1 whole sentence, {film} has none in {len(cues)} lines.")
        return found

    def _cues(self, film: Path) -> tuple[list[Cue], Origin]:
        """What is said, and where that stands; what has bad contents is passed over, and told.

        Errors of files are not: they may pass, and worse text, or a recogniser's, would stay for good.
        """
        unread: list[str] = []
        for source in text_sources(film, language_code(self.settings.language)):
            try:
                cues = self._read(source)
            except ValueError as error:  # FFmpeg's invalid data is one
                unread.append(told(error))
                continue
            if cues:
                return cues, Origin(str(source), source.language or "", "; ".join(unread))
        return self._heard(film, "; ".join(unread))

    def _heard(self, film: Path, unread: str) -> tuple[list[Cue], Origin]:
        if self._speech is None and unread:
            raise ValueError(unread)
        if self._speech is None:
            raise ValueError(
                f"A film must have subtitles beside it ({film.stem}.srt, .vtt, .ass) or a text track, {film} has neither; "
                "pass --speech-model to recognise what is said."
            )
        if not (cues := self._speech(film)):
            more = f" ({unread})" if unread else ""
            raise ValueError(f"A film without subtitles must have speech, none was recognised in {film}{more}.")
        return cues, Origin(f"speech, by {self.settings.speech_model}", "", unread)

    def _read(self, source: TextSource) -> list[Cue]:
        if source.track is None:
            return read_subtitles(source.path, self.settings.encoding)
        return embedded_cues(source.path, source.track)

    def _table(self, sentences: Sequence[Sentence], duration: float | None) -> pa.Table:
        logits = self.sentiment.logits([sentence.text for sentence in sentences])
        neutral = self.sentiment.neutral_scores(logits)
        reasons = [
            why_left_out(sentence, float(score), self.settings, duration)
            for sentence, score in zip(sentences, neutral, strict=True)
        ]
        columns = [
            np.arange(len(sentences)),
            [sentence.text for sentence in sentences],
            [sentence.start for sentence in sentences],
            [sentence.end for sentence in sentences],
            list(logits),
            neutral,
            reasons,
        ]
        return pa.table(
            [pa.array(values, kind.type) for values, kind in zip(columns, SENTENCES, strict=True)], SENTENCES
        )


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table under a temporary name and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def origin_of(path: Path) -> Origin:
    """Return where the text of a film's table is from."""
    metadata = pq.read_schema(path).metadata or {}
    return Origin(*(metadata.get(name.encode(), b"").decode() for name in (SOURCE, LANGUAGE, UNREAD)))


def is_of_these_inputs(path: Path, film: Film) -> bool:
    """Whether a film's table was made of the film and the subtitle files that are there now.

    Raises:
        OSError: One of them cannot be read, so that it is not known.
    """
    metadata = pq.read_schema(path).metadata or {}
    return metadata.get(INPUTS.encode(), b"").decode() == inputs_fingerprint(film)


def inputs_fingerprint(film: Film) -> str:
    """Return names, sizes and times of change of a film and of all subtitle files that are its own.

    Their folder is left out: films that are moved stay what they are.

    Raises:
        OSError: One of them cannot be read.
    """
    paths = [film.path, *sorted(source.path for source in subtitle_files(film.path))]
    stats = [(path.name, path.stat()) for path in paths]
    return json.dumps([[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats])


def why_left_out(
    sentence: Sentence, neutral_score: float, settings: DialogueSettings, duration: float | None = None
) -> str | None:
    """Return why a sentence becomes no clip, `None` if it becomes one (EmotionCLIP `src/datasets/youtube_v3.py`)."""
    if duration is not None and sentence.end > duration + DURATION_SLACK:
        return "after the end of the film"
    if not settings.min_seconds < sentence.duration < settings.max_seconds:
        return "too short" if sentence.duration <= settings.min_seconds else "too long"
    if len(sentence.text) < settings.min_characters:
        return "too few characters"
    if neutral_score > settings.max_neutral:
        return "neutral"
    return None


__all__ = [
    "SENTENCES",
    "Origin",
    "TextStage",
    "inputs_fingerprint",
    "is_of_these_inputs",
    "origin_of",
    "why_left_out",
    "write_table",
]
