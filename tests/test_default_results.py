# SPDX-License-Identifier: Apache-2.0
"""`make default-results` in small: every step from rendering to the small copy of the report."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emoclip.evaluation.report import read_tables


ROOT = Path(__file__).parent.parent
SMALL = (
    "RENDER_ARGS=--train-clips 44 --test-clips 22 --stills 120",
    "STILLS_ARGS=max_steps=2 data.batch_size=32",
    "CLIPS_ARGS=max_steps=2 data.batch_size=20",
    "COMPOUND_CLIPS=43",
    "EVALUATE_ARGS=num_resamples=50 sets.faces.data.num_workers=0 sets.compound.data.num_workers=0",
)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_folder_that_cannot_be_replaced_is_told_before_the_work(tmp_path):
    """The copy is the last step: half an hour of work would end with a refusal."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "notes.md").write_text("not a report")
    command = ["make", "default-results-steps", f"BIN={tmp_path}", f"OUT={tmp_path / 'out'}", f"RESULTS={kept}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "RESULTS must be new, empty or an earlier report" in done.stderr
    assert not (tmp_path / "out").exists()


def test_tracked_results_can_be_replaced():
    """A copy of an older form in the repository would be refused by the command that makes it anew."""
    tracked = ROOT / "results" / "embedded_default_protocols"
    assert not tracked.exists() or (tracked / "report.json").is_file()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_default_results_come_from_one_command(tmp_path):
    """The whole run takes half an hour; a step that fails or a file that is missing must be noticed before that."""
    out, kept = tmp_path / "out", tmp_path / "kept"
    command = [
        "make",
        "default-results-steps",
        f"BIN={Path(sys.executable).parent}",
        f"OUT={out}",
        f"RESULTS={kept}",
        *SMALL,
    ]

    def run() -> str:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    assert run().count("trained without") == 11
    report = json.loads((kept / "report.json").read_text())
    protocols = {name: {r["protocol"] for r in one["results"]} for name, one in report["sets"].items()}
    assert protocols["faces"] == {"zero_shot", "leave_one_out", "linear_probe", "retrieval", "prompt_sensitivity"}
    assert protocols["compound"] == {"compound"}
    assert {len(section["class_names"]) for section in report["sets"]["compound"]["sections"]} == {42, 43}
    left_out = next(r for r in report["sets"]["faces"]["results"] if r["protocol"] == "leave_one_out")
    assert len(left_out["per_class_recall"]) == 11
    assert len(read_tables(kept / "faces")) == len(report["sets"]["faces"]["results"])
    assert not list(kept.rglob("*.html")) and not list(kept.rglob("embeddings"))
    # A second call finds everything done.
    assert "trained without" not in run()
