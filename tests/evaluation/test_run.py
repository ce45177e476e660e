# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from PIL import Image

from emoclip.config_loading import load_config
from emoclip.data.manifest import fingerprint, write_manifest
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.results import Resampling, summarize
from emoclip.evaluation.run import run_evaluation


CLASSES = ["anger", "happiness", "sadness"]
SYSTEMS = "systems=[{name: trained}, {name: middle, pooling: middle_frame}, {name: untrained, untrained: true}]"


@pytest.fixture
def configure(tiny_model_folder, tmp_path):
    """Returns a function that makes a configuration for a manifest, with one prompt set of the tiny classes."""
    prompts = tmp_path / "plain.yaml"
    prompts.write_text("sadness: Lip corners down.\nanger: A frown.\nhappiness: A smile.\n")

    def make(manifest, *overrides):
        base = [f"data.manifest={manifest}", f"model={tiny_model_folder}", f"prompt_sets=[{prompts}]"]
        fast = ["data.num_workers=0", "data.batch_size=3"]
        return load_config(EvaluationConfig, None, [*base, *fast, *overrides])

    return make


def test_one_table_for_every_system_and_prompt_set(configure, manifest):
    """The main table comes first, and each names what it is."""
    config = configure(manifest, SYSTEMS, "prompt_sets=[emoclip_descriptions, synthetic_descriptions]")
    run = run_evaluation(config, "the command")
    assert [(table.system, table.prompt_set) for table in run.tables] == [
        (system, prompt_set)
        for system in ("trained", "middle", "untrained")
        for prompt_set in ("emoclip_descriptions", "synthetic_descriptions")
    ]
    table = run.tables[0]
    assert table.clip_ids == ["c0", "c1", "c2", "c3", "c4"]
    assert table.references == [0, 1, 2, 0, 1]
    assert table.manifest_sha256 == fingerprint(manifest)
    np.testing.assert_allclose(table.scores.sum(1), 1, rtol=1e-5)


def test_texts_are_put_into_the_order_of_the_classes(configure, manifest):
    """The prompt file has another order; scores under wrong names would look like bad recognition."""
    run = run_evaluation(configure(manifest))
    assert run.tables[0].class_names == ["anger", "happiness", "sadness"]
    assert next(iter(run.record["texts"]["plain"].items())) == ("anger", "A frown.")


def test_record_says_how_it_was_made(configure, manifest):
    record = run_evaluation(configure(manifest), "the command").record
    assert record["command"] == "the command"
    assert record["dataset"]["licence"] == "CC0-1.0"
    assert record["config"]["data"]["batch_size"] == 3
    assert "5 clips in" in record["speed"]
    json.dumps(record, allow_nan=False)


def test_broken_and_unlabelled_clips_are_left_out(configure, write_clips):
    """A clip without a true class has no place in accuracy; a broken one is named once though three systems wanted it."""
    path = write_clips(broken=["c1"], labels={"c2": None})
    run = run_evaluation(configure(path, SYSTEMS))
    assert all(table.clip_ids == ["c0", "c3", "c4"] for table in run.tables)
    assert [entry["clip_id"] for entry in run.record["left_out"]] == ["c1"]


