# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from emoclip.config_loading import load_config
from emoclip.data.sharding import write_shards
from emoclip.evaluation.clip_rows import ClipRows
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.results import Resampling, score
from emoclip.evaluation.run import run_evaluation
from emoclip.evaluation.subgroups import subgroup_names
from emoclip.evaluation.target_predictions import NO_CLASS


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_shards_give_the_scores_of_the_files(form, run_tables, manifest, tmp_path):
    """Shards lie in another order and hold bytes; each clip must keep its own scores, and reports must compare the two."""
    write_shards(manifest, tmp_path / "set", format=form)
    of_files, of_shards = (run_tables(source)[0] for source in (manifest, tmp_path / "set"))
    assert of_shards.manifest_sha256 == of_files.manifest_sha256
    assert (of_shards.dataset, of_shards.class_names) == (of_files.dataset, of_files.class_names)
    assert set(of_shards.clip_ids) == set(of_files.clip_ids) == {f"c{number}" for number in range(5)}
    order = [list(of_shards.clip_ids).index(clip_id) for clip_id in of_files.clip_ids]
    assert [of_shards.references[place] for place in order] == list(of_files.references)
    np.testing.assert_allclose(np.asarray(of_shards.scores)[order], of_files.scores, atol=1e-5)


def test_kept_features_of_shards_are_those_of_their_clips(tiny_model_folder, manifest, tmp_path):
    """Clips without a file of their own must not all have the same name among what is kept."""
    write_shards(manifest, tmp_path / "set")
    runs = []
    for split in ("test", "train", "test"):
        overrides = [f"data.manifest={tmp_path / 'set'}", f"data.split={split}", f"model={tiny_model_folder}"]
        options = ["data.num_workers=0", "prompt_sets=[name]", f"features={tmp_path / 'features'}"]
        runs.append(run_evaluation(load_config(EvaluationConfig, None, [*overrides, *options])).tables[0])
    assert list(runs[1].clip_ids) == ["c5"]
    np.testing.assert_array_equal(runs[0].scores, runs[2].scores)
    assert len(list((tmp_path / "features").rglob("*.safetensors"))) == 2


def changed(folder, change):
    """Applies a change to the table of every shard."""
    for path in (folder / "data").glob("*.parquet"):
        pq.write_table(change(pq.read_table(path).replace_schema_metadata()), path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.drop_columns(["clip_id"]),
            r"Every clip needs a `clip_id`, .* emoclip data prepare --dataset hub",
        ),
        (
            lambda t: t.set_column(t.column_names.index("clip_id"), "clip_id", [["same"] * len(t)]),
            r"`clip_id` must be unique, 'same' occurs twice",
        ),
        (lambda t: t.drop_columns(["split"]), r"chosen by the column `split`, .* set data.split=null"),
    ],
)
def test_shards_that_break_the_contract_are_refused(change, message, manifest, tmp_path):
    """A manifest is checked when it is read; what others wrote must be as well."""
    write_shards(manifest, tmp_path / "set")
    changed(tmp_path / "set", change)
    with pytest.raises(ValueError, match=message):
        ClipRows(tmp_path / "set").select("test")


def test_captions_and_numbers_need_no_labels(run_tables, manifest, tmp_path):
    """Sets of others may have no column of that name; it was missed after all clips were encoded."""
    write_shards(manifest, tmp_path / "set")
    changed(tmp_path / "set", lambda t: t.drop_columns(["label", "labels"]).append_column("tone", [[0.5] * len(t)]))
    only = "protocols.zero_shot=false"
    (table,) = run_tables(tmp_path / "set", only, "protocols.retrieval={ks: [1]}")
    assert table.references == [NO_CLASS] * 5
    (table,) = run_tables(tmp_path / "set", only, "protocols.linear_probe={a: {kind: ridge, target: tone}}")
    assert len(table.clip_ids) == 5


def test_classes_of_one_name_are_refused(manifest):
    """Scores could not be told apart by name."""
    table = pq.read_table(manifest)
    metadata = {**table.schema.metadata, b"class_names": json.dumps(["anger", "anger", "sadness"]).encode()}
    path = manifest.with_name("twice.parquet")
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(
        ValueError, match=r"`class_names` must be different names, 'anger' occurs twice in .*twice.parquet"
    ):
        ClipRows(path)


def test_labels_beyond_the_classes_are_refused(manifest, tmp_path):
    write_shards(manifest, tmp_path / "set")
    index = tmp_path / "set" / "shards.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"class_names": ["anger", "happiness"]}))
    with pytest.raises(ValueError, match=r"`label` must be a class id from 0 to 1, .* has 2"):
        ClipRows(tmp_path / "set")


def test_symptoms_need_files(run_tables, write_set, tmp_path):
    """Stretches of a video inside a table would silently be the whole video, each time."""
    path = write_set(
        4, lambda n: {"targets": [1.0 + n, 2.0], "test_fold": 1 + n % 2, "subject_id": f"p{n}"}, ["a", "b"]
    )
    write_shards(path, tmp_path / "set")
    with pytest.raises(ValueError, match="Stretches of long videos are read from files"):
        run_tables(tmp_path / "set", "data.fold=all", "protocols.zero_shot=false", "protocols.symptoms={}")


def test_subgroups_of_one_s_own_reach_the_report(write_set, run_tables):
    """A column that is not among the usual ones never arrived, and ages as numbers were no subgroup."""
    path = write_set(
        6, lambda n: {"label": n % 3, "glasses": ["yes", "no"][n % 2], "age": 18 + 7 * n, "light": 0.5 * (n // 2)}
    )
    (table,) = run_tables(path, "data.subgroups=[glasses, light]")
    assert table.columns["glasses"] == ["yes", "no"] * 3
    assert table.columns["age"] == ["10 to 19", "20 to 29", "30 to 39", "30 to 39", "40 to 49", "50 to 59"]
    groups = score(table, Resampling(num_resamples=20))["subgroups"]
    assert set(groups) == {"glasses", "age", "light"}
    assert {name: values["clips"] for name, values in groups["light"].items()} == {"0": 2, "0.5": 2, "1": 2}


def test_columns_that_are_no_subgroups_are_refused_before_work(write_set, run_tables):
    path = write_set(3, lambda n: {"label": n, "site": "one"})
    with pytest.raises(ValueError, match=r"needs the column `glasses`"):
        run_tables(path, "data.subgroups=[glasses]")
    with pytest.raises(ValueError, match=r"must have 2 to 20 different values, `site` has 1"):
        run_tables(path, "data.subgroups=[site]")


def test_numbers_become_ranges_over_the_whole_set():
    """Each number by itself would be a subgroup of one clip."""
    groups = subgroup_names("light", [float(n) for n in range(12)] + [None])
    assert groups == ["0 to 2"] * 3 + ["3 to 5"] * 3 + ["6 to 8"] * 3 + ["9 to 11"] * 3 + [None]
    assert subgroup_names("seen", [True, False, None]) == ["yes", "no", None]
    with pytest.raises(ValueError, match="must hold texts or numbers, `x` holds list"):
        subgroup_names("x", [[1], [2]])
