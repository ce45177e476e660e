# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import pandas as pd
import pytest

from emoclip import cli


@pytest.mark.slow
def test_local_cluster_scores_every_file(films, tiny_model_folder, tmp_path):
    """The pipeline of a cluster, on a cluster of this computer alone, as the command starts it."""
    pytest.importorskip("ray.data")
    command = [sys.executable, "-m", "emoclip.cli", "batch", str(films), "--emotions", "joy,fear", "--faces", "none"]
    command += ["--model", str(tiny_model_folder), "--output", str(tmp_path / "out"), "--ray", "--workers", "2"]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=400)
    assert result.returncode == 1, result.stderr
    assert "3 files: 2 done, 1 failed" in result.stdout
    assert len(pd.read_csv(tmp_path / "out" / "status.csv")) == 3


def test_missing_ray_names_the_extra(films, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["batch", str(films), "--emotions", "a,b", "--output", str(tmp_path / "out"), "--ray"]
    assert cli.main(arguments) == 2
    assert "run: pip install 'emoclip[ray]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