def test_a_clip_that_one_system_cannot_read_is_left_out_of_all(configure, tmp_path):
    """A clip with a damaged end is read by who looks at its beginning alone; two lists of clips would end the run without a report."""
    rows = []
    for number in range(5):
        for frame in range(6):
            path = tmp_path / f"c{number}" / f"{frame}.png"
            path.parent.mkdir(exist_ok=True)
            pixels = np.random.default_rng(10 * number + frame).integers(0, 255, (26, 34, 3), np.uint8)
            Image.fromarray(pixels).save(path)
        row = {"clip_id": f"c{number}", "path": f"c{number}", "media": "frames", "label": number % 3}
        rows.append(row | {"split": "test", "captions": [f"Face {number}."]})
    (tmp_path / "c1" / "5.png").write_text("this is no picture")
    path = tmp_path / "manifest.parquet"
    write_manifest(path, rows, class_names=CLASSES, dataset="tiny", licence="CC0-1.0", source="drawn")
    start = "{name: start, frames: {frame_sampling: emoclip, num_frames: 1, frame_stride: 1}}"
    whole = "{name: whole, frames: {frame_sampling: uniform, num_frames: 4}}"
    assert "c1" in run_evaluation(configure(path, f"systems=[{start}]")).tables[0].clip_ids
    run = run_evaluation(configure(path, f"systems=[{start}, {whole}]", "protocols.retrieval={ks: [1]}"))
    assert [table.clip_ids for table in run.tables] == [["c0", "c2", "c3", "c4"]] * 4
    assert [entry["clip_id"] for entry in run.record["left_out"]] == ["c1"]
    summarize(run.tables, Resampling(num_resamples=5))


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("data.split=validation", ValueError, r"No split 'validation' in .*manifest.parquet"),
        ("data.manifest=nowhere.parquet", FileNotFoundError, r"No manifest at nowhere.parquet"),
        ("model=/nowhere/model", FileNotFoundError, r"/nowhere/model"),
        ("prompt_sets=[nowhere.yaml]", FileNotFoundError, r"nowhere.yaml does not exist"),
        ("prompt_sets=[a/x.yaml, b/x.yaml]", FileNotFoundError, r"a/x.yaml does not exist"),
    ],
)
def test_what_is_missing_is_named(configure, manifest, override, error, message):
    """Found before the first clip is decoded."""
    with pytest.raises(error, match=message):
        run_evaluation(configure(manifest, override))


def test_prompt_files_of_one_name_are_refused(configure, manifest, tmp_path):
    """Their tables would have one name."""
    (tmp_path / "other").mkdir()
    copy = tmp_path / "other" / "plain.yaml"
    copy.write_text((tmp_path / "plain.yaml").read_text())
    with pytest.raises(ValueError, match=r"Prompt sets must differ in name, got .*, which are all plain in tables"):
        run_evaluation(configure(manifest, f"prompt_sets=[{tmp_path / 'plain.yaml'}, {copy}]"))


def test_split_without_labels_is_refused(configure, write_clips):
    path = write_clips(labels={f"c{number}": None for number in range(5)})
    with pytest.raises(ValueError, match=r"At least one clip must have a label, got none among 5 rows"):
        run_evaluation(configure(path))


def test_attention_of_systems_that_prompt_by_subject(tiny_model_folder, manifest, tmp_path):
    """The report's pictures of the subject token come from the run itself; systems without that token have none."""
    from emoclip.config_loading import load_config
    from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor

    config = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    config.subject_prompting = "sap"
    EmoCLIPModel(config).save_pretrained(tmp_path / "model")
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(tmp_path / "model")
    systems = f"systems=[{{name: subject, model: {tmp_path / 'model'}}}, {{name: plain, model: {tiny_model_folder}}}]"
    overrides = [f"data.manifest={manifest}", "data.num_workers=0", "prompt_sets=[name]", systems]
    run = run_evaluation(load_config(EvaluationConfig, None, overrides))
    assert [found.system for found in run.attention] == ["subject"]
    judged = dict(zip(run.tables[0].clip_ids, run.tables[0].references, strict=True))
    shown = [one.clip_id for one in run.attention[0].maps]
    assert 1 <= len(shown) == len(set(shown)) <= 6
    assert set(shown) <= set(judged)
    assert run.attention[0].maps[0].attention.shape[1:] == (4, 4)
    assert run_evaluation(load_config(EvaluationConfig, None, [*overrides, "attention_clips=0"])).attention == []


def test_speed_counts_the_clips_of_models_by_fold(write_set, tiny_model_folder):
    """Models of single folds have passes of their own: "0 clips in 0.0 s" would be printed for hours of work."""
    path = write_set(6, lambda n: {"label": n % 3, "test_fold": 1 + n % 2})
    folder = tiny_model_folder.parent / "fold_{fold}"
    for fold in (1, 2):
        link = tiny_model_folder.parent / f"fold_{fold}"
        if not link.exists():
            link.symlink_to(tiny_model_folder)
    options = [f"data.manifest={path}", f"model={folder}", "data.fold=all", "data.num_workers=0", "prompt_sets=[name]"]
    record = run_evaluation(load_config(EvaluationConfig, None, options)).record
    assert record["speed"].startswith("6 clips in")
    assert 0 < record["seconds"]["features"] <= record["seconds"]["all"]
