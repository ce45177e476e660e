# SPDX-License-Identifier: Apache-2.0
"""Stored embeddings are those of the pixels; each is computed once, by one process, and a kill costs little."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pytest
import torch

from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.features import FrameFeatureDataset, FrameViews, frame_features
from emoclip.features.parts import PartFiles
from emoclip.features.tower import FrameTower


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where stores go."""
    return tmp_path / "cache"


def embed(model, item):
    """Embeddings of one item of pixels, on the fly."""
    with torch.no_grad():
        return model.get_frame_features(item["pixel_values_videos"][None], None)[0]


@pytest.fixture
def count(monkeypatch) -> list[int]:
    """The clips that pass through the image tower."""
    calls: list[int] = []
    real = FrameTower.embed

    def counted(self, pieces, clip):
        record = real(self, pieces, clip)
        calls.append(clip)
        return record

    monkeypatch.setattr(FrameTower, "embed", counted)
    return calls


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_windows_equal_those_of_pixels(rows, processor, make_model, cache, workers) -> None:
    """Scores from the store must be those of the clips, long and short, films, folders and stills."""
    model = make_model()
    store = frame_features(rows, model, processor, cache, num_workers=workers)
    pixels, stored = ClipDataset(rows, processor), FrameFeatureDataset(store)
    for row in range(4):
        torch.testing.assert_close(stored[row]["frame_embeds"], embed(model, pixels[row]))
        assert torch.equal(stored[row]["frame_mask"], pixels[row]["frame_mask"])


@pytest.mark.parametrize("rule", ["emoclip", "uniform", "emotionclip", "expclip_paper_code"])
def test_training_windows_and_mirroring_are_those_of_pixels(rows, processor, make_model, cache, rule) -> None:
    """A run with the store sees what a run without it would see, whatever the sampling rule."""
    processor.frame_sampling = rule
    model = make_model()
    store = frame_features(rows, model, processor, cache, views=FrameViews(2, horizontal_flip=True))
    pixels = ClipDataset(rows, processor, training=True, seed=3, horizontal_flip=True)
    stored = FrameFeatureDataset(store, training=True, seed=3)
    for epoch in range(4):
        pixels.set_epoch(epoch)
        stored.set_epoch(epoch)
        for row in range(4):
            torch.testing.assert_close(stored[row]["frame_embeds"], embed(model, pixels[row]))


def test_kept_window_serves_evaluation_and_refuses_training(rows, processor, make_model, cache) -> None:
    """A film of which 16 frames are kept must not answer for the others."""
    processor.frame_sampling = "uniform"
    store = frame_features(rows, make_model(), processor, cache, kept="window")
    assert store.frame_embeds(0).shape == (5, 10)
    assert store.window(0)["frame_embeds"].shape == (5, 10)
    with pytest.raises(
        ValueError, match=r"needs frames that are not kept, got a store of 5 frames of 41.*kept='grid'"
    ):
        for seed in range(9):
            store.window(0, training=True, generator=torch.Generator().manual_seed(seed))


def test_all_frames_of_a_long_clip_are_kept_piece_by_piece(rows, processor, make_model, cache, monkeypatch) -> None:
    """An interview of two hours is decoded in pieces; a frame lost or doubled at a seam would shift the rest."""
    whole = frame_features(rows, make_model(), processor, cache / "whole")
    monkeypatch.setattr("emoclip.features.pieces.PIECE", 4)
    parted = frame_features(rows, make_model(), processor, cache / "parted")
    for row in range(4):
        torch.testing.assert_close(parted.frame_embeds(row), whole.frame_embeds(row))
        assert torch.equal(parted.positions(row), whole.positions(row))
    assert whole.positions(0).tolist() == list(range(0, 41, 3))
    assert (whole.num_frames(0), whole.num_frames(3)) == (41, 1)


def test_stretches_and_boxes_are_part_of_the_clip(files, processor, make_model, cache, monkeypatch) -> None:
    """A model with subject prompting sees another person in the same stretch of the same film."""
    monkeypatch.setattr("emoclip.features.pieces.PIECE", 3)
    boxes = [[[float(n % 9), 2.0, 20.0, 19.0] for n in range(count)] for count in (20, 7)] + [[[9.0, 3.0, 30.0, 20.0]]]
    rows = datasets.Dataset.from_dict(
        {
            "file": [str(files[0])] * 3,
            "media": ["video"] * 3,
            "start_frame": [11, 11, 11],
            "end_frame": [31, 31, 31],
            "boxes": boxes,
        }
    )
    model = make_model(subject_prompting="sap")
    store = frame_features(rows, model, processor, cache, subject_masks=True)
    pixels = ClipDataset(rows, processor, subject_masks=True)
    for row in range(3):
        with torch.no_grad():
            item = pixels[row]
            expected = model.get_frame_features(item["pixel_values_videos"][None], item["subject_masks"][None])[0]
        torch.testing.assert_close(store.window(row)["frame_embeds"], expected)
    assert not torch.equal(store.frame_embeds(0), store.frame_embeds(2))


