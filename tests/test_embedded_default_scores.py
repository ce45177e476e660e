# SPDX-License-Identifier: Apache-2.0
"""The packaged model still recognises rendered faces: the regression test of the whole path from pixels to words."""

import pytest
import torch

from emoclip.analysis.source_model import load_model
from emoclip.metrics import uar
from emoclip.synthetic.samples import EMOTIONS, make_clip


NUM_CLIPS = 55  # five identities
# 55 clips of a class-balanced set with true UAR 0.73 fall below this once in ten thousand draws; chance is 0.09.
LOWEST_UAR = 0.50


@pytest.fixture(scope="module")
def predictions() -> tuple[list[str], list[str]]:
    """References and predictions for clips of a seed that no training used."""
    loaded = load_model()
    clips = [make_clip(12345, "test", index) for index in range(NUM_CLIPS)]
    videos = loaded.processor(videos=[clip.frames() for clip in clips])
    texts = loaded.processor(text=[loaded.class_descriptions[name] for name in EMOTIONS])
    with torch.inference_mode():
        logits = loaded.model(**videos, **texts).logits_per_video
    return [clip.emotion for clip in clips], [EMOTIONS[index] for index in logits.argmax(dim=-1).tolist()]


def test_new_faces_are_recognised_by_descriptions(predictions: tuple[list[str], list[str]]) -> None:
    """A wrong normalisation, frame order or tokenisation anywhere on the path lowers this first."""
    assert uar(*predictions) >= LOWEST_UAR


def test_only_the_course_over_time_tells_some_classes_apart(predictions: tuple[list[str], list[str]]) -> None:
    """The pairs that share their movements are mixed up with each other, not with the rest."""
    twins = {"fear": "anxiety", "anxiety": "fear", "sadness": "disappointment", "disappointment": "sadness"}
    pairs = [(reference, predicted) for reference, predicted in zip(*predictions, strict=True) if reference in twins]
    assert sum(predicted in (reference, twins[reference]) for reference, predicted in pairs) >= 0.8 * len(pairs)
