# SPDX-License-Identifier: Apache-2.0
"""Every data set on a miniature of its official download: what the reader makes of it, quirks above all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoclip.data import load
from emoclip.data.manifest import read_manifest
from emoclip.data.prepare import prepare
from emoclip.data.readers import READERS, get_reader
from emoclip.evaluation.zero_shot import predict
from emoclip.metrics import war
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


def rows_of(name: str, root: Path, task: str | None = None) -> dict[str, dict]:
    reader = get_reader(name, root)
    return {row["clip_id"]: row for row in reader.rows(root, reader.task_or_default(task))}


def labels_of(name: str, root: Path, task: str | None = None) -> dict[str, str]:
    reader = get_reader(name, root)
    names = reader.tasks[reader.task_or_default(task)]
    return {clip: names[row["label"]] for clip, row in rows_of(name, root, task).items()}


@pytest.fixture(scope="module")
def tiny_system(tiny_model_folder: Path) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
    return EmoCLIPModel.from_pretrained(tiny_model_folder), EmoCLIPProcessor.from_pretrained(tiny_model_folder)


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, reader in READERS.items() for task in reader.tasks])
def test_from_download_to_scores(
    name: str, task: str, miniature: Callable, tmp_path: Path, tiny_system: tuple[EmoCLIPModel, EmoCLIPProcessor]
) -> None:
    """The whole way that every data set goes: reader, manifest, loader, pixels, one step of evaluation."""
    output = tmp_path / "out" / f"{name}.parquet"
    # The miniature's counts are not the official ones.
    prepared = prepare(name, miniature(name), output, task=task, allow_missing=True)
    manifest = read_manifest(output)
    assert manifest.table.num_rows == sum(
        sum(numbers.values()) for group, numbers in prepared.counts.items() if not group.startswith("fold")
    )
    assert manifest.dataset == f"{name}/{task}"
    rows = load(output)
    scores, clips = predict(*tiny_system, rows, [text.replace("_", " ") for text in manifest.class_names])
    assert not clips.errors and sorted(clips.rows) == list(range(len(rows)))
    assert scores.shape == (len(rows), len(manifest.class_names))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    labelled = [place for place, label in enumerate(rows["label"]) if label is not None]
    if labelled:
        references = [rows["label"][place] for place in labelled]
        assert 0 <= war(references, scores.argmax(axis=1)[labelled].tolist()) <= 1


def test_every_reader_says_what_a_user_must_know() -> None:
    """Licence and way of access decide whether somebody may begin at all."""
    for name, reader in READERS.items():
        assert reader.name == name
        assert reader.title and reader.licence and reader.access and reader.source
        for task, counts in reader.counts.items():
            for group, numbers in counts.items():
                assert set(numbers) <= {*reader.tasks[task], ""}, (name, group)
    with pytest.raises(ValueError, match=r"must be one of mafw, .* got 'imagenet'"):
        get_reader("imagenet", Path())


@pytest.mark.parametrize(
    ("name", "task", "totals"),
    [
        ("mafw", "single", {"fold 1": 1839, "fold 2": 1837, "fold 3": 1833, "fold 4": 1832, "fold 5": 1831}),
        ("dfew", "single", {"fold 1": 2341, "fold 2": 2341, "fold 3": 2340, "fold 4": 2339, "fold 5": 2336}),
        ("ferv39k", "single", {"train": 31088, "test": 7847}),
        ("afew", "single", {"train": 773, "validation": 381}),
        ("rafdb", "basic", {"train": 12271, "test": 3068}),
        ("affectnet", "8", {"train": 287651, "validation": 3999}),
        ("affectnet", "7", {"train": 283901, "validation": 3499}),
        ("ferplus", "majority", {"train": 25045, "validation": 3191, "test": 3137}),
        ("meld", "emotion", {"train": 9989, "dev": 1109, "test": 2610}),
        ("ravdess", "speech", {"train": 1200, "test": 240}),
    ],
)
def test_official_counts_add_up(name: str, task: str, totals: dict[str, int]) -> None:
    """A slip in a histogram would refuse every right copy."""
    counts = READERS[name].counts[task]
    assert {group: sum(numbers.values()) for group, numbers in counts.items()} == totals