def test_drawn_views_differ_and_are_drawn_once(rows, processor, make_model, cache, count) -> None:
    """Rotation and crops are frozen into some views; a second run must find the same ones."""
    processor.size = {"shortest_edge": 22}
    views = FrameViews(4, horizontal_flip=True, rotation_degrees=20, random_crop="frame")
    first = frame_features(rows, make_model(), processor, cache / "a", views=views)
    again = frame_features(rows, make_model(), processor, cache / "b", views=views)
    embeds = [first.frame_embeds(0, view) for view in range(4)]
    assert all(not torch.equal(embeds[i], embeds[j]) for i in range(4) for j in range(i))
    assert all(torch.equal(embeds[view], again.frame_embeds(0, view)) for view in range(4))
    plain = frame_features(rows, make_model(), processor, cache / "c")
    torch.testing.assert_close(plain.frame_embeds(0), embeds[0])
    drawn = {views.draw(torch.Generator().manual_seed(seed)) for seed in range(40)}
    assert drawn == {0, 1, 2, 3}


def test_broken_clip_is_listed_and_skipped(rows, processor, make_model, cache) -> None:
    """One bad file of ten thousand must not end the work, nor be asked for in vain later."""
    store = frame_features(rows, make_model(), processor, cache)
    assert list(store.errors) == [4]
    assert "broken.mp4" in store.errors[4]
    batch = collate_clips(FrameFeatureDataset(store)[row] for row in range(5))
    assert list(batch["errors"]) == [4]
    assert batch["frame_embeds"].shape == (4, 5, 10)


def test_missing_file_is_listed(rows, processor, make_model, cache, files) -> None:
    """A file that was moved away is one bad clip."""
    files[1].rename(files[1].with_name("elsewhere.mp4"))
    store = frame_features(rows, make_model(), processor, cache)
    assert "No such file" in store.errors[1]


def test_nothing_readable_is_an_error(rows, processor, make_model, cache) -> None:
    """An empty store would train on nothing."""
    with pytest.raises(ValueError, match=r"At least one clip must be readable, got 1 that are not: .*broken\.mp4"):
        frame_features(rows.select([4]), make_model(), processor, cache)


def test_each_clip_is_embedded_once_for_all_folds_heads_and_windows(rows, processor, make_model, cache, count) -> None:
    """Five folds, other temporal parts and other lengths of the window share the work of one."""
    frame_features(rows.select([0, 1, 2]), make_model(), processor, cache)
    other = make_model()
    other.temporal.cls_token.data.add_(1)
    processor.num_frames = 4
    store = frame_features(rows.select([3, 1, 0]), other, processor, cache)
    assert len(count) == 4
    assert store.window(2)["frame_embeds"].shape == (4, 10)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("change", ["weights", "size", "stride", "views", "dtype", "code"])
def test_other_weights_transform_or_code_have_a_store_of_their_own(
    rows, processor, make_model, cache, change, monkeypatch
) -> None:
    """Embeddings of another model would train without an error, and wrongly."""
    frame_features(rows, make_model(), processor, cache)
    model, more = make_model(seed=int(change == "weights")), {}
    if change == "size":
        processor.size = {"shortest_edge": 24}
    if change == "stride":
        processor.frame_stride = 2
    if change == "views":
        more["views"] = FrameViews(2, horizontal_flip=True)
    if change == "dtype":
        more["dtype"] = torch.bfloat16
    if change == "code":
        monkeypatch.setattr("emoclip.features.identity.code_fingerprint", lambda: "other")
    frame_features(rows, model, processor, cache, **more)
    assert len(list(cache.iterdir())) == 2


def test_changed_clip_is_embedded_again(rows, processor, make_model, cache, files, count) -> None:
    """A file that was repaired or cropped anew in its place has other frames."""
    first = frame_features(rows.select([0, 1]), make_model(), processor, cache)
    shutil.copy(files[0], files[1])
    os.utime(files[1], (1, 1))
    second = frame_features(rows.select([0, 1]), make_model(), processor, cache)
    assert len(count) == 3
    assert torch.equal(second.frame_embeds(0), first.frame_embeds(0))
    torch.testing.assert_close(second.frame_embeds(1), first.frame_embeds(0))


