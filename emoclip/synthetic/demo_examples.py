# SPDX-License-Identifier: Apache-2.0
"""The clips that the browser demo offers: rendered faces, so that nobody's picture is handed around.

python -P -m emoclip.synthetic.demo_examples emoclip/demo/examples
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoclip.synthetic.samples import EMOTIONS, FPS, make_clip
from emoclip.synthetic.video_file import encode_h264, write_atomically


# A seed of its own, so that the faces are not those of training or testing.
SEED = 77
# Whom the Haar cascade finds in every frame; it was made for photographs and misses many drawn faces.
FOUND_PERSON = 6
ONE_PERSON = ("happiness", "surprise", "sadness")
TWO_PERSONS = (("anger", "happiness"), ("disgust", "surprise"))


def write_examples(folder: Path) -> list[Path]:
    """Write the clips and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {
        "one_person": _one_after_another(FOUND_PERSON, ONE_PERSON),
        "two_persons": np.concatenate(
            [_one_after_another(1 + side, [pair[side] for pair in TWO_PERSONS]) for side in (0, 1)], axis=2
        ),
    }
    paths = []
    for name, frames in clips.items():
        larger = frames.repeat(2, axis=1).repeat(2, axis=2)
        paths.append(folder / f"{name}.mp4")
        write_atomically(paths[-1], encode_h264(larger, FPS, crf=26))
    return paths


def _one_after_another(person: int, emotions: Sequence[str]) -> np.ndarray:
    """Frames of one face with several expressions, uint8 RGB (time, 96, 96, 3)."""
    first = person * len(EMOTIONS)
    return np.concatenate([make_clip(SEED, "test", first + EMOTIONS.index(emotion)).frames() for emotion in emotions])


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
