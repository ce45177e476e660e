# SPDX-License-Identifier: Apache-2.0
"""What a crop set is made with; recorded beside it, for a run that goes on must go on with the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from emoclip.data.output import check_writable, is_temporary, replacing

from .selection import SELECTIONS


FORMATS = ("frames", "video")
NO_FACE = ("skip", "keep")
SETTINGS_NAME = "settings.json"


@dataclass(frozen=True)
class CropSettings:
    """How faces are found and cropped.

    Args:
        select: Which of several faces, see `select_tracks`.
        no_face: What becomes of clips without a face: `skip` them, or `keep` the middle square of the whole frame.
        every: Frames from one detection to the next; between them boxes are interpolated.
        max_gap: Frames that a face may be lost without counting as gone, between findings and at the ends of a clip.
        smooth: Frames of the moving average over boxes and angles.
        margin: Share of the box's longer side that is added on every side.
        size: Side of a crop in pixels.
        format: `frames`, a folder of JPEG files, or `video`, an H.264 file.

    Raises:
        ValueError: A value is out of its range.
    """

    select: str = "longest"
    no_face: str = "skip"
    every: int = 4
    max_gap: int = 25
    smooth: int = 15
    margin: float = 0.3
    size: int = 224
    format: str = "frames"

    def __post_init__(self) -> None:
        for name, allowed in (("select", SELECTIONS), ("no_face", NO_FACE), ("format", FORMATS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{_flag(name)}` must be one of {', '.join(allowed)}, got {getattr(self, name)!r}.")
        for name, least in (("every", 1), ("max_gap", 1), ("smooth", 1), ("size", 8)):
            if getattr(self, name) < least:
                raise ValueError(f"`{_flag(name)}` must be at least {least}, got {getattr(self, name)}.")
        if not 0 <= self.margin <= 2:
            raise ValueError(f"`--margin` must be in [0, 2], got {self.margin}.")
        if self.format == "video" and self.size % 2:
            raise ValueError(f"`--size` must be even for `--format video`, got {self.size}.")

    def describe(self, detector: str) -> str:
        """Return the note that the new manifest carries."""
        return (
            f"Faces cropped with the detector {detector}, margin {self.margin:g} of the box on every side, to "
            f"{self.size} x {self.size} pixels; detection every {self.every} frames, moving average over {self.smooth}, "
            f"selection {self.select}."
        )


def claim_folder(output: Path, settings: CropSettings, *, detector: str, source: str) -> None:
    """Record what the crop set in a folder is made with, or check that it was begun with the same.

    Args:
        output: The folder; made if it is not there.
        settings: Of this run.
        detector: Its name.
        source: Fingerprint of the source manifest.

    Raises:
        FileExistsError: The folder was begun with other settings or another manifest, or holds something else.
        OSError: Nothing can be written there.
    """
    wanted = {**asdict(settings), "detector": detector, "manifest_sha256": source}
    path = output / SETTINGS_NAME
    check_writable(output)
    if not path.is_file():
        if not all(is_temporary(entry) for entry in output.iterdir()):
            raise FileExistsError(
                f"`--output` must be a new folder or a crop set begun earlier, {output} holds files."
            )
        with replacing(path, alone=True) as temporary:
            temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    begun = json.loads(path.read_text(encoding="utf-8"))
    for name in wanted.keys() | begun.keys():
        if wanted.get(name) != begun.get(name):
            raise FileExistsError(
                f"The crop set in {output} was begun with {name} {begun.get(name)!r}, got {wanted.get(name)!r}; go on "
                "with the same, choose another folder or remove this one."
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


__all__ = ["FORMATS", "NO_FACE", "CropSettings", "claim_folder"]
