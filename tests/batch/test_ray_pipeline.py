# SPDX-License-Identifier: Apache-2.0
import sys

import pandas as pd
import pytest

from emoclip import cli
from emoclip.batch.ray_pipeline import spread_over_ray
from emoclip.batch.running import run_batch
from emoclip.batch.sources import find_sources


@pytest.mark.slow
def test_local_cluster_scores_every_file(films, make_settings, monkeypatch):
    """The pipeline of a cluster, on a cluster of this computer alone."""
    pytest.importorskip("ray.data")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    result = run_batch(find_sources([str(films)]), make_settings(threads=1), workers=2, spread=spread_over_ray)
    assert result.counts == {"done": 2, "failed": 1}
    assert len(pd.read_csv(result.table)) == 3


def test_missing_ray_names_the_extra(films, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["batch", str(films), "--emotions", "a,b", "--output", str(tmp_path / "out"), "--ray"]
    assert cli.main(arguments) == 2
    assert "run: pip install 'emoclip[ray]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
