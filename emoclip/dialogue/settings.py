# SPDX-License-Identifier: Apache-2.0
"""How dialogue is prepared; recorded beside the clips, for a run that goes on must go on with the same."""

from __future__ import annotations

import codecs
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from emoclip.data.output import replacing

from .frame_grid import RESAMPLING
from .persons import DEFAULT_PERSON_MODEL, MIN_SCORE
from .punctuation import DEFAULT_PUNCTUATION_MODEL
from .sentiment import DEFAULT_SENTIMENT_MODEL
from .text_sources import language_code


SETTINGS_NAME = "settings.json"
# "text" cuts at the punctuation of the subtitles, "model" at full stops that a model sets, "lines" at every line.
Punctuation = Literal["text", "model", "lines"]
PUNCTUATION: tuple[Punctuation, ...] = ("text", "model", "lines")


@dataclass(frozen=True)
class DialogueSettings:
    """What becomes a clip, and how. The defaults of the selection are EmotionCLIP's (`src/datasets/youtube_v3.py`).

    Args:
        exclude: Names of films that are left out, such as those of a data set that will measure the model.
        punctuation: Where sentences end.
        punctuation_model: Hub id or folder, for `punctuation="model"`.
        language: Of the subtitles, `en` or another code; text in another is taken only where there is nothing else.
        encoding: Of subtitle files that are not Unicode, see `subtitles.decode_text`.
        sentiment_model: Hub id or folder of the text classifier.
        person_model: Hub id or folder of the object detector; `None` looks for nobody.
        speech_model: Hub id or folder for films without subtitles; `None` lists them as failed.
        min_person_score: Persons below it do not count.
        letterbox_slip: Put boxes where the original puts them, see `persons.letterbox_shift`.
        fps: Frames a second that are kept.
        short_side: Frames are shrunk to this short side in pixels; smaller ones stay.
        resample: Filter that shrinks them, `bilinear` or, as the original does, `bicubic`.
        min_seconds, max_seconds: A sentence lasts longer and less long than these.
        min_characters: Of a sentence.
        max_neutral: Highest probability of the neutral class.
        min_person_share: Least share of frames with a person; 0 keeps all.
        min_frames: Of a clip.

    Raises:
        ValueError: A value is out of its range.
    """

    punctuation: Punctuation = "text"
    punctuation_model: str = DEFAULT_PUNCTUATION_MODEL
    language: str = "en"
    encoding: str | None = None
    sentiment_model: str = DEFAULT_SENTIMENT_MODEL
    person_model: str | None = DEFAULT_PERSON_MODEL
    speech_model: str | None = None
    min_person_score: float = MIN_SCORE
    letterbox_slip: bool = False
    fps: float = 8.0
    short_side: int = 256
    resample: str = "bilinear"
    min_seconds: float = 2.0
    max_seconds: float = 10.0
    min_characters: int = 3
    max_neutral: float = 0.05
    min_person_share: float = 0.0
    min_frames: int = 8
    exclude: list[str] = field(default_factory=list)
    # Filled in by the run: what the logits of the clips mean.
    sentiment_names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.punctuation not in PUNCTUATION:
            raise ValueError(f"`--punctuation` must be one of {', '.join(PUNCTUATION)}, got {self.punctuation!r}.")
        if self.resample not in RESAMPLING:
            raise ValueError(f"`--resample` must be one of {', '.join(RESAMPLING)}, got {self.resample!r}.")
        language_code(self.language)
        if self.encoding is not None:
            _check_encoding(self.encoding)
        for name in ("max_neutral", "min_person_share", "min_person_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{_flag(name)}` must be from 0 to 1, got {getattr(self, name)}.")
        for name, least in (("short_side", 16), ("min_characters", 1), ("min_frames", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"`{_flag(name)}` must be at least {least}, got {getattr(self, name)}.")
        if not 0 < self.fps <= 120:
            raise ValueError(f"`--fps` must be above 0 and at most 120, got {self.fps}.")
        if not 0 <= self.min_seconds < self.max_seconds:
            raise ValueError(
                f"`--min-seconds` must be 0 or more and below `--max-seconds`, got {self.min_seconds} and "
                f"{self.max_seconds}."
            )


def claim_output(output: Path, settings: DialogueSettings) -> None:
    """Record what the clips in a folder are made with, or check that they were begun with the same.

    Raises:
        FileExistsError: The folder was begun with other settings, or holds something else.
        OSError: Nothing can be written there.
    """
    path, wanted = output / SETTINGS_NAME, asdict(settings)
    output.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        if any(entry for entry in output.iterdir() if not entry.name.endswith(".tmp")):
            raise FileExistsError(f"`--output` must be a new folder or one begun earlier, {output} holds files.")
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    check_settings(output, settings)


def check_settings(output: Path, settings: DialogueSettings) -> None:
    """Refuse to go on with other settings than a folder was begun with; names of sentiments are compared where they are known.

    Raises:
        FileExistsError: They differ.
    """
    wanted = asdict(settings)
    begun = json.loads((output / SETTINGS_NAME).read_text(encoding="utf-8"))
    if not settings.sentiment_names:
        begun["sentiment_names"] = []
    for name in sorted(wanted.keys() | begun.keys()):
        if wanted.get(name) != begun.get(name):
            raise FileExistsError(
                f"The clips in {output} were begun with {name} {begun.get(name)!r}, got {wanted.get(name)!r}; go on with the "
                "same, choose another folder or remove this one."
            )


def _check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"`--encoding` must be an encoding that Python knows, got {name!r}.") from error


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


__all__ = ["PUNCTUATION", "DialogueSettings", "Punctuation", "check_settings", "claim_output"]
