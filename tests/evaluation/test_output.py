# SPDX-License-Identifier: Apache-2.0
import os
import signal
import time

import pytest

from emoclip.evaluation.output import check_output_folder, new_output_folder


def fill(output, *, overwrite=False, text="new"):
    with new_output_folder(output, overwrite=overwrite) as folder:
        (folder / "report.json").write_text(text)


def test_folder_appears_when_complete(tmp_path):
    output = tmp_path / "deep" / "report"
    with new_output_folder(output, overwrite=False) as folder:
        (folder / "report.json").write_text("new")
        assert not output.exists()
    assert (output / "report.json").read_text() == "new"
    assert [path.name for path in output.parent.iterdir()] == ["report"]


def test_failed_run_leaves_nothing(tmp_path):
    """Half a report would be refused as existing by the next run."""
    with pytest.raises(RuntimeError), new_output_folder(tmp_path / "report", overwrite=False):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_failed_overwriting_keeps_the_old_report(tmp_path):
    fill(tmp_path / "report", text="old")
    with pytest.raises(RuntimeError), new_output_folder(tmp_path / "report", overwrite=True):
        raise RuntimeError
    assert (tmp_path / "report" / "report.json").read_text() == "old"


def test_overwriting_replaces_the_whole_report(tmp_path):
    """Tables of an earlier run among the new ones would be reported with them."""
    fill(tmp_path / "report", text="old")
    (tmp_path / "report" / "stale.parquet").write_text("old")
    fill(tmp_path / "report", overwrite=True)
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["report.json"]


def test_empty_folder_may_be_used(tmp_path):
    (tmp_path / "report").mkdir()
    fill(tmp_path / "report")
    assert (tmp_path / "report" / "report.json").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_folder_is_never_replaced(tmp_path, overwrite):
    """A mistyped --output with --overwrite must not delete somebody's data."""
    (tmp_path / "thesis.txt").write_text("years of work")
    message = "Only an earlier report" if overwrite else "must be new or empty, got .* pass --overwrite"
    with pytest.raises(FileExistsError, match=message):
        check_output_folder(tmp_path, overwrite=overwrite)


def test_file_is_never_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    with pytest.raises(FileExistsError, match="Only an earlier report"):
        check_output_folder(path, overwrite=True)


def test_terminated_run_leaves_nothing(tmp_path):
    """`kill`, as a scheduler does it, must not leave half a report under a hidden name, nor change how the process ends otherwise."""
    with pytest.raises(SystemExit) as ending, new_output_folder(tmp_path / "report", overwrite=False):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)  # never to the end: the handler runs at once
    assert ending.value.code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
