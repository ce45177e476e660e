# SPDX-License-Identifier: Apache-2.0
"""The whole path once: faces drawn, written as a film, decoded, scored by the embedded default, the answer known."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from emoclip.console import require

from .finding import Finding, check


if TYPE_CHECKING:
    import numpy as np

# Two drawn clips that the embedded default tells apart by far.
SEED = 12345
WORDS = ("happiness", "sadness")
REMEDY = "reinstall: pip install --force-reinstall --no-deps emoclip; if that does not help, please report it"


def examine_path() -> list[Finding]:
    """Score rendered films of two expressions and compare with what they show."""
    try:
        require("cv2", "data")  # draws the faces
    except ImportError as error:
        found = check("noise scored, not drawn faces", _score_noise, REMEDY)
        return [replace(found, status="note", remedy=str(error)) if found.status == "ok" else found]
    return [check("drawn, encoded, decoded, scored", _score, REMEDY)]


def _score() -> str:
    from emoclip.synthetic.samples import EMOTIONS, make_clip

    begin = time.perf_counter()
    clips = [make_clip(SEED, "test", EMOTIONS.index(word)).frames() for word in WORDS]
    match = _match(clips)
    answers = [WORDS[index] for index in match.argmax(axis=-1).tolist()]
    if answers != list(WORDS):
        raise ValueError(f"clips of {', '.join(WORDS)} were taken for {', '.join(answers)}")
    shares = ", ".join(f"{word} {share:.0%}" for word, share in zip(WORDS, match.diagonal().tolist(), strict=True))
    return f"{shares} (relative match of the right word), {time.perf_counter() - begin:.1f} s"


def _score_noise() -> str:
    import numpy as np

    clips = [np.random.default_rng(seed).integers(0, 256, (8, 96, 96, 3), np.uint8) for seed in (1, 2)]
    first, second = _match(clips), _match(clips)
    if not np.isfinite(first).all() or not np.allclose(first, second, atol=1e-5):
        raise ValueError(f"the same frames were scored {first.tolist()} and {second.tolist()}")
    return "the same scores twice"


def _match(clips: list[np.ndarray]) -> np.ndarray:
    """Write films, read them back and score them: the relative match, (clips, words)."""
    import torch
    from transformers.utils.logging import disable_progress_bar

    from emoclip.analysis import load_model
    from emoclip.synthetic.video_file import encode_h264

    disable_progress_bar()
    loaded = load_model()
    videos = loaded.processor(videos=[io.BytesIO(encode_h264(frames, 25)) for frames in clips])
    texts = loaded.processor(text=[loaded.class_descriptions[word] for word in WORDS])
    with torch.inference_mode():
        return loaded.model(**videos, **texts).logits_per_video.softmax(dim=-1).numpy()


__all__ = ["examine_path"]
