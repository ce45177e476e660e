# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.config_loading import load_config
from emoclip.evaluation.config import EvaluationConfig


BASE = ["data.manifest=m.parquet"]


def test_defaults_evaluate_the_embedded_default():
    """One override, the manifest, must be enough."""
    config = load_config(EvaluationConfig, None, BASE)
    assert config.model is None
    assert [system.name for system in config.systems] == ["trained"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("systems=[]", r"`systems` must hold at least one entry and none twice, got \[\]"),
        ("systems=[{name: a}, {name: a}]", r"none twice, got \['a', 'a'\]"),
        ("systems=[{name: a/b}]", r"In `systems.0`: `name` may hold letters, .* got 'a/b'"),
        ("systems=[{name: ''}]", r"got ''"),
        ("systems=[{name: a__b}]", r"got 'a__b'"),
        (
            "systems=[{name: a, pooling: max}]",
            r"`systems.0.pooling` must be one of cls_transformer, mean, middle_frame",
        ),
        ("prompt_sets=[]", r"`prompt_sets` must hold at least one entry"),
        ("data.batch_size=0", r"`batch_size` must be at least 1, got 0"),
        ("data.num_workers=-1", r"`num_workers` must be 0 or more, got -1"),
        ("num_resamples=0", r"`num_resamples` must be at least 1, got 0"),
        ("confidence=95", r"`confidence` must lie between 0 and 1, got 95.0; 95 % is 0.95"),
        ("seed=-1", r"`seed` must be at least 0, got -1"),
        (
            "protocols.prompt_sensitivity={templates: []}",
            r"`prompt_sensitivity` must have templates or descriptions, got none of both",
        ),
        ("protocols.linear_probe={a: {kind: ridge, smooth_order: -1}}", r"`smooth_order` must be 0 or more, got -1"),
        (
            "protocols.linear_probe={a: {kind: ridge, target: [v, v]}}",
            r"`target` must name every column once, got v, v",
        ),
        ("precision=fp16", r"`precision` must be one of auto, float32, bfloat16, got 'fp16'"),
    ],
)
def test_bad_values_are_refused(override, message):
    """Each is found before a model is loaded."""
    with pytest.raises(ValueError, match=message):
        load_config(EvaluationConfig, None, [*BASE, override])


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("run.json", "", r"Names of `sets` become folders beside predictions, .* got 'run.json'"),
        ("predictions", "", r"got 'predictions'"),
        ("a", ", systems: []", r"`systems` of a set must hold at least one entry, got none"),
        ("a", ", prompt_sets: []", r"`prompt_sets` of a set must hold at least one entry, got none"),
    ],
)
def test_bad_sets_are_refused(name, more, message):
    """The first would fail after all data sets were encoded; an empty list would be taken for none."""
    with pytest.raises(ValueError, match=message):
        load_config(EvaluationConfig, None, [f"sets={{{name}: {{data: {{manifest: m.parquet}}{more}}}}}"])
