# SPDX-License-Identifier: Apache-2.0
import contextlib
import logging
import os
import shutil
import signal

import pytest
import torch

from emoclip.data import load
from emoclip.evaluation import clip_features
from emoclip.evaluation.clip_features import PassOptions, encode_features, repeated_stills
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.kept_features import KeptFeatures
from emoclip.evaluation.systems import load_system


OPTIONS = PassOptions(batch_size=2)


@pytest.fixture(scope="module")
def encoders(tiny_model_folder):
    """Two systems on one tower, and one on another."""
    specs = [
        SystemConfig("cls"),
        SystemConfig("mean", pooling="mean"),
        SystemConfig("untrained", untrained=True, seed=4),
    ]
    return {spec.name: load_system(spec, str(tiny_model_folder)).encoder for spec in specs}


@pytest.fixture(scope="module")
def rows(manifest):
    return load(manifest, "test")


@pytest.fixture
def decoded(monkeypatch):
    """Files in the order in which they are decoded."""
    files = []
    original = clip_features.ClipDataset.__getitem__

    def counted(self, index):
        files.append(index)
        return original(self, index)

    monkeypatch.setattr(clip_features.ClipDataset, "__getitem__", counted)
    return files


def test_every_clip_is_decoded_once_for_all_systems(encoders, rows, decoded):
    """Decoding takes most of the time of a small model; each system must still get its own features."""
    together = encode_features(encoders, rows, range(5), options=OPTIONS)
    assert decoded == [0, 1, 2, 3, 4]
    for name, encoder in encoders.items():
        alone = encode_features({name: encoder}, rows, range(5), options=PassOptions(batch_size=3))[name]
        torch.testing.assert_close(together[name].values, alone.values, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together["cls"].values, together["mean"].values)
    assert not torch.allclose(together["cls"].values, together["untrained"].values)


def test_towers_of_one_kind_run_once(encoders, rows, monkeypatch):
    """Ablations of pooling share their frames; the untrained tower has its own."""
    calls = []
    for name, encoder in encoders.items():
        original = encoder.embed_frames
        monkeypatch.setattr(encoder, "embed_frames", lambda b, n=name, o=original: (calls.append(n), o(b))[1])
    encode_features(encoders, rows, range(5), options=PassOptions(batch_size=5))
    assert calls == ["cls", "untrained"]


def test_features_agree_with_the_model(encoders, rows):
    """Going through frames must give what the model gives for pixels."""
    encoder = encoders["cls"]
    found = encode_features({"m": encoder}, rows, [3, 1], options=OPTIONS)["m"]
    pixels = encoder.processor(videos=[rows[3]["file"], rows[1]["file"]])
    with torch.inference_mode():
        expected = encoder.model.get_video_features(**pixels).pooler_output
    assert found.rows == [3, 1]
    torch.testing.assert_close(found.values, expected, rtol=1e-4, atol=1e-5)


def test_stopped_run_goes_on(encoders, rows, decoded, tmp_path, monkeypatch):
    """A kill after hours must cost one chunk, not the hours."""
    monkeypatch.setattr(clip_features, "CHUNK_SIZE", 2)
    seen = []

    class Killed(KeptFeatures):
        def put(self, *arguments):
            if len(seen) == 6:
                raise KeyboardInterrupt
            seen.append(arguments)
            super().put(*arguments)

    with pytest.raises(KeyboardInterrupt):
        encode_features(encoders, rows, range(5), kept=Killed(tmp_path), options=OPTIONS)
    decoded.clear()
    found = encode_features(encoders, rows, range(5), kept=KeptFeatures(tmp_path), options=OPTIONS)
    assert decoded == [4]
    plain = encode_features(encoders, rows, range(5), options=OPTIONS)
    for name in encoders:
        torch.testing.assert_close(found[name].values, plain[name].values)


def test_new_system_and_changed_clip_are_computed(encoders, write_clips, decoded, tmp_path):
    """What is kept must never stand for another model or another file."""
    path = write_clips()
    one = {"cls": encoders["cls"]}
    encode_features(one, load(path, "test"), range(5), kept=KeptFeatures(tmp_path), options=OPTIONS)
    decoded.clear()
    encode_features(encoders, load(path, "test"), range(5), kept=KeptFeatures(tmp_path), options=OPTIONS)
    assert decoded == [0, 1, 2, 3, 4]
    decoded.clear()
    shutil.copy(path.parent / "c0.mp4", path.parent / "c1.mp4")
    found = encode_features(one, load(path, "test"), range(5), kept=KeptFeatures(tmp_path), options=OPTIONS)["cls"]
    assert decoded == [0, 1, 2, 3, 4]
    torch.testing.assert_close(found.values[0], found.values[1])


