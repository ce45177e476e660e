# SPDX-License-Identifier: Apache-2.0
"""The manifest of a crop set."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from emoclip.data.faces.crop_clip import RESULTS
from emoclip.data.faces.crop_manifest import ambiguous_id, write_crop_manifest, write_lists
from emoclip.data.manifest import read_manifest


def crop(track: int | None, path: str) -> dict:
    boxes = [[1.0, 2.0, 3.0, 4.0]] * 2
    return {"track": track, "path": path, "media": "frames", "num_frames": 2, "start_frame": 7, "end_frame": 9, "boxes": boxes, "source_boxes": [[5.0, 6.0, 7.0, 8.0]] * 2}  # fmt: skip


def by_row(results: pa.Table) -> Callable[[int, int], pa.Table]:
    def between(start: int, end: int) -> pa.Table:
        rows = results["row"]
        return (
            results.filter(pc.and_(pc.greater_equal(rows, start), pc.less(rows, end))).sort_by("row").combine_chunks()
        )

    return between


def test_rows_follow_the_source_and_keep_what_it_says(tmp_path: Path, make_manifest) -> None:
    """Results come in any order; a label must not move to another clip."""
    source = read_manifest(
        make_manifest(
            [
                {"clip_id": "a", "path": "v/a", "label": 0, "captions": ["x"], "age": 31, "start_frame": 5},
                {"clip_id": "b", "path": "/abs/b", "label": 1, "age": None},
                {"clip_id": "c", "path": "v/c", "label": 1, "age": 9},
            ]
        ),
        check_media=False,
    )
    results = pa.Table.from_pylist(
        [
            {"row": 2, "clip_id": "c", "path": "v/c", "num_faces": 2, "crops": [crop(1, "crops/c#1"), crop(3, "crops/c#3")]},
            {"row": 1, "clip_id": "b", "path": "/abs/b", "error": "no face found", "num_faces": 0, "crops": []},
            {"row": 0, "clip_id": "a", "path": "v/a", "num_faces": 1, "fps": 24.0, "detector": "haar", "crops": [crop(None, "crops/a")]},
        ],
        schema=RESULTS,
    )  # fmt: skip
    output = tmp_path / "sets" / "new"
    output.mkdir(parents=True)
    assert write_crop_manifest(output, source, by_row(results), num_left_out=1, note="how") == 3
    made = read_manifest(output / "manifest.parquet", check_media=False)
    assert (made.class_names, made.dataset, made.licence, made.source) == (["calm", "tense"], "demo/two", "l", "s")
    left_out = "1 clips were left out when faces were cropped, without a face or with an error."
    assert made.notes == ("n", left_out, "how")
    first, second, third = made.table.to_pylist()
    assert [row["clip_id"] for row in (first, second, third)] == ["a", "c#1", "c#3"]
    assert (first["path"], first["source_path"], first["label"], first["age"]) == ("crops/a", "../../v/a", 0, 31)
    assert (first["fps"], first["num_frames"], first["captions"], first["num_faces"]) == (24.0, 2, ["x"], 1)
    assert first["start_frame"] is None and (first["source_start_frame"], first["source_end_frame"]) == (7, 9)
    assert third["source_boxes"] == [[5.0, 6.0, 7.0, 8.0]] * 2
    assert third["boxes"] == [[1.0, 2.0, 3.0, 4.0]] * 2 and (third["age"], third["num_faces"]) == (9, 2)
    write_lists(output, results)
    failures = (output / "failures.csv").read_text(encoding="utf-8-sig").splitlines()
    assert failures == ["row,clip_id,path,error", "1,b,/abs/b,no face found"]
    several = (output / "several_faces.csv").read_text(encoding="utf-8-sig").splitlines()
    assert several == ["row,clip_id,path,num_faces", "2,c,v/c,2"]


def test_a_set_without_any_crop_is_written(tmp_path: Path, make_manifest) -> None:
    """The lists say what was wrong with every clip; a failure here would hide them."""
    source = read_manifest(make_manifest([{"clip_id": "a", "path": "a"}]), check_media=False)
    for results in (RESULTS.empty_table(), pa.Table.from_pylist([{"row": 0, "clip_id": "a", "crops": []}], RESULTS)):
        assert write_crop_manifest(tmp_path, source, by_row(results), num_left_out=1, note="how") == 0


@pytest.mark.parametrize(("ids", "found"), [(["a", "a#1"], "a#1"), (["a#1", "b#2"], None), (["a", "a#x", "a#"], None)])
def test_ids_that_tracks_would_repeat_are_found(ids, found) -> None:
    """The manifest would be refused after a night's work."""
    assert ambiguous_id(pa.chunked_array([ids])) == found
