# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from datasets import Dataset

from emoclip.config_loading import load_config
from emoclip.data import load
from emoclip.data.manifest import write_manifest
from emoclip.evaluation.clip_features import encode_features
from emoclip.evaluation.config import EvaluationConfig, SystemConfig
from emoclip.evaluation.probes import MLPSettings, fit_mlp, mlp_outputs
from emoclip.evaluation.protocols.symptoms import span, stretches
from emoclip.evaluation.run import run_evaluation
from emoclip.evaluation.systems import load_system
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


ITEMS = ["N1", "N3", "total"]
ONLY = "protocols.zero_shot=false"


@pytest.fixture(scope="module")
def interviews(make_clip, tmp_path_factory):
    """Five interviews of three patients, of 20 to 97 frames; the third target is a total."""

    def write(folds=(1, 1, 2, 2, 3)):
        folder = tmp_path_factory.mktemp("interviews")
        rows = []
        for number, length in enumerate([97, 40, 61, 20, 55]):
            clip = make_clip(length, f"v{number}.mp4", seed=40 + number)
            clip.rename(folder / clip.name)
            score = 1.0 + number
            rows.append(
                {
                    "clip_id": f"v{number}",
                    "path": clip.name,
                    "media": "video",
                    "split": "all",
                    "subject_id": f"p{[1, 1, 2, 2, 3][number]}",
                    "test_fold": folds[number],
                    "targets": [score, 2 * score, 10 * score],
                }
            )
        path = folder / "manifest.parquet"
        write_manifest(path, rows, class_names=ITEMS, dataset="ness", licence="own", source="drawn")
        return path

    return write


def test_one_prediction_a_video_by_a_model_that_has_not_seen_the_patient(interviews, run_tables):
    """Stretches of a video are averaged; a patient's other videos must not be fitted on."""
    options = "protocols.symptoms={divisors: {total: 10}, epochs: 3, test_windows: 4, train_windows: 2}"
    (table,) = run_tables(interviews(), ONLY, "data.fold=all", "data.split=null", options)
    assert table.clip_ids == [f"v{n}" for n in range(5)]
    assert table.columns["fold"] == [1, 1, 2, 2, 3]
    assert table.columns["subject_id"] == ["p1", "p1", "p2", "p2", "p3"]
    np.testing.assert_allclose(table.references[:, 2], [10, 20, 30, 40, 50])
    assert (table.task, table.protocol, list(table.class_names)) == ("regression", "symptoms", ITEMS)


def test_prediction_is_the_mean_over_stretches_of_a_fit_on_other_patients(interviews, run_tables, tiny_model_folder):
    """Done slowly, fold by fold; a fit that has seen the tested patient, or a single stretch of a video, gives other numbers."""
    path = interviews()
    options = "protocols.symptoms={epochs: 30, learning_rate: 0.003, test_windows: 3, train_windows: 3}"
    (table,) = run_tables(path, ONLY, "data.fold=all", "data.split=null", options)
    rows = load(path)
    encoder = load_system(SystemConfig("m", model=str(tiny_model_folder))).encoder
    windows, owners = [], []
    for video in range(5):
        for start, end in stretches([97, 40, 61, 20, 55][video], span(encoder.video_processor), 3):
            about = {key: rows[video][key] for key in ("file", "media")}
            windows.append({"clip_id": f"{video}@{start}", **about, "start_frame": start, "end_frame": end})
            owners.append(video)
    values = encode_features({"m": encoder}, Dataset.from_list(windows), range(len(windows)))["m"].values
    targets = torch.tensor([[1.0 + v, 2 * (1.0 + v), 10 * (1.0 + v)] for v in owners])
    patient = [1, 1, 2, 2, 3]

    def predicted(video, seen):
        """Mean over stretches of the video by a fit on the stretches of these videos."""
        places = [place for place, owner in enumerate(owners) if owner in seen]
        settings = MLPSettings(epochs=30, batch_size=32, learning_rate=0.003, milestones=(15,), seed=0)
        head = fit_mlp(values[places], targets[places], 3, torch.nn.functional.mse_loss, settings)
        outputs = mlp_outputs(head, values[[place for place, owner in enumerate(owners) if owner == video]]).numpy()
        return outputs.mean(axis=0), outputs[0]

    for video in range(5):
        others = [other for other in range(5) if patient[other] != patient[video]]
        mean, first = predicted(video, others)
        np.testing.assert_allclose(table.scores[video], mean, rtol=1e-3)
        assert not np.allclose(table.scores[video], predicted(video, range(5))[0], rtol=0.01)
        if owners.count(video) > 1:
            assert not np.allclose(mean, first, rtol=1e-5)


def test_video_that_cannot_be_read_is_named_and_left_out(interviews, tiny_model_folder):
    """One damaged interview must not cost the others."""
    path = interviews()
    (path.parent / "v3.mp4").write_text("this is no video")
    base = [f"data.manifest={path}", f"model={tiny_model_folder}", ONLY, "data.fold=all", "data.split=null"]
    config = load_config(EvaluationConfig, None, [*base, "data.num_workers=0", "protocols.symptoms={epochs: 1}"])
    run = run_evaluation(config)
    assert run.tables[0].clip_ids == ["v0", "v1", "v2", "v4"]
    assert [entry["clip_id"] for entry in run.record["left_out"]] == ["v3"]
    assert "clips/s" in run.record["speed"]
    for number in range(5):
        (path.parent / f"v{number}.mp4").write_text("this is no video")
    with pytest.raises(ValueError, match=r"At least one video must be readable, got 5 that are not"):
        run_evaluation(config)


