# SPDX-License-Identifier: Apache-2.0
"""Rows of a manifest that are mapped from a copy in the cache of `datasets`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data import load, mapped_rows


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of `datasets`."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache" / "emoclip_manifests"


def test_media_lie_beside_a_manifest_that_is_a_link(cache: Path, make_manifest: Callable, tmp_path: Path) -> None:
    """The Hub's cache keeps files elsewhere and links to them from the folder of the data set."""
    manifest = make_manifest(kinds=("image",))
    blob = tmp_path / "blobs" / "abc"
    blob.parent.mkdir()
    manifest.rename(blob)
    manifest.symlink_to(blob)
    assert all(Path(file).is_file() for file in load(manifest)["file"])


def test_a_rewritten_manifest_is_read_anew(cache: Path, make_manifest: Callable) -> None:
    """Rows of yesterday under the name of today."""
    manifest = make_manifest(kinds=("image",))
    before = load(manifest)["clip_id"][:]
    make_manifest(kinds=("image", "video")).replace(manifest)
    assert len(load(manifest)) == 2 * len(before)


def test_machines_that_share_a_cache_leave_each_other_alone(
    cache: Path, make_manifest: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process numbers say nothing of another machine: its half copy is neither removed nor written into."""
    manifest = make_manifest(kinds=("image",))
    real, seen = mapped_rows._pieces, []

    def meanwhile(path: Path):
        if not seen:
            seen.append(True)
            monkeypatch.setattr("emoclip.data.output._is_running", lambda process: False)
            assert len(load(manifest)) == 1  # the other machine, from beginning to end
        yield from real(path)

    monkeypatch.setattr(mapped_rows, "_pieces", meanwhile)
    assert load(manifest)["clip_id"][:] == load(manifest)["clip_id"][:]
    assert [path.suffix for path in cache.iterdir()] == [".arrow"]


def test_a_cache_without_room_is_named(cache: Path, make_manifest: Callable, tmp_path: Path) -> None:
    """The disk that is full is not the one of the manifest."""
    cache.parent.write_text("a file where a folder must be")
    with pytest.raises(OSError, match=r"HF_DATASETS_CACHE, must be writable and have room .* got .*emoclip_manifests"):
        load(make_manifest(kinds=("image",)))