def test_broken_clip_is_reported_and_left_out(encoders, write_clips, caplog, tmp_path):
    """One bad file must not cost the hours before it, must be told again after a restart, and is mended by mending the file."""
    path = write_clips(broken=["c0", "c1", "c3"])
    one, kept = {"cls": encoders["cls"]}, KeptFeatures(tmp_path)
    with caplog.at_level(logging.WARNING):
        found = encode_features(one, load(path, "test"), range(5), kept=kept, options=OPTIONS)["cls"]
    assert found.rows == [2, 4]
    assert set(found.errors) == {0, 1, 3}
    assert "c3.mp4" in found.errors[3]
    assert caplog.text.count("clip left out") == 3
    again = encode_features(one, load(path, "test"), range(5), kept=kept, options=OPTIONS)["cls"]
    assert again.errors == found.errors
    shutil.copy(path.parent / "c2.mp4", path.parent / "c0.mp4")
    mended = encode_features(one, load(path, "test"), range(5), kept=kept, options=OPTIONS)["cls"]
    assert mended.rows == [0, 2, 4]


def test_nothing_readable_is_an_error(encoders, write_clips):
    """A report about no clip is no report."""
    rows = load(write_clips(broken=[f"c{number}" for number in range(5)]), "test")
    with pytest.raises(ValueError, match=r"At least one clip must be readable, got 5 that are not: .*c0.mp4"):
        encode_features({"cls": encoders["cls"]}, rows, range(5), options=OPTIONS)


def test_workers_keep_the_order(encoders, rows):
    """Features must stand beside the clip they belong to."""
    one = {"cls": encoders["cls"]}
    workers = encode_features(one, rows, range(5), options=PassOptions(batch_size=2, num_workers=2))["cls"]
    assert workers.rows == [0, 1, 2, 3, 4]
    alone = encode_features(one, rows, range(5), options=OPTIONS)["cls"]
    torch.testing.assert_close(workers.values, alone.values)


def test_a_dead_worker_is_named_with_its_clip(encoders, rows, monkeypatch):
    """`DataLoader worker (pid 4711) is killed by signal` leaves the user with ten thousand clips to try."""
    original = clip_features.ClipDataset.__getitem__

    def deadly(self, index):
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, index)

    monkeypatch.setattr(clip_features.ClipDataset, "__getitem__", deadly)
    with pytest.raises(ChildProcessError, match=rf"died at the clip {rows['clip_id'][3]}\. If memory ran out"):
        encode_features(encoders, rows, range(5), options=PassOptions(batch_size=2, num_workers=2))


def test_processes_share_the_clips_without_overlap(encoders, rows, decoded, tmp_path, monkeypatch):
    """Padding of samplers makes some clips count twice; here each is encoded by one process and counted once."""
    monkeypatch.setattr(clip_features, "CHUNK_SIZE", 2)
    monkeypatch.setattr(clip_features, "wait_for_all", lambda: None)
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    one, shares = {"cls": encoders["cls"]}, []
    for rank in ("1", "0"):
        monkeypatch.setitem(os.environ, "RANK", rank)
        decoded.clear()
        # The first finds the other's share still missing, for nobody waited.
        with contextlib.suppress(FileNotFoundError):
            found = encode_features(one, rows, range(5), kept=KeptFeatures(tmp_path), options=OPTIONS)["cls"]
        shares.append(list(decoded))
    assert shares == [[2, 3], [0, 1, 4]]
    assert found.rows == [0, 1, 2, 3, 4]


def test_processes_need_a_common_folder(encoders, rows, monkeypatch):
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="Several processes need a folder for their features"):
        encode_features({"cls": encoders["cls"]}, rows, range(5))


def test_stills_are_repeated_before_pooling():
    """EmotionCLIP shows a picture eight times; a video must stay as it is."""
    frames = torch.arange(12, dtype=torch.float32).view(2, 3, 2)
    mask = torch.tensor([[True, False, False], [True, True, False]])
    embeds, valid = repeated_stills(frames, mask, 4)
    torch.testing.assert_close(embeds[0], frames[0, :1].expand(4, 2))
    torch.testing.assert_close(embeds[1, :3], frames[1])
    assert valid.tolist() == [[True] * 4, [True, True, False, False]]
    assert repeated_stills(frames, mask, 1)[0] is frames
