# SPDX-License-Identifier: Apache-2.0
import warnings

import numpy as np
import pytest
import torch

from emoclip.data import load
from emoclip.evaluation.clip_features import encode_features
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.probes import MLPSettings, fit_mlp, mlp_outputs
from emoclip.evaluation.protocols.linear_probe import embeds_of
from emoclip.evaluation.systems import load_system


ONLY = "protocols.zero_shot=false"


def describe(number):
    """Eight training clips, three of validation and two of test; labels, sets of labels and numbers."""
    return {
        "split": "train" if number < 8 else "validation" if number < 11 else "test",
        "label": number % 3,
        "labels": [number % 3, 2] if number % 3 < 2 else [2],
        "valence": float(number),
        "arousal": -0.5 * number,
    }


@pytest.fixture(scope="module")
def data(write_set):
    return write_set(13, describe)


@pytest.fixture(scope="module")
def features(data, tiny_model_folder):
    """Features of all clips, of length 1, as EmotionCLIP gives them to scikit-learn."""
    system = load_system(SystemConfig("m", model=str(tiny_model_folder)))
    values = encode_features({"m": system.encoder}, load(data), range(13))["m"].values.double()
    return (values / values.norm(dim=1, keepdim=True)).numpy()


def probe(**settings):
    content = ", ".join(f"{key}: {value}" for key, value in settings.items())
    return f"protocols.linear_probe={{mine: {{{content}}}}}"


def test_logistic_is_scikit_learns(data, features, run_tables):
    """EmotionCLIP's probe: features of length 1, solver sag, 2,000 iterations, C of the data set."""
    from sklearn.linear_model import LogisticRegression

    options = probe(kind="logistic", regularization=8, eval_splits="[validation, test]")
    validation, test = run_tables(data, ONLY, options)
    model = LogisticRegression(C=8, solver="sag", max_iter=2000, random_state=2022)
    model.fit(features[:8], [n % 3 for n in range(8)])
    np.testing.assert_allclose(validation.scores, model.predict_proba(features[8:11]), atol=1e-4)
    assert (validation.protocol, test.protocol) == ("linear_probe.validation", "linear_probe.test")
    assert test.references == [2, 0]
    assert validation.prompt_set == "mine"


