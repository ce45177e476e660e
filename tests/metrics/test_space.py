# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys

import pytest
import yaml

from emoclip.metrics import load_module, module_names
from emoclip.metrics.space import write_metric_space
from emoclip.metrics.space_cli import main


CASES = {
    "uar": ([0, 1, 1], [0, 1, 0]),
    "emotion_recognition": (["a", "b", "b"], ["a", "b", "a"]),
    "class_scores": ([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]),
    "calibration_error": ([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]),
    "affect_regression": ([1.0, 2.0, 4.0], [1.0, 3.0, 3.0]),
    "retrieval_ranks": ([0, 1], [[0.9, 0.1], [0.7, 0.3]]),
}
SCRIPT = """
import json, sys
sys.modules["emoclip"] = None  # nobody who loads a metric from the Hub has this project
import evaluate
cases = json.loads(sys.argv[2])
print(json.dumps({n: evaluate.load(f"{sys.argv[1]}/{n}").compute(references=r, predictions=p) for n, (r, p) in cases.items()}))
sys.path.insert(0, f"{sys.argv[1]}/uar")
import app
print(json.dumps(app.compute('["a", "b"]', '["a", "a"]')))
"""


def rounded(value):
    """The same with every number rounded: sums may differ in their last digit from process to process."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else round(value, 9)


@pytest.mark.slow
def test_spaces_stand_alone_and_agree_with_the_package(tmp_path):
    """Files that a Space lacks are found out only on the Hub; the page must compute as well."""
    for name in CASES:
        write_metric_space(name, tmp_path / "spaces", owner="me")
    result = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, str(tmp_path / "spaces"), json.dumps(CASES)],
        env={
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "home"),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "OMP_NUM_THREADS": "1",
            "PATH": "/bin",
        },
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    values, page = map(json.loads, result.stdout.strip().splitlines()[-2:])
    for name, (references, predictions) in CASES.items():
        ours = load_module(name).compute(references=references, predictions=predictions)
        assert rounded(values[name]) == rounded(json.loads(json.dumps(ours)))
    assert page == {"uar": 0.5}
    header = yaml.safe_load((tmp_path / "spaces" / "uar" / "README.md").read_text().split("---")[1])
    assert (header["sdk"], header["app_file"]) == ("gradio", "app.py")
    assert len(header["short_description"]) <= 60


def test_every_module_can_be_a_space(tmp_path):
    """A new metric that imports something new must fail here."""
    for name in sorted(set(module_names()) - set(CASES)):
        folder = write_metric_space(name, tmp_path)
        assert {"app.py", "README.md", "requirements.txt", f"{name}.py"} <= {path.name for path in folder.iterdir()}
        assert "emoclip.metrics" not in (folder / f"{name}.py").read_text()


def test_bad_targets_are_refused(tmp_path):
    """The library looks for a file with the Space's name; a folder that is in use must not be mixed up."""
    with pytest.raises(ValueError, match=r"No `evaluate` module 'wer'; there are affect_regression"):
        write_metric_space("wer", tmp_path)
    (tmp_path / "uar").mkdir()
    (tmp_path / "uar" / "x").touch()
    with pytest.raises(FileExistsError, match="must be new or empty"):
        write_metric_space("uar", tmp_path)
    with pytest.raises(ValueError, match=r"must be USER/uar, because the library looks for uar\.py, got 'me/recall'"):
        main(["uar", "--output", str(tmp_path / "other"), "--push", "me/recall"])
    assert not (tmp_path / "other").exists()


def test_push_makes_a_space_and_uploads_the_folder(tmp_path, monkeypatch, capsys):
    """The Hub cannot be reached here; what is asked of it can be seen."""
    from huggingface_hub import CommitInfo, HfApi

    asked = {}
    monkeypatch.setattr(HfApi, "create_repo", lambda self, repo, **options: asked.update(create=(repo, options)))

    def upload(self, **options):
        asked["upload"] = (sorted(path.name for path in options["folder_path"].iterdir()), options["repo_type"])
        url = "https://huggingface.co/spaces/me/war/commit/0"
        return CommitInfo(commit_url=url, commit_message="", commit_description="", oid="0")

    monkeypatch.setattr(HfApi, "upload_folder", upload)
    assert main(["war", "--output", str(tmp_path), "--push", "me/war"]) == 0
    assert asked["create"] == (
        "me/war",
        {"repo_type": "space", "space_sdk": "gradio", "private": False, "exist_ok": True},
    )
    assert "app.py" in asked["upload"][0]
    assert "Published: https://huggingface.co/spaces/me/war/commit/0" in capsys.readouterr().out
