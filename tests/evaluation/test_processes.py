# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest


ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_make_the_report_of_one(tiny_model_folder, write_set, tmp_path):
    """No clip twice, none lost, and the same scores: what padded samplers get wrong."""
    manifest = write_set(70, lambda n: {"label": n % 3})
    arguments = [f"model={tiny_model_folder}", "data.num_workers=0", "num_resamples=20", "precision=float32"]
    arguments += [f"data.manifest={manifest}", "prompt_sets=[name]", "data.batch_size=2"]
    config = tmp_path / "config.yaml"
    config.write_text("protocols: {retrieval: null}\n")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for name, start in (("one", [sys.executable]), ("two", launch)):
        command = [*start, str(ROOT / "evaluate.py"), "--config", str(config), *arguments]
        done = subprocess.run(
            [*command, "--output", str(tmp_path / name)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("The report is") == 1
    tables = [
        pq.read_table(next((tmp_path / name / "predictions").glob("*.parquet"))).to_pylist() for name in ("one", "two")
    ]
    assert [row["clip_id"] for row in tables[1]] == [f"c{number}" for number in range(70)]
    for first, second in zip(*tables, strict=True):
        assert first["scores"] == pytest.approx(second["scores"], rel=1e-4)
    record = json.loads((tmp_path / "two" / "run.json").read_text())
    assert record["seconds"]["processes"] == 2
    assert not list(tmp_path.glob(".*features"))
