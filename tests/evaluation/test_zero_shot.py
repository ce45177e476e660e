# SPDX-License-Identifier: Apache-2.0
import logging

import numpy as np
import pytest
import torch

from emoclip.data import load
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.systems import load_system, with_pooling
from emoclip.evaluation.zero_shot import choose_dtype, class_scores, encode_clips, encode_texts, predict


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


def test_several_models_share_one_pass(system, rows):
    """Each model must get its own embeddings, though clips are decoded once."""
    models = {"cls": system.model, "mean": with_pooling(system.model, "mean").eval()}
    together = encode_clips(models, system.processor.video_processor, rows, batch_size=3)
    for name, model in models.items():
        alone = encode_clips({name: model}, system.processor.video_processor, rows, batch_size=3)
        torch.testing.assert_close(together.embeds[name], alone.embeds[name])
    assert not torch.allclose(together.embeds["cls"], together.embeds["mean"])


def test_workers_keep_the_order(system, rows):
    """Scores must stand beside the clip they belong to."""
    options = {"batch_size": 2}
    alone = encode_clips({"m": system.model}, system.processor.video_processor, rows, **options)
    workers = encode_clips({"m": system.model}, system.processor.video_processor, rows, num_workers=2, **options)
    assert workers.rows == alone.rows
    torch.testing.assert_close(workers.embeds["m"], alone.embeds["m"])


def test_broken_clip_is_reported_and_left_out(system, write_clips, caplog):
    """One bad file must not cost the hours before it, and must not be counted silently as anything."""
    rows = load(write_clips(broken=["c0", "c1", "c3"]), "test")
    with caplog.at_level(logging.WARNING):
        scores, clips = predict(system.model, system.processor, rows, TEXTS, batch_size=2)
    assert clips.rows == [2, 4]
    assert scores.shape == (2, 3)
    assert set(clips.errors) == {0, 1, 3}
    assert "c3.mp4" in clips.errors[3]
    assert caplog.text.count("clip left out") == 3


def test_nothing_readable_is_an_error(system, write_clips):
    """A report about no clip is no report."""
    rows = load(write_clips(broken=[f"c{number}" for number in range(5)]), "test")
    with pytest.raises(ValueError, match=r"At least one clip must be readable, got 5 that are not: .*c0.mp4"):
        predict(system.model, system.processor, rows, TEXTS)


def test_bfloat16_stays_close_to_float32(system, rows):
    """Half precision is for the towers; cosines and softmax stay in float32."""
    exact, _ = predict(system.model, system.processor, rows, TEXTS)
    rough, clips = predict(system.model, system.processor, rows, TEXTS, dtype=torch.bfloat16)
    np.testing.assert_allclose(rough, exact, atol=0.02)
    assert clips.embeds["model"].dtype == torch.float32


def test_class_scores_worked_by_hand():
    """exp(logit_scale) = 2 and cosines 1 and 0: softmax of 2 and 0, whatever the lengths of the vectors."""
    scores = class_scores(torch.tensor([[3.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 7.0]]), np.log(2.0))
    assert scores[0] == pytest.approx([np.e**2 / (np.e**2 + 1), 1 / (np.e**2 + 1)])


def test_texts_have_unit_length(system):
    embeds = encode_texts(system.model, system.processor, TEXTS)
    torch.testing.assert_close(embeds.norm(dim=-1), torch.ones(3))


def test_precision_is_chosen_by_name():
    device = torch.device("cpu")
    assert choose_dtype("float32", device) is None
    assert choose_dtype("bfloat16", device) is torch.bfloat16
    assert choose_dtype("auto", device) in (None, torch.bfloat16)
