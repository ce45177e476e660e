# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.systems import load_system
from emoclip.evaluation.target_predictions import NO_CLASS


ONLY = "protocols.zero_shot=false"
CAPTIONS = [
    ["A man sits in a car, his eyes wide.", "A second caption."],
    ["A woman waits. Her mouth is open."],
    [],
    ["The brows come down, a child shouts."],
    ["A crowd stands there."],
]


@pytest.fixture(scope="module")
def captioned(write_set):
    return write_set(5, lambda n: {"captions": CAPTIONS[n], "label": None if n == 1 else n % 3})


def test_every_clip_with_its_first_caption(captioned, run_tables, tiny_model_folder):
    """A clip without a caption has nothing to find; one without a class counts for exact retrieval."""
    (table,) = run_tables(captioned, ONLY, "protocols.retrieval={}")
    assert table.clip_ids == ["c0", "c1", "c3", "c4"]
    assert table.references == [0, NO_CLASS, 0, 1]
    system = load_system(SystemConfig("m", model=str(tiny_model_folder)))
    inputs = system.processor(text=[CAPTIONS[n][0] for n in (0, 1, 3, 4)], videos=None)
    with torch.inference_mode():
        text = system.model.get_text_features(**inputs).pooler_output
    text = text / text.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(table.text_embeds, text, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(table.video_embeds, axis=1), 1, rtol=1e-5)


def test_ablation_compares_the_same_clips(captioned, run_tables):
    """A clip whose caption says nothing of the face must be missing everywhere, or the three numbers are of different clips."""
    tables = run_tables(captioned, ONLY, "protocols.caption_ablation={}")
    assert [table.prompt_set for table in tables] == ["full", "expression_only", "context_only"]
    assert all(table.clip_ids == ["c0", "c1", "c3"] for table in tables)
    np.testing.assert_array_equal(tables[0].video_embeds, tables[1].video_embeds)
    assert not np.allclose(tables[1].text_embeds, tables[2].text_embeds)


def test_ablation_takes_columns(write_set, run_tables):
    """Parts that people wrote are better than parts by rule."""
    path = write_set(3, lambda n: {"captions": [f"All {n}."], "face": f"Face {n}.", "rest": [f"Rest {n}."]})
    tables = run_tables(path, ONLY, "protocols.caption_ablation={expression: face, context: rest}")
    assert all(table.clip_ids == ["c0", "c1", "c2"] for table in tables)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("protocols.retrieval={captions: words}", r"needs the column `words`"),
        ("protocols.retrieval={ks: [0]}", r"`ks` must hold numbers of at least 1"),
    ],
)
def test_what_does_not_fit_is_told_before_work(captioned, run_tables, override, message):
    with pytest.raises(ValueError, match=message):
        run_tables(captioned, ONLY, override)


def test_set_without_captions_is_refused(write_set, run_tables):
    with pytest.raises(ValueError, match=r"at least 2 clips with a caption in `captions`, got 0"):
        run_tables(write_set(3, lambda n: {"label": n}), ONLY, "protocols.retrieval={}")


def test_lengths_of_the_lists_are_those_that_were_asked_for(run_tables, manifest, tmp_path):
    """A setting without effect; the report, which has only the tables, must know it too."""
    from emoclip.evaluation.results import Resampling, score
    from emoclip.evaluation.target_predictions import read_target_predictions, write_target_predictions

    (table,) = run_tables(manifest, "protocols.zero_shot=false", "protocols.retrieval={ks: [4, 2]}")
    again = read_target_predictions(write_target_predictions(table, tmp_path / "t.parquet"))
    assert again.ks == (2, 4)
    found = score(again, Resampling(num_resamples=20))["directions"]["video_to_text"]
    assert [name for name in found if name.startswith("recall_at_") and "interval" not in name] == [
        "recall_at_2",
        "recall_at_4",
    ]
