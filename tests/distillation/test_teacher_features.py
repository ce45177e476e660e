# SPDX-License-Identifier: Apache-2.0
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from emoclip.data import load
from emoclip.distillation import teacher_features
from emoclip.distillation.config import TeacherConfig
from emoclip.distillation.teacher import Teacher
from emoclip.distillation.teacher_features import TeacherCache
from emoclip.features.identity import code_fingerprint


CPU = torch.device("cpu")


@pytest.fixture
def config(teacher_folder: Path) -> TeacherConfig:
    names = ("action_describer", "empty")
    return TeacherConfig(name=str(teacher_folder), precision="float32", batch_size=5, instructions=names)


def make_cache(rows, config: TeacherConfig, folder: Path, num_frames: int = 1) -> TeacherCache:
    return TeacherCache(rows, config, folder, num_frames=num_frames, device=CPU, num_workers=0)


def kept(cache: TeacherCache) -> list[torch.Tensor]:
    rows = np.arange(len(cache.rows))
    return [features.frames(rows, np.zeros_like(rows)) for features in cache.features()]


def test_kept_features_are_the_teachers_in_the_order_of_the_table(world, config, tmp_path):
    """A shift by one row would pair every face with its neighbour's feature, and still train."""
    rows = load(world / "stills.parquet")
    cache = make_cache(rows, config, tmp_path)
    assert (cache.num_missing(), cache.width) == (26, 40)
    assert cache.fill(show_progress=False) == {}
    teacher = Teacher(config, CPU)
    pixels = torch.cat([cache.processor(row["file"])["pixel_values_videos"][0] for row in rows])
    for expected, found in zip(teacher.encode(pixels, teacher.instructions), kept(cache), strict=True):
        torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)
    again = make_cache(rows, config, tmp_path)
    assert again.num_missing() == 0


def test_features_are_kept_in_half_precision(world, config, tmp_path):
    """The XXL's features of CAER-S take 400 MB so, twice as much otherwise."""
    cache = make_cache(load(world / "stills.parquet"), config, tmp_path)
    cache.fill(show_progress=False)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
    assert size < 2 * 26 * (40 * 2 + 60) + 2 * 4096


def test_stopped_run_goes_on_and_ends_with_the_same_features(world, config, tmp_path, monkeypatch):
    """Hours of a large teacher must not be lost to a kill, and the rest must not differ."""
    rows = load(world / "stills.parquet")
    whole = make_cache(rows, config, tmp_path / "whole")
    whole.fill(show_progress=False)
    monkeypatch.setattr(teacher_features, "PART_BYTES", 1)
    encode, calls = Teacher.encode, []

    def stop_at_third(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(self, *arguments, **options)

    monkeypatch.setattr(Teacher, "encode", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        make_cache(rows, config, tmp_path / "stopped").fill(show_progress=False)
    resumed = make_cache(rows, config, tmp_path / "stopped")
    assert resumed.num_missing() == 26 - 2 * 5
    resumed.fill(show_progress=False)
    assert len(calls) == 3 + 4
    for found, expected in zip(kept(resumed), kept(whole), strict=True):
        torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)


def test_further_instruction_leaves_the_others_as_they_are(world, config, tmp_path):
    """Adding the third instruction must not cost the first two again."""
    rows = load(world / "stills.parquet")
    make_cache(rows, config, tmp_path).fill(show_progress=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrow")}
    more = make_cache(rows, replace(config, instructions=(*config.instructions, "noise")), tmp_path)
    assert more.num_missing() == 26
    more.fill(show_progress=False)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrow")}
    assert before.items() <= after.items()
    assert {path.parent for path in after.keys() - before.keys()} == {more.stores[2].folder}


@pytest.mark.parametrize("change", [{"normalize": True}, {"hidden_act": "relu"}, {"precision": "bfloat16"}])
def test_other_settings_are_other_features(world, config, tmp_path, change):
    """Features made another way must not be taken for these."""
    rows = load(world / "stills.parquet")
    make_cache(rows, config, tmp_path).fill(show_progress=False)
    assert make_cache(rows, replace(config, **change), tmp_path).num_missing() == 26


def test_other_code_makes_other_features(world, config, tmp_path, monkeypatch):
    """The page promises it: what embeds an instruction, runs the teacher or takes the mean is part of a feature."""
    rows = load(world / "stills.parquet")
    looked_at = [store.identity for store in make_cache(rows, config, tmp_path).stores]
    monkeypatch.setattr(teacher_features, "pool_teacher_states", lambda states: states.amax(dim=1))
    assert all(
        store.identity["pooling"] != before["pooling"]
        for store, before in zip(make_cache(rows, config, tmp_path).stores, looked_at, strict=True)
    )
    for module in ("teacher", "blip2_encoder", "instructions"):
        monkeypatch.undo()
        monkeypatch.setattr(f"emoclip.distillation.{module}.__file__", str(world / "stills.parquet"))
        code_fingerprint.cache_clear()
        found = make_cache(rows, config, tmp_path).stores[0].identity
        assert found["code"] != looked_at[0]["code"], module
    monkeypatch.undo()
    code_fingerprint.cache_clear()


def test_unreadable_picture_is_listed_and_left_out(world, config, tmp_path):
    """One bad file among 49,000 must not end a night's work."""
    copy = tmp_path / "world"
    shutil.copytree(world, copy)
    rows = load(copy / "stills.parquet")
    Path(rows[7]["file"]).write_bytes(b"no picture")
    cache = make_cache(rows, config, tmp_path / "features")
    errors = cache.fill(show_progress=False)
    assert list(errors) == [7]
    assert Path(rows[7]["file"]).name in errors[7]
    assert cache.features()[0].present.tolist() == [row != 7 for row in range(26)]


def test_frames_of_a_clip_are_kept_in_order(world, config, tmp_path):
    """The student's frame 2 must meet the teacher's frame 2."""
    rows = load(world / "clips.parquet", split="train").select([3, 5])
    cache = make_cache(rows, config, tmp_path, num_frames=4)
    cache.fill(show_progress=False)
    features = cache.features()[0]
    assert features.num_frames().tolist() == [4, 4]
    teacher = Teacher(config, CPU)
    pixels = cache.processor(rows[1]["file"])["pixel_values_videos"][0]
    expected = teacher.encode(pixels, teacher.instructions[:1])[0]
    found = features.frames(np.full(4, 1), np.arange(4))
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(features.means(np.array([1]))[0], expected.mean(dim=0), rtol=2e-3, atol=2e-3)


def test_features_beyond_half_precision_are_refused(world, config, tmp_path, monkeypatch):
    """T5 overflows in float16; infinities on disk would break the fit much later."""
    monkeypatch.setattr(Teacher, "encode", lambda self, pixels, instructions, seed=0: [torch.full((5, 40), 1e6)] * 2)
    rows = load(world / "stills.parquet")
    with pytest.raises(ValueError, match=r"must be finite, got others in float32; set its `precision` to bfloat16"):
        make_cache(rows, config, tmp_path).fill(show_progress=False)


def test_manifest_row_is_found_again_in_another_manifest(world, config, tmp_path):
    """Folds and splits of one set must share the teacher's work."""
    rows = load(world / "stills.parquet")
    make_cache(rows, config, tmp_path).fill(show_progress=False)
    assert make_cache(rows.select([9, 2, 4]), config, tmp_path).num_missing() == 0
    assert pq.read_table(world / "stills.parquet").num_rows == 26
