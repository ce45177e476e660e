# SPDX-License-Identifier: Apache-2.0
import shutil

import numpy as np
import pytest
import torch

from emoclip.config_loading import load_config
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.run import run_evaluation
from modeling_emoclip import EmoCLIPModel


@pytest.fixture(scope="module")
def models(tiny_model_folder, tmp_path_factory):
    """A model for each class, all of different weights."""
    folder = tmp_path_factory.mktemp("loo")
    for seed, name in enumerate(["anger", "happiness", "sadness"]):
        shutil.copytree(tiny_model_folder, folder / f"without_{name}")
        torch.manual_seed(seed)
        EmoCLIPModel(EmoCLIPModel.from_pretrained(tiny_model_folder).config).save_pretrained(
            folder / f"without_{name}"
        )
    return folder


@pytest.fixture(scope="module")
def labelled(write_set):
    return write_set(6, lambda n: {"label": n % 3})


def test_each_clip_is_scored_by_the_model_that_has_not_seen_its_class(labelled, models, run_tables):
    """A clip scored by another class's model was seen in training: the number would be no zero-shot number."""
    only = "protocols.zero_shot=false"
    (table,) = run_tables(labelled, only, f"protocols.leave_one_out.model={models}/without_{{class}}")
    assert table.protocol == "leave_one_out"
    assert table.references == [0, 0, 1, 1, 2, 2]
    assert table.model == f"{models}/without_{{class}}"
    assert table.revision.startswith("3 models, sha256:")
    for label, name in enumerate(table.class_names):
        (own,) = run_tables(labelled, f"model={models}/without_{name}")
        for row in (2 * label, 2 * label + 1):
            expected = own.scores[own.clip_ids.index(table.clip_ids[row])]
            np.testing.assert_allclose(table.scores[row], expected, rtol=1e-4)


def test_missing_models_are_named_before_work(labelled, models, run_tables):
    """Otherwise the ninth class fails after eight were encoded."""
    with pytest.raises(FileNotFoundError, match=r"there is none in .*nothing_anger, .*nothing_happiness"):
        run_tables(labelled, f"protocols.leave_one_out.model={models}/x/nothing_{{class}}")


def test_model_without_the_place_is_refused(labelled, run_tables):
    with pytest.raises(ValueError, match=r"must name one model per class by the place \{class\}"):
        run_tables(labelled, "protocols.leave_one_out.model=outputs/model")


def test_class_whose_clips_cannot_be_read_is_left_out(write_clips, models, tiny_model_folder):
    """One bad clip must not cost the models of all other classes."""
    path = write_clips(broken=("c1", "c4"))
    base = [f"data.manifest={path}", f"model={tiny_model_folder}", "prompt_sets=[name]", "data.num_workers=0"]
    only = ["protocols.zero_shot=false", f"protocols.leave_one_out.model={models}/without_{{class}}"]
    run = run_evaluation(load_config(EvaluationConfig, None, [*base, *only]))
    (table,) = run.tables
    assert table.clip_ids == ["c0", "c3", "c2"]
    assert [entry["clip_id"] for entry in run.record["left_out"]] == ["c1", "c4"]
    assert run.record["speed"].startswith("5 clips in")
    nothing = write_clips(broken=tuple(f"c{n}" for n in range(5)))
    with pytest.raises(ValueError, match=r"needs clips that can be read, got 5 that cannot"):
        run_evaluation(load_config(EvaluationConfig, None, [f"data.manifest={nothing}", *base[1:], *only]))
