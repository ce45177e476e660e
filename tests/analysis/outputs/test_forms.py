# SPDX-License-Identifier: Apache-2.0
"""Every form from a real analysis of a film with a known face, by the endings of the names."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emoclip
from emoclip.analysis.outputs import forms
from emoclip.analysis.outputs.forms import TABLES, check_form, table_of


WORDS = ["joy", "驚き 😀", "<b>quiet"]


@pytest.fixture(scope="module")
def analysis(tiny_model_folder, long_clip):
    """Boxes are given, so that the noise has a face: a person in the first half, nobody in the second."""
    boxes = [{"frame": frame, "x1": 4, "y1": 3, "x2": 20, "y2": 19, "person": 1} for frame in range(48)]
    return emoclip.analyze(str(long_clip), WORDS, tiny_model_folder, boxes=pd.DataFrame(boxes), window=0.6, stride=0.4)


@pytest.mark.parametrize("kind", [kind for kind in TABLES if kind not in ("change", "groups", "embeds")])
@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_every_table_is_written_in_every_form(analysis, kind, ending, tmp_path):
    """The name before the ending chooses the table; what is read back is what was written."""
    path = analysis.save(tmp_path / f"clip.{kind}.{ending}")
    read = {
        "csv": lambda: pd.read_csv(path),
        "json": lambda: pd.DataFrame(json.loads(path.read_text())[kind]),
        "parquet": lambda: pd.read_parquet(path),
    }[ending]()
    expected = forms.output_table(analysis, kind, forms.OutputOptions())
    assert list(read.columns) == list(expected.columns)
    assert len(read) == len(expected) > 0


@pytest.mark.parametrize("ending", ["parquet", "json"])
def test_embeddings_are_written_as_lists(analysis, ending, tmp_path):
    """What `embed` and `search` stand on; a CSV would hold their printed form."""
    path = analysis.save(tmp_path / f"a.embeds.{ending}")
    read = pd.read_parquet(path) if ending == "parquet" else pd.DataFrame(json.loads(path.read_text())["embeds"])
    np.testing.assert_allclose(np.array(read["embed"][0], float), analysis.windows.embeds[0].numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"end it in \.parquet or \.json"):
        analysis.save(tmp_path / "a.embeds.csv")


def test_json_has_no_nan(analysis, tmp_path):
    """NaN is no JSON: browsers and R refuse the file."""
    text = analysis.save(tmp_path / "a.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert any(row["match"] is None for row in content["timeline"])


def test_change_is_against_the_baseline(analysis, tmp_path):
    path = analysis.save(tmp_path / "a.change.csv", baseline=analysis.timeline)
    table = pd.read_csv(path)
    assert table.groupby("emotion")["change"].mean().abs().max() < 1e-6
    np.testing.assert_allclose(table["change"].dropna(), (table["match"] - table["baseline_mean"]).dropna(), atol=2e-6)
    with pytest.raises(ValueError, match="needs a baseline clip"):
        analysis.save(tmp_path / "b.change.csv")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.png", b"\x89PNG"),
        ("a.svg", b"<?xml"),
        ("a.html", b"<!doctype html>"),
        ("a.srt", b"1\n00:00:00"),
        ("a.vtt", b"WEBVTT"),
        ("a.eaf", b"<?xml"),
        ("a.TextGrid", b"File type"),
    ],
)
def test_every_other_form_is_written(analysis, name, start, tmp_path):
    assert analysis.save(tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.csv", "a.summary.json", "a.png", "a.html", "a.mp4", "a.eaf"])
def test_existing_files_are_kept(analysis, name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match="must not name an existing file"):
        analysis.save(tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("known", ["name", "option"])
def test_the_video_itself_is_never_replaced(analysis, known, tmp_path):
    """Not even on request: the annotated film would stand where the film was, with faces hidden and half its quality."""
    path = tmp_path / "clip.mp4"
    path.write_text("mine")
    film = replace(analysis, timeline=analysis.timeline.assign(video=str(path))) if known == "name" else analysis
    options = {} if known == "name" else {"video": tmp_path / "other" / ".." / "clip.mp4"}
    with pytest.raises(ValueError, match="must not name a video that is read"):
        film.save(path, overwrite=True, **options)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("clip.csv", None), ("clip.windows.csv", "windows"), ("my.clip.parquet", None), ("a.SUMMARY.JSON", "summary")],
)
def test_name_before_the_ending_chooses_the_table(name, kind):
    assert table_of(Path(name)) == kind


@pytest.mark.parametrize("name", ["a.png", "a.html", "a.mp4", "a.srt", "a.eaf", "a.TextGrid"])
def test_forms_of_one_video_refuse_several(name, tmp_path):
    """Two films on one time axis would be nonsense."""
    with pytest.raises(ValueError, match="shows one video, got 2"):
        check_form("--output", tmp_path / name, num_videos=2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_full_disk_leaves_nothing_and_says_so(analysis, tmp_path, monkeypatch):
    """Half a table under its final name would be taken for a whole one."""

    def on_full_disk(table, path, *args, **kwargs):
        with Path("/dev/full").open("w") as full:
            full.write("x" * 100_000)

    monkeypatch.setattr(pd.DataFrame, "to_csv", on_full_disk)
    with pytest.raises(OSError, match="No space left on the disk, nothing was written") as caught:
        analysis.save(tmp_path / "a.csv")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_no_text_are_told_by_escapes(tiny_model_folder, short_clip, tmp_path):
    """Linux allows any bytes in a name; UTF-8, JSON and Parquet do not, and pandas refuses them outright."""
    film = tmp_path / os.fsdecode(b"a\xff\x1b.mp4")
    film.write_bytes(short_clip.read_bytes())
    result = emoclip.analyze(str(film), WORDS, tiny_model_folder, faces="none")
    assert result.timeline["video"].unique().tolist() == [f"{tmp_path}/a\\udcff\x1b.mp4"]
    for name in ("a.csv", "a.json", "a.parquet", "a.srt"):
        result.save(tmp_path / name)
    assert '"base64"' in result.save(tmp_path / "a.html", video=film).read_text()
    assert result.save(tmp_path / "a.mp4", video=film).stat().st_size > 1000