def test_video_that_one_system_cannot_read_is_left_out_of_both(interviews, run_tables, monkeypatch):
    """Of a video cut short one system may find a stretch and another none; two lists of videos cannot be compared."""
    from emoclip.evaluation.protocols import symptoms

    whole = symptoms._mean_predictions

    def without_one(folds, targets, features, owners, config):
        found = whole(folds, targets, features, owners, config)
        calls.append(found)
        return {video: value for video, value in found.items() if (video, len(calls)) != (3, 2)}

    calls: list[dict] = []
    monkeypatch.setattr(symptoms, "_mean_predictions", without_one)
    systems = "systems=[{name: a}, {name: b, pooling: mean}]"
    options = "protocols.symptoms={epochs: 1, test_windows: 1, train_windows: 1}"
    tables = run_tables(interviews(), ONLY, "data.fold=all", "data.split=null", options, systems)
    assert [table.clip_ids for table in tables] == [["v0", "v1", "v2", "v4"]] * 2


def test_totals_are_fitted_in_the_range_of_items_and_mapped_back(interviews, run_tables):
    """With the same weights a total of divisor 10 must come out ten times its fitted value: here, near ten times an item."""
    options = (
        "protocols.symptoms={{divisors: {{{}}}, epochs: 60, learning_rate: 0.03, train_windows: 2, test_windows: 1}}"
    )
    path = interviews()
    (scaled,) = run_tables(path, ONLY, "data.fold=all", "data.split=null", options.format("total: 10"))
    # N1 and total / 10 have the same targets, so the fit leads both to nearly the same place.
    np.testing.assert_allclose(scaled.scores[:, 2] / 10, scaled.scores[:, 0], atol=0.6)


def test_patient_in_two_folds_is_refused(interviews, run_tables):
    with pytest.raises(ValueError, match=r"A patient must be in one fold, got p1 in 1 and 2"):
        run_tables(interviews((1, 2, 2, 2, 3)), ONLY, "data.fold=all", "protocols.symptoms={}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.fold=1", "protocols.symptoms={}"], r"set data.fold=all, got 1"),
        (["data.fold=all", "protocols.symptoms={divisors: {sum: 3}}"], r"targets N1, N3, total, got sum"),
        (["data.fold=all", "protocols.symptoms={divisors: {total: 0}}"], r"`divisors.total` must be greater than 0"),
    ],
)
def test_what_does_not_fit_is_told_before_work(interviews, run_tables, overrides, message):
    with pytest.raises(ValueError, match=message):
        run_tables(interviews(), ONLY, *overrides)


def test_stretches_cover_a_video_evenly():
    assert stretches(10, 15, 4) == [(0, 10)]
    assert stretches(100, 15, 3) == [(0, 15), (42, 57), (85, 100)]
    assert stretches(16, 15, 8) == [(0, 15), (1, 16)]


def test_regression_on_xclip_sees_its_embeddings_alone(interviews, tiny_xclip_folder, run_tables, monkeypatch):
    """Visual tokens stand behind the embedding in one row; of the real model they are 25,088 of 25,600 numbers."""
    widths = []

    def fit(features, *rest):
        widths.append(features.shape[1])
        return fit_mlp(features, *rest)

    monkeypatch.setattr("emoclip.evaluation.protocols.symptoms.fit_mlp", fit)
    options = "protocols.symptoms={epochs: 1, train_windows: 1, test_windows: 1}"
    run_tables(interviews(), ONLY, "data.fold=all", "data.split=null", options, f"model={tiny_xclip_folder}")
    assert widths == [16] * 3


def test_models_of_the_folds_judge_their_own_patients(interviews, tiny_model_folder, run_tables, tmp_path):
    """A system with {fold} in its model's name must not vanish; equal models under three names give the one model's numbers."""
    path, options = interviews(), "protocols.symptoms={epochs: 3, test_windows: 2, train_windows: 2}"
    for fold in (1, 2, 3):
        (tmp_path / f"fold{fold}").symlink_to(tiny_model_folder)
    (tmp_path / "fold3").unlink()
    other = EmoCLIPModel.from_pretrained(tiny_model_folder)
    other.visual_projection.weight.data.neg_()
    other.save_pretrained(tmp_path / "fold3")
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "fold3")
    systems = f"systems=[{{name: shared}}, {{name: own, model: '{tmp_path}/fold{{fold}}'}}]"
    shared, own = run_tables(path, ONLY, "data.fold=all", "data.split=null", options, systems)
    assert (shared.system, own.system) == ("shared", "own")
    assert own.clip_ids == shared.clip_ids and own.columns["fold"] == [1, 1, 2, 2, 3]
    np.testing.assert_allclose(own.scores[:4], shared.scores[:4], rtol=1e-4)
    assert not np.allclose(own.scores[4], shared.scores[4], rtol=1e-3)