def test_one_vs_rest_is_scikit_learns(data, features, run_tables):
    """A label that every clip has (the third) gets its share, not an error."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    (table,) = run_tables(data, ONLY, probe(kind="one_vs_rest", target="labels", regularization=2.5))
    model = OneVsRestClassifier(LogisticRegression(C=2.5, solver="sag", max_iter=2000, random_state=2022))
    targets = np.array([[n % 3 == 0, n % 3 == 1, True] for n in range(8)]).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the label that all have
        expected = model.fit(features[:8], targets).predict_proba(features[11:])
    np.testing.assert_allclose(table.scores, expected, atol=1e-4)
    assert table.task == "multi_label"
    assert table.references.tolist() == [[0, 0, 1], [1, 0, 1]]


def test_ridge_is_scikit_learns_and_smooths(data, features, run_tables):
    """Valence and arousal; predictions of a film are smoothed in its order."""
    from scipy.signal import savgol_filter
    from sklearn.linear_model import Ridge

    settings = {"kind": "ridge", "target": "[valence, arousal]", "eval_splits": "[validation]"}
    (plain,) = run_tables(data, ONLY, probe(**settings))
    targets = np.array([[n, -0.5 * n] for n in range(8)])
    expected = Ridge(alpha=1).fit(features[:8], targets).predict(features[8:11])
    np.testing.assert_allclose(plain.scores, expected, rtol=1e-3)
    assert list(plain.class_names) == ["valence", "arousal"]
    (smooth,) = run_tables(data, ONLY, probe(**settings, smooth_window=100, smooth_order=1))
    np.testing.assert_allclose(smooth.scores, savgol_filter(expected, 3, 1, axis=0), rtol=1e-3)


def test_mlp_is_fitted_on_features_as_they_are(data, tiny_model_folder, run_tables):
    """EmoCLIP's head reads the clip embedding before normalisation, other than EmotionCLIP's probes."""
    (table,) = run_tables(data, ONLY, probe(epochs=4, hidden_size=32, learning_rate=0.1))
    system = load_system(SystemConfig("m", model=str(tiny_model_folder)))
    values = encode_features({"m": system.encoder}, load(data), range(13))["m"].values
    settings = MLPSettings(hidden_size=32, epochs=4, learning_rate=0.1, seed=2022)
    head = fit_mlp(values[:8], torch.tensor([n % 3 for n in range(8)]), 3, torch.nn.functional.cross_entropy, settings)
    np.testing.assert_allclose(table.scores, mlp_outputs(head, values[11:]).softmax(-1), rtol=1e-4)


def test_folds_are_fitted_on_the_others(write_set, run_tables):
    """A clip is judged by the probe that has not seen it."""
    path = write_set(8, lambda n: {"label": n % 2, "test_fold": 1 + n // 4}, class_names=["anger", "fear"])
    (table,) = run_tables(path, ONLY, "data.fold=all", probe(kind="logistic"))
    assert table.columns["fold"] == [1] * 4 + [2] * 4
    (second,) = run_tables(path, ONLY, "data.fold=2", probe(kind="logistic"))
    np.testing.assert_allclose(table.scores[4:], second.scores, rtol=1e-4)


def test_class_absent_from_the_training_folds_is_named(write_set, run_tables):
    """scikit-learn would fit on and give the class no column."""
    path = write_set(4, lambda n: {"label": n % 2, "test_fold": 1 + n % 2}, class_names=["anger", "fear"])
    with pytest.raises(ValueError, match=r"fit the probe mine in fold 1 on, there is none of anger"):
        run_tables(path, ONLY, "data.fold=all", probe(kind="logistic"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "logistic", "target": "labels"}, r"logistic takes label, one_vs_rest labels, ridge numbers"),
        ({"kind": "ridge", "target": "dominance"}, r"needs the column `dominance`, .* has only"),
        ({"kind": "ridge", "regularization": 0}, r"`regularization` must be greater than 0, got 0"),
        ({"kind": "logistic", "smooth_window": 9}, r"`smooth_window` is for numbers"),
        ({"kind": "svm"}, r"must be one of mlp, logistic, one_vs_rest, ridge, got 'svm'"),
        ({"eval_splits": "[nowhere]"}, r"No split 'nowhere'"),
        ({"eval_splits": "[]"}, r"`eval_splits` must hold at least one split, got none"),
        ({"seed": -1}, r"`seed` must be 0 or more, got -1"),
        (
            {"eval_splits": "[test, train]"},
            r"The probe mine must be judged on clips that it was not fitted on, got 8 that are both, first 'c0'",
        ),
        (
            {"kind": "ridge", "target": "clip_id"},
            r"1 finite numbers a clip, got \['c0'\] in clip_id for the clip 'c0'",
        ),
    ],
)
@pytest.mark.usefixtures("no_clip_is_read")
def test_what_does_not_fit_is_told_before_work(data, run_tables, settings, message):
    with pytest.raises(ValueError, match=message):
        run_tables(data, ONLY, probe(**settings))


@pytest.mark.parametrize(("value", "said"), [([0.5, float("nan")], "nan"), ([0.5], "0.5")])
@pytest.mark.usefixtures("no_clip_is_read")
def test_targets_that_are_no_numbers_are_told_before_work(write_set, run_tables, value, said):
    """A missing rating written as NaN would come out of the fit as scores that are none, after all clips were encoded."""
    path = write_set(
        4, lambda n: {"split": "test" if n == 3 else "train", "targets": value if n == 2 else [0.25, float(n)]}
    )
    with pytest.raises(
        ValueError, match=rf"must be 2 finite numbers a clip, got \[.*{said}.*\] in targets for the clip 'c2'"
    ):
        run_tables(path, ONLY, probe(kind="ridge", target="targets"))


@pytest.mark.usefixtures("no_clip_is_read")
def test_clips_of_all_splits_are_no_test_of_a_probe(data, run_tables):
    """The number would be praise for remembering."""
    with pytest.raises(ValueError, match=r"got 8 that are both"):
        run_tables(data, ONLY, probe(kind="logistic"), "data.split=null")


def test_nothing_to_fit_on_is_told(data, run_tables):
    with pytest.raises(ValueError, match=r"must have clips to fit on .* got 0 of 0"):
        run_tables(data, ONLY, probe(), "data.train_split=nowhere")


def test_probe_of_xclip_is_fitted_on_its_embeddings_alone(data, tiny_xclip_folder, run_tables):
    """Visual tokens stand behind the embedding in one row; of the real model they are 25,088 of 25,600 numbers."""
    from sklearn.linear_model import LogisticRegression

    (table,) = run_tables(data, ONLY, f"model={tiny_xclip_folder}", probe(kind="logistic", regularization=8))
    system = load_system(SystemConfig("m", model=str(tiny_xclip_folder)))
    raw = encode_features({"m": system.encoder}, load(data), range(13))["m"]
    embeds = embeds_of(system, raw).values.double()
    assert embeds.shape[1] == system.model.config.projection_dim < raw.values.shape[1]
    values = (embeds / embeds.norm(dim=1, keepdim=True)).numpy()
    model = LogisticRegression(C=8, solver="sag", max_iter=2000, random_state=2022)
    expected = model.fit(values[:8], [n % 3 for n in range(8)]).predict_proba(values[11:])
    np.testing.assert_allclose(table.scores, expected, atol=1e-4)


def test_a_single_split_is_named_too(data, run_tables):
    """By its name a published value of that split is found; without it the value stands beside nothing."""
    (table,) = run_tables(data, ONLY, probe(kind="logistic", eval_splits="[validation]"))
    assert table.protocol == "linear_probe.validation"
    (table,) = run_tables(data, ONLY, probe(kind="logistic"))
    assert table.protocol == "linear_probe"
