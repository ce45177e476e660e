# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from emoclip.data import load
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.systems import load_system
from emoclip.evaluation.zero_shot import choose_dtype, class_scores, predict
from modeling_emoclip.text_classes_emoclip import Ensemble, Prompt


TEXTS = ["A frown.", "A smile.", "Lip corners down."]


@pytest.fixture(scope="module")
def system(tiny_model_folder):
    return load_system(SystemConfig("trained", model=str(tiny_model_folder)))


@pytest.fixture(scope="module")
def rows(manifest):
    return load(manifest, "test")


def test_scores_agree_with_the_model(system, rows):
    """Embedding clips and texts apart must give what the model itself gives for clips and texts together."""
    scores, clips = predict(system.model, system.processor, rows, TEXTS, batch_size=2)
    inputs = system.processor(text=TEXTS, videos=rows["file"][:])
    with torch.inference_mode():
        expected = system.model(**inputs).logits_per_video.softmax(-1)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert clips.rows == [0, 1, 2, 3, 4]
    assert scores.dtype == np.float32


def test_bfloat16_stays_close_to_float32(system, rows):
    """Half precision is for the towers; cosines and softmax stay in float32."""
    exact, _ = predict(system.model, system.processor, rows, TEXTS)
    rough, clips = predict(system.model, system.processor, rows, TEXTS, dtype=torch.bfloat16)
    np.testing.assert_allclose(rough, exact, atol=0.02)
    assert clips.values.dtype == torch.float32


def test_ensemble_is_the_mean_of_its_logits(system):
    """Exp-CLIP averages logits; an average of probabilities would be another number."""
    features = torch.randn(4, 10, generator=torch.Generator().manual_seed(3))
    single = system.encoder.class_logits(features, [Prompt(text) for text in TEXTS])
    both = system.encoder.class_logits(features, [Ensemble((Prompt(TEXTS[0]), Prompt(TEXTS[2]))), Prompt(TEXTS[1])])
    torch.testing.assert_close(both[:, 0], (single[:, 0] + single[:, 2]) / 2)
    scores = class_scores(system.encoder, features, [Prompt(text) for text in TEXTS])
    np.testing.assert_allclose(scores, single.softmax(-1), rtol=1e-5)


def test_precision_is_chosen_by_name():
    device = torch.device("cpu")
    assert choose_dtype("float32", device) is None
    assert choose_dtype("bfloat16", device) is torch.bfloat16
    assert choose_dtype("auto", device) in (None, torch.bfloat16)
