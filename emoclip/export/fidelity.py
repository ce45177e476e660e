# SPDX-License-Identifier: Apache-2.0
"""How far an exported model is from the one it was made of, measured on clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .runtime import directions, relative_match


# Clips of the user's are better; without them moving noise of several kinds, which every installation can make.
NUM_CLIPS = 8
SEED = 11


def noise_clips(processor: Any) -> list[np.ndarray]:
    """Return clips that differ from one another, uint8 (time, height, width, 3): patterns that drift."""
    rng = np.random.default_rng(SEED)
    frames, side = processor.video_processor.num_frames, 96
    clips = []
    for number in range(NUM_CLIPS):
        coarse = rng.integers(0, 256, (2 + number, 2 + number, 3))
        picture = np.kron(coarse, np.ones((side // (2 + number) + 1,) * 2 + (1,)))[:side, :side]
        clips.append(np.stack([np.roll(picture, 2 * time, axis=1) for time in range(frames)]).astype(np.uint8))
    return clips


def measure_fidelity(model: Any, exported: Any, videos: list[Any], texts: list[str]) -> dict[str, float]:
    """Return how an exported model differs from `model` on the same clips and texts.

    Args:
        model: The `EmoCLIPModel`, in evaluation mode and float32.
        exported: The `ExportedModel`.
        videos: Clips, as the processor takes them.
        texts: At least two.

    Returns:
        `lowest_video_cosine`, `lowest_text_cosine`: of an embedding with its original; `largest_match_difference`: of the
        relative match, in [0, 1]; `same_first`: share of clips whose best text is the same.
    """
    processor = exported.processor
    options = _subject_options(model, processor, videos)
    with torch.inference_mode():
        inputs = processor(videos=videos, **options)
        video = model.get_video_features(**inputs).pooler_output.numpy()
        text = model.get_text_features(**processor(text=texts)).pooler_output.numpy()
    other_video, other_text = exported.run("video", inputs), exported.embed_texts(texts)
    scale = float(model.logit_scale.detach().exp())
    match, other_match = relative_match(video, text, scale), relative_match(other_video, other_text, scale)
    return {
        "lowest_video_cosine": _lowest_cosine(video, other_video),
        "lowest_text_cosine": _lowest_cosine(text, other_text),
        "largest_match_difference": float(abs(match - other_match).max()),
        "same_first": float((match.argmax(axis=-1) == other_match.argmax(axis=-1)).mean()),
        "num_clips": len(videos),
        "num_texts": len(texts),
    }


def _subject_options(model: Any, processor: Any, videos: list[Any]) -> dict[str, Any]:
    """A model that prompts by subject needs masks; the whole picture is the subject here."""
    if model.config.subject_prompting == "none":
        return {}
    return {"subject_masks": [np.ones(np.asarray(video).shape[:3], np.float32) for video in videos]}


def _lowest_cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float((directions(first) * directions(second)).sum(axis=-1).min())


__all__ = ["measure_fidelity", "noise_clips"]
