# SPDX-License-Identifier: Apache-2.0
import re
import shutil

import numpy as np
import pytest

from emoclip.config_loading import load_config
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.run import check_evaluation, run_evaluation
from emoclip.metrics import fold_values, uar


@pytest.fixture(scope="module")
def folded(write_set):
    """Six clips of three classes in two folds; the second has no sadness."""
    labels = [0, 1, 2, 0, 1, 0]
    return write_set(6, lambda n: {"label": labels[n], "test_fold": 1 + n // 3, "subject_id": f"p{n % 2}"})


def test_every_fold_is_judged_and_named(folded, run_tables):
    """The papers' number is the mean over folds, which the table must be able to give."""
    (table,) = run_tables(folded, "data.fold=all")
    assert table.columns["fold"] == [1, 1, 1, 2, 2, 2]
    assert table.columns["subject_id"] == ["p0", "p1"] * 3
    (single,) = run_tables(folded, "data.fold=2")
    assert single.clip_ids == ["c3", "c4", "c5"]
    np.testing.assert_allclose(single.scores, table.scores[3:], rtol=1e-5)


def test_each_fold_has_its_own_model(folded, run_tables, tiny_model_folder, tmp_path):
    """One model per fold, trained on the others: a clip must never be scored by the model that has seen it."""
    from modeling_emoclip import EmoCLIPModel

    for fold, seed in ((1, None), (2, 5)):
        folder = tmp_path / f"fold{fold}"
        shutil.copytree(tiny_model_folder, folder)
        if seed is not None:
            import torch

            torch.manual_seed(seed)
            EmoCLIPModel(EmoCLIPModel.from_pretrained(folder).config).save_pretrained(folder)
    (plain,) = run_tables(folded, "data.fold=all")
    (table,) = run_tables(folded, "data.fold=all", f"model={tmp_path}/fold{{fold}}")
    np.testing.assert_allclose(table.scores[:3], plain.scores[:3], rtol=1e-4)
    assert not np.allclose(table.scores[3:], plain.scores[3:], rtol=1e-3)
    # The table is of both, and of no other pair.
    assert table.model == f"{tmp_path}/fold{{fold}}"
    assert re.fullmatch(r"2 models, sha256:[0-9a-f]{64}", table.revision)
    shutil.copytree(tmp_path / "fold1", tmp_path / "fold2", dirs_exist_ok=True)
    (other,) = run_tables(folded, "data.fold=all", f"model={tmp_path}/fold{{fold}}")
    assert other.revision != table.revision


def test_systems_may_have_prompt_sets_of_their_own(folded, run_tables):
    """Table I of EmoCLIP sets one prompt beside an ensemble, on some systems only."""
    systems = "systems=[{name: a, prompt_sets: [photo, expclip_p4]}, {name: b, pooling: mean}]"
    tables = run_tables(folded, "data.fold=1", systems)
    assert [(table.system, table.prompt_set) for table in tables] == [
        ("a", "photo"),
        ("a", "expclip_p4"),
        ("b", "name"),
    ]


@pytest.fixture(scope="module")
def compound(write_set):
    names = ["fear", "neutral", "surprise", "fear_surprise", "fear_sadness_anxiety"]
    return write_set(6, lambda n: {"label": n % 5, "test_fold": 1 + n % 2}, class_names=names)


def test_compound_both_ways_and_with_and_without_neutral(compound, run_tables):
    """43 classes and 42: without neutral its clips go too, or accuracy counts clips that cannot be right."""
    tables = run_tables(
        compound,
        "protocols.zero_shot=false",
        "protocols.compound={}",
        "prompt_sets=[emoclip_descriptions, expclip_p4]",
    )
    found = {(len(table.class_names), table.prompt_set) for table in tables}
    assert found == {
        (ways, name)
        for ways in (5, 4)
        for name in ("emoclip_descriptions.average", "emoclip_descriptions.concatenate", "expclip_p4.average")
    }
    small = next(table for table in tables if len(table.class_names) == 4)
    assert small.clip_ids == ["c0", "c2", "c3", "c4", "c5"]
    assert small.references == [0, 1, 2, 3, 0]
    assert {table.protocol for table in tables} == {"compound"}


def test_weights_of_components(compound, run_tables):
    """Weights of 1 and 1 are the plain mean; others move the compound class alone."""
    options = ["protocols.zero_shot=false", "prompt_sets=[emoclip_descriptions]"]
    scores = {}
    for weights in ("{fear: 1, surprise: 1}", "{fear: 5, surprise: 1}"):
        protocol = f"protocols.compound={{modes: [average], ways: [all], weights: {{fear_surprise: {weights}}}}}"
        for table in run_tables(compound, *options, protocol):
            scores[weights, table.prompt_set.rpartition(".")[2]] = table.scores
    plain = scores["{fear: 1, surprise: 1}", "average"]
    np.testing.assert_allclose(scores["{fear: 1, surprise: 1}", "weighted"], plain, rtol=1e-4)
    assert not np.allclose(scores["{fear: 5, surprise: 1}", "weighted"], plain, rtol=1e-4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{fear_surprise: {fear: 1, boredom: 1}}", r"boredom"),
        ("{fear_surprise: {fear: 1, surprise: 0}}", r"must give its components weights greater than 0"),
        ("{fear_surprise: {}}", r"must give its components weights greater than 0"),
    ],
)
def test_weights_that_cannot_be_used_are_told_before_the_pass(compound, tiny_model_folder, weights, message):
    """A component without a text was noticed after every clip had been decoded."""
    base = [f"data.manifest={compound}", f"model={tiny_model_folder}", "data.num_workers=0"]
    options = [
        "protocols.zero_shot=false",
        "prompt_sets=[emoclip_descriptions]",
        f"protocols.compound={{weights: {weights}}}",
    ]
    with pytest.raises(ValueError, match=message):
        check_evaluation(load_config(EvaluationConfig, None, [*base, *options]))
    folds = ["model=outputs/{fold}", "data.fold=all"]
    with pytest.raises(ValueError, match=message):
        check_evaluation(load_config(EvaluationConfig, None, [*base, *options, *folds]))


def test_note_on_a_class_that_a_fold_lacks_is_true(folded, tiny_model_folder):
    """The second fold has no sadness; its UAR counts the class as 0 where it is predicted, and not at all elsewhere."""
    options = [f"data.manifest={folded}", f"model={tiny_model_folder}", "prompt_sets=[name]", "data.fold=all"]
    run = run_evaluation(load_config(EvaluationConfig, None, [*options, "data.num_workers=0"]))
    (note,) = run.record["notes"]
    assert note.startswith("Fold 2 has no clip of sadness") and "as 0, only where it is predicted" in note
    assert fold_values(uar, [0, 1], [0, 2], [2, 2]) == {2: pytest.approx(1 / 3)}
    assert fold_values(uar, [0, 1], [0, 0], [2, 2]) == {2: pytest.approx(1 / 2)}


def test_sensitivity_takes_all_templates_and_any_descriptions(folded, run_tables, tmp_path):
    """The spread over wordings is the point: none may be missing."""
    files = []
    for name in ("one", "two"):
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(f"anger: A {name}.\nhappiness: B {name}.\nsadness: C {name}.\n")
    options = f"protocols.prompt_sensitivity={{descriptions: [{files[0]}, {files[1]}, emoclip_descriptions]}}"
    tables = run_tables(folded, "data.fold=1", "protocols.zero_shot=false", options)
    assert len(tables) == 5 + 3 + 3
    assert {"one", "two", "expclip_printed", "photo"} <= {table.prompt_set for table in tables}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.fold=7"], r"No fold 7 in .*; it has 1, 2"),
        (["data.fold=1", "prompt_sets=[emoclip_descriptions, synthetic_description]"], r"A prompt set must be one of"),
        (["data.fold=1", "protocols.compound={}"], r"needs a manifest with compound classes such as fear_surprise"),
        (
            ["data.fold=1", "protocols.compound={weights: {x_y: {x: 1}}}"],
            r"must be of classes of the manifest, got x_y",
        ),
        (["data.fold=1", "protocols.prompt_sensitivity={templates: [nothing]}"], r"got 'nothing'"),
        (
            ["data.fold=1", "protocols.prompt_sensitivity={descriptions: [model_descriptions]}"],
            r"this model has none; choose another prompt set",
        ),
        (["data.fold=1", "prompt_sets=['a {}!', 'a {}?']"], r"got a \{\}!, a \{\}\?, which are all a_class in tables"),
        (["data.fold=1", "protocols.zero_shot=false"], r"`protocols` must leave at least one on"),
        (["data.fold=1", "protocols.zero_sho=false"], r"Unknown key `protocols.zero_sho`.*did you mean"),
        (["data.fold=1", "protocols.compound={modes: [sum]}"], r"must be one of average, concatenate, got 'sum'"),
    ],
)
@pytest.mark.usefixtures("no_clip_is_read")
def test_what_does_not_fit_is_told_before_work(folded, run_tables, overrides, message):
    with pytest.raises(ValueError, match=message):
        run_tables(folded, *overrides)


def test_class_without_text_is_named(write_set, run_tables):
    """Names of the manifest and of the prompts must match; the message says which do not."""
    path = write_set(3, lambda n: {"label": n}, class_names=["anger", "boredom", "joy"])
    with pytest.raises(ValueError, match=r"it has no text for boredom, joy, got texts for anger"):
        run_tables(path, "prompt_sets=[emoclip_descriptions]")
