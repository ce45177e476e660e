# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from emoclip.evaluation.report import read_table
from modeling_emoclip import EmoCLIPModel


ROOT = Path(__file__).parents[2]


def run_both(folder, config, arguments):
    """Runs the configuration in one process into `one`, and in two into `two`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for name, start in (("one", [sys.executable]), ("two", launch)):
        command = [*start, str(ROOT / "evaluate.py"), "--config", str(config), *arguments]
        done = subprocess.run(
            [*command, "--output", str(folder / name)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("The report is") == 1


@pytest.mark.slow
def test_two_processes_make_the_report_of_one(tiny_model_folder, write_set, tmp_path):
    """No clip twice, none lost, and the same scores: what padded samplers get wrong."""
    manifest = write_set(70, lambda n: {"label": n % 3})
    arguments = [f"model={tiny_model_folder}", "data.num_workers=0", "num_resamples=20", "precision=float32"]
    arguments += [f"data.manifest={manifest}", "prompt_sets=[name]", "data.batch_size=2"]
    config = tmp_path / "config.yaml"
    config.write_text("protocols: {retrieval: null}\n")
    run_both(tmp_path, config, arguments)
    tables = [
        pq.read_table(next((tmp_path / name / "predictions").glob("*.parquet"))).to_pylist() for name in ("one", "two")
    ]
    assert [row["clip_id"] for row in tables[1]] == [f"c{number}" for number in range(70)]
    for first, second in zip(*tables, strict=True):
        assert first["scores"] == pytest.approx(second["scores"], rel=1e-4)
    record = json.loads((tmp_path / "two" / "run.json").read_text())
    assert record["seconds"]["processes"] == 2
    assert not list(tmp_path.glob(".*features"))


@pytest.mark.slow
def test_two_processes_agree_on_what_has_passes_of_its_own(tiny_model_folder, write_set, tmp_path):
    """Models by fold and by class are encoded one after the other: processes that wait for different ones never end."""
    places = [f"fold{fold}" for fold in (1, 2)] + [f"without_{name}" for name in ("anger", "happiness", "sadness")]
    for seed, place in enumerate(places):
        shutil.copytree(tiny_model_folder, tmp_path / place)
        torch.manual_seed(seed)
        EmoCLIPModel(EmoCLIPModel.from_pretrained(tiny_model_folder).config).save_pretrained(tmp_path / place)
    manifest = write_set(70, lambda n: {"label": n % 3, "test_fold": 1 + n % 2, "captions": [f"Caption {n}."]})
    config = tmp_path / "config.yaml"
    config.write_text(
        f"systems: [{{name: shared, model: {tiny_model_folder}}}, {{name: own, model: '{tmp_path}/fold{{fold}}'}}]\n"
        "protocols:\n"
        f"  leave_one_out: {{model: '{tmp_path}/without_{{class}}'}}\n"
        "  linear_probe: {mlp: {kind: mlp, epochs: 2}}\n"
        "  retrieval: {}\n"
    )
    arguments = ["data.num_workers=0", "num_resamples=20", "precision=float32", "data.fold=all", "data.batch_size=2"]
    run_both(tmp_path, config, [*arguments, f"data.manifest={manifest}", "prompt_sets=[name]"])
    names = [sorted(path.name for path in (tmp_path / name / "predictions").glob("*")) for name in ("one", "two")]
    assert names[0] == names[1]
    assert len(names[0]) == 2 + 1 + 2 + 4  # zero-shot, leave-one-out, probes, retrieval in two folds
    for name in names[0]:
        one, two = (read_table(tmp_path / run / "predictions" / name) for run in ("one", "two"))
        assert list(one.clip_ids) == list(two.clip_ids)
        assert len(one.clip_ids) == (35 if "retrieval" in name else 70)
        for key in ("scores", "video_embeds"):
            if hasattr(one, key):
                np.testing.assert_allclose(getattr(one, key), getattr(two, key), rtol=1e-3, atol=1e-5)