def test_half_precision_is_stored_on_request(rows, processor, make_model, cache) -> None:
    """A large set takes half the disk."""
    full = frame_features(rows, make_model(), processor, cache)
    half = frame_features(rows, make_model(), processor, cache, storage="float16")
    assert half.frame_embeds(0).dtype == torch.float32
    assert not torch.equal(half.frame_embeds(0), full.frame_embeds(0))
    torch.testing.assert_close(half.frame_embeds(0), full.frame_embeds(0), rtol=1e-3, atol=1e-3)


def test_training_mode_is_given_back(rows, processor, make_model, cache) -> None:
    """Dropout of the rest of the model would stay off for the whole run."""
    model = make_model().train()
    frame_features(rows, model, processor, cache)
    assert model.training


def test_damaged_part_is_named(rows, processor, make_model, cache) -> None:
    """A disk that lost a block must not show as a traceback of Arrow."""
    frame_features(rows, make_model(), processor, cache)
    part = next(cache.glob("*/*.arrow"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{part.name} is damaged .* delete it"):
        frame_features(rows, make_model(), processor, cache)


SCRIPT = """
import sys, time
import datasets, torch
torch.set_num_threads(1)
from emoclip.features import frame_features
from emoclip.features.tower import FrameTower
from modeling_emoclip import EmoCLIPModel, EmoCLIPVideoProcessor

real, (folder, cache, hang_after) = FrameTower.embed, sys.argv[1:4]
calls = []

def embed(self, pieces, clip):
    calls.append(clip)
    # Long enough that others get their turn; for ever where the process is to be killed.
    time.sleep(3600 if len(calls) > int(hang_after) else 0.02)
    return real(self, pieces, clip)

FrameTower.embed = embed
rows = datasets.Dataset.from_dict({"file": sys.argv[4:], "media": ["video"] * len(sys.argv[4:])})
frame_features(rows, EmoCLIPModel.from_pretrained(folder), EmoCLIPVideoProcessor.from_pretrained(folder), cache)
"""


@pytest.fixture
def many(make_clip, tmp_path) -> datasets.Dataset:
    """Thirty different clips."""
    source = make_clip(9).read_bytes()
    files = [tmp_path / f"{number}.mp4" for number in range(30)]
    for path in files:
        path.write_bytes(source)
    return datasets.Dataset.from_dict({"file": [str(path) for path in files], "media": ["video"] * 30})


@pytest.fixture
def start(many, make_model, processor, tmp_path, cache):
    """Returns a function that starts a process that embeds the clips and hangs after some."""
    folder = tmp_path / "model"
    make_model().save_pretrained(folder)
    processor.save_pretrained(folder)

    def run(hang_after: int = 1000) -> subprocess.Popen:
        arguments = [str(folder), str(cache), str(hang_after), *many["file"]]
        return subprocess.Popen([sys.executable, "-P", "-c", SCRIPT, *arguments])

    return run


def _keys(cache: Path) -> list[bytes]:
    parts = PartFiles.of(next(path for path in cache.iterdir() if path.is_dir()))
    return [key for part in range(len(parts.paths)) for key in parts._keys(part).tolist()]


def test_callers_at_the_same_time_share_the_work(many, processor, make_model, cache, count) -> None:
    """Every process of a run asks for the same rows at the same time; locks tell threads apart as they do processes."""
    model = make_model()
    with ThreadPoolExecutor(3) as pool:
        stores = list(pool.map(lambda _: frame_features(many, model, processor, cache), range(3)))
    assert len(count) == len(set(count)) == 30
    assert all(torch.equal(stores[0].frame_embeds(7), store.frame_embeds(7)) for store in stores)


@pytest.mark.slow
def test_processes_share_the_work_without_overlap_or_loss(start, cache) -> None:
    """The same with real processes."""
    jobs = [start(), start()]
    assert [job.wait(timeout=900) for job in jobs] == [0, 0]
    keys = _keys(cache)
    assert len(keys) == len(set(keys)) == 30


def test_killed_work_goes_on_where_it_was(many, processor, make_model, start, cache, count) -> None:
    """A night of embedding must not begin anew, and half a file must not count."""
    job = start(hang_after=4)
    deadline = time.monotonic() + 900
    while not list(cache.glob("*/*.arrow")) and job.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    job.kill()
    job.wait()
    done = len(_keys(cache))
    store = frame_features(many, make_model(), processor, cache)
    assert 0 < done <= 4
    assert len(count) == 30 - done
    assert not store.errors
