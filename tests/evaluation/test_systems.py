# SPDX-License-Identifier: Apache-2.0
import hashlib

import pytest
import torch

from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.systems import load_system, untrained_model, with_pooling


@pytest.fixture(scope="module")
def trained(tiny_model_folder):
    return load_system(SystemConfig("trained", model=str(tiny_model_folder)))


def test_model_is_ready_to_evaluate(trained, tiny_model_folder):
    assert not trained.model.training
    assert trained.source == str(tiny_model_folder)
    weights = (tiny_model_folder / "model.safetensors").read_bytes()
    assert trained.revision == f"sha256:{hashlib.sha256(weights).hexdigest()}"


def test_a_system_from_the_hub_is_named_by_its_commit(tiny_model_folder, next_version):
    """Reports of two versions said `unknown` of both."""
    for _ in range(2):
        commit = next_version(tiny_model_folder, "user/model")
        assert load_system(SystemConfig("a", model="user/model")).revision == commit


def test_default_model_is_taken_where_none_is_named(tiny_model_folder):
    """One override of `model` must reach every system of a configuration."""
    assert load_system(SystemConfig("a"), str(tiny_model_folder)).source == str(tiny_model_folder)


@pytest.mark.parametrize("pooling", ["mean", "middle_frame"])
def test_other_pooling_keeps_the_towers(trained, tiny_model_folder, pooling):
    """The comparison asks what time adds, so nothing but the pooling may differ."""
    system = load_system(SystemConfig("other", model=str(tiny_model_folder), pooling=pooling))
    assert system.source.endswith(f"with pooling={pooling}")
    weights = trained.model.state_dict()
    for name, tensor in system.model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    frames = torch.arange(2 * 3 * 10, dtype=torch.float32).view(2, 3, 10)
    pooled = system.model.get_video_features(frame_embeds=frames).pooler_output
    assert torch.equal(pooled, frames.mean(1) if pooling == "mean" else frames[:, 1])
    assert trained.model.config.temporal_config.pooling == "cls_transformer"


def test_the_models_own_pooling_changes_nothing(tiny_model_folder):
    system = load_system(SystemConfig("same", model=str(tiny_model_folder), pooling="cls_transformer"))
    assert system.source == str(tiny_model_folder)


def test_pooling_with_weights_of_its_own_is_refused(trained):
    """Random temporal weights would be evaluated as if they were trained."""
    mean = with_pooling(trained.model, "mean")
    with pytest.raises(ValueError, match=r"got cls_transformer for a model trained with mean; choose mean or"):
        with_pooling(mean, "cls_transformer")


def test_untrained_weights_depend_on_the_seed_alone(trained):
    """A report must name what it compares with, and building it must not disturb other random draws."""
    before = torch.get_rng_state()
    first, again, other = (untrained_model(trained.model, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    name = "visual_projection.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])
    assert not torch.equal(first[name], trained.model.state_dict()[name])


def test_untrained_system_says_so(tiny_model_folder):
    system = load_system(SystemConfig("u", model=str(tiny_model_folder), untrained=True, seed=3, pooling="mean"))
    assert system.revision == "untrained, seed 3"
    assert not system.model.training


def test_missing_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_system(SystemConfig("a", model=str(tmp_path / "nowhere")))
