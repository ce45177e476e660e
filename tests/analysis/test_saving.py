# SPDX-License-Identifier: Apache-2.0
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from emoclip.analysis.result import Analysis
from emoclip.analysis.saving import check_output, write_whole


@pytest.fixture
def analysis():
    rows = [("clip.mp4", 0, 0.0, 1.25, "doubt", 0.123456789, 0.75), ("clip.mp4", 0, 0.0, 1.25, "喜び", -0.5, 0.25)]
    timeline = pd.DataFrame(rows, columns=["video", "person", "start", "end", "emotion", "similarity", "match"])
    return Analysis(timeline, {"doubt": "an expression of doubt.", "喜び": "喜び"}, "m", "Model: m.")


def test_csv_holds_one_row_per_window_and_word(analysis, tmp_path):
    """The exact text: spreadsheets and scripts of others read it."""
    path = analysis.save(tmp_path / "a.csv")
    assert path.read_text(encoding="utf-8").splitlines() == [
        "video,person,start,end,emotion,similarity,match",
        "clip.mp4,0,0.000000,1.250000,doubt,0.123457,0.750000",
        "clip.mp4,0,0.000000,1.250000,喜び,-0.500000,0.250000",
    ]


def test_json_holds_the_tables_and_what_must_be_said(analysis, tmp_path):
    """A JSON that travels alone still tells its scope, model and texts."""
    content = json.loads(analysis.save(tmp_path / "a.JSON").read_text(encoding="utf-8"))
    assert content["scope"] == "whole frame"
    assert content["model"] == "m"
    assert content["texts"]["doubt"] == "an expression of doubt."
    assert content["timeline"][1] == {
        "video": "clip.mp4", "person": 0, "start": 0.0, "end": 1.25, "emotion": "喜び", "similarity": -0.5, "match": 0.25,
    }  # fmt: skip
    assert [row["emotion"] for row in content["summary"]] == ["doubt", "喜び"]


def test_parquet_gives_the_same_table_back(analysis, tmp_path):
    """Types survive, and the facts stand in the schema's metadata."""
    path = analysis.save(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), analysis.timeline)
    assert json.loads(pq.read_schema(path).metadata[b"scope"]) == "whole frame"


def test_existing_file_is_kept_unless_asked(analysis, tmp_path):
    """Results of hours must not vanish under a second run."""
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="must not name an existing file, got"):
        analysis.save(path)
    assert path.read_text() == "mine"
    analysis.save(path, overwrite=True)
    assert path.read_text().startswith("video,")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a.txt", ValueError, "must end in .csv or .json or .parquet, got .*a.txt"),
        ("a", ValueError, "must end in"),
        ("missing/a.csv", FileNotFoundError, "folder of `output` must exist, got .*; create .*missing first"),
        ("folder.csv", FileExistsError, "must not name an existing file"),
    ],
)
def test_places_that_cannot_be_written_are_refused(tmp_path, name, error, message):
    """Found out before the work, not after it; a folder is never replaced."""
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(error, match=message):
        check_output("output", tmp_path / name, (".csv", ".json", ".parquet"), overwrite=True)


def test_a_write_that_fails_leaves_nothing(tmp_path):
    """A full disk or Ctrl-C must not leave half a table under the final name, nor a temporary file."""
    (tmp_path / "a.csv").write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_whole(tmp_path / "a.csv", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"
