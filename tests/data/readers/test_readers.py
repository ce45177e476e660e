# SPDX-License-Identifier: Apache-2.0
"""Every data set on a miniature of its official download: what the reader makes of it, quirks above all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from sklearn.linear_model import Ridge

from emoclip.data import load
from emoclip.data.counts import size_of
from emoclip.data.manifest import Manifest, read_manifest
from emoclip.data.prepare import prepare
from emoclip.data.readers import READERS, get_reader
from emoclip.data.readers.reader import WHOLE
from emoclip.data.selection import TASKS
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.target_predictions import TargetTable
from emoclip.evaluation.zero_shot import predict
from emoclip.metrics import ccc, mean_average_precision, top_k_accuracy, uar
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


# Trees of the same data set in another form.
VARIANTS = [
    ("afew", "afew_faces", "single"),
    ("affectnet", "affectnet_full", "8"),
    ("ferplus", "ferplus_pixels", "majority"),
    ("bold", "bold_frames", "categories"),
    ("emotic", "emotic_mat", "categories"),
]
TREES = [(name, name, task) for name, reader in READERS.items() for task in reader.tasks] + VARIANTS
# What the annotations of a set are judged by; of the others by the class alone.
SEVERAL, NUMBERS = {"map", "hits"}, {"ccc"}
KINDS: dict[object, set[str]] = {
    **dict.fromkeys(("bold", "emotic", "moviegraphs"), SEVERAL),
    **dict.fromkeys(("liris_accede", "ness"), NUMBERS),
    **{name: {"uar", *SEVERAL} for name in ("mafw", ("rafdb", "basic"))},
}
# What is broken in the download itself.
BROKEN = {"meld": {"train/dia125_utt3"}}


@pytest.fixture(scope="module")
def tiny_system(tiny_model_folder: Path) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
    return EmoCLIPModel.from_pretrained(tiny_model_folder), EmoCLIPProcessor.from_pretrained(tiny_model_folder)


@pytest.mark.parametrize(("name", "tree", "task"), TREES)
def test_from_download_to_scores(
    name: str,
    tree: str,
    task: str,
    miniature: Callable,
    tmp_path: Path,
    tiny_system: tuple[EmoCLIPModel, EmoCLIPProcessor],
) -> None:
    """The whole way that every data set goes: reader, manifest, loader, pixels, one step of evaluation."""
    output = tmp_path / "out" / f"{name}.parquet"
    # The miniature's counts are not the official ones.
    prepared = prepare(name, miniature(tree), output, task=task, allow_missing=True)
    manifest = read_manifest(output)
    assert manifest.table.num_rows == sum(
        size_of(numbers) for group, numbers in prepared.counts.items() if not group.startswith("fold")
    )
    assert manifest.dataset == f"{name}/{task}"
    rows = load(output)
    scores, clips = predict(*tiny_system, rows, [text.replace("_", " ") for text in manifest.class_names])
    assert {rows["clip_id"][row] for row in clips.errors} == BROKEN.get(name, set())
    assert len(clips.rows) + len(clips.errors) == len(rows)
    assert scores.shape == (len(clips.rows), len(manifest.class_names))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    results = judge(manifest, rows.select(clips.rows), scores, clips.values.numpy())
    assert set(results) == KINDS.get((name, task), KINDS.get(name, {"uar"}))
    assert all(np.isfinite(list(results.values())))


def judge(manifest: Manifest, rows: Dataset, scores: np.ndarray, embeds: np.ndarray) -> dict[str, float]:
    """What each kind of annotation is judged by: one class by UAR, several by mAP and hits, numbers by a ridge and CCC."""
    names = manifest.class_names
    facts = {"model": "tiny", "revision": "0", "manifest_sha256": "0", "class_names": names}
    results = {}
    for kind in TASKS:
        chosen = [number for number, row in enumerate(rows) if row.get(TASKS[kind]) not in (None, [])]
        if kind == "captions" or not chosen:
            continue
        ids = [rows["clip_id"][number] for number in chosen]
        given = [rows[TASKS[kind]][number] for number in chosen]
        if kind == "classification":
            table = PredictionTable(ids, given, scores[chosen], prompt_set="names", **facts)
            results["uar"] = uar(table.references, table.predictions)
        elif kind == "multi_label":
            truth = np.array([[float(label in labels) for label in range(len(names))] for labels in given])
            several = TargetTable(kind, ids, truth, scores[chosen], prompt_set="names", **facts)
            results["map"] = mean_average_precision(several.references, several.scores)
            results["hits"] = top_k_accuracy(several.references, several.scores, k=1)
        else:
            numbers = np.array(given)
            fitted = Ridge().fit(embeds[chosen], numbers).predict(embeds[chosen])
            regressed = TargetTable(kind, ids, numbers, fitted, prompt_set="ridge", **facts)
            results["ccc"] = ccc(regressed.references, regressed.scores)
    return results


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
        ("meld", "sentiment", {"train": 9989, "dev": 1109, "test": 2610}),
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


@pytest.mark.parametrize(
    ("name", "task", "groups", "sums"),
    [
        ("mafw", "single", ("fold",), [1390, 639, 625, 1242, 1138, 1470, 1072, 236, 916, 262, 182]),
        ("dfew", "single", ("fold",), [2445, 1894, 2669, 2173, 1469, 145, 902]),
        ("ferv39k", "single", ("train", "test"), [7327, 6916, 9748, 7393, 3140, 2300, 2111]),
    ],
)
def test_official_counts_add_up_class_by_class(name: str, task: str, groups: tuple[str, ...], sums: list[int]) -> None:
    """Two slips in one fold can cancel in its sum; the sums of the classes over all folds were published too."""
    reader = READERS[name]
    chosen = [numbers for group, numbers in reader.counts[task].items() if group.startswith(groups)]
    assert [sum(numbers[one] for numbers in chosen) for one in reader.tasks[task]] == sums


SOURCE_ORDER = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear", "contempt")


@pytest.mark.parametrize(
    ("name", "task", "split", "numbers"),
    [
        ("rafdb", "basic", "test", [1185, 478, 680, 162, 329, 160, 74]),
        ("affectnet", "7", "validation", [500, 500, 500, 500, 499, 500, 500]),
        ("affectnet", "8", "validation", [500, 500, 500, 500, 499, 500, 500, 500]),
        ("ferplus", "majority", "test", [892, 382, 1083, 269, 394, 16, 86, 15]),
        ("afew", "single", "validation", [62, 61, 64, 63, 45, 40, 46]),
    ],
)
def test_test_sets_are_those_that_the_published_results_were_made_on(
    name: str, task: str, split: str, numbers: list[int]
) -> None:
    """Recovered class by class from Exp-CLIP's confusion matrices, in the order of its code."""
    counts = READERS[name].counts[task][split]
    assert [counts[one] for one in SOURCE_ORDER if one in counts] == numbers


def test_sets_that_share_clips_say_so_whichever_is_judged_on() -> None:
    """Evaluation shows the notes of the set it judges on, which is DFEW or AFEW where the model has seen MAFW."""
    for name, words in {"mafw": ["1,097", "98"], "dfew": ["1,097", "MAFW"], "afew": ["98", "MAFW"]}.items():
        notes = " ".join(READERS[name].notes)
        assert all(word in notes for word in words), name


def test_documentation_has_the_command_of_every_task() -> None:
    """A data set that is not in the table is found by nobody; a number that was corrected in one place is wrong in the other."""
    table = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    for name, reader in READERS.items():
        for place, task in enumerate(reader.tasks):
            flag = f"--dataset {name}" + (f" --task {task}" if place else "")
            assert f"`{flag}" in table, flag
        for task, counts in reader.counts.items():
            known = {group: [number for number in numbers.values() if number] for group, numbers in counts.items()}
            fixed = {group: sum(numbers) for group, numbers in known.items() if numbers and WHOLE not in counts}
            for group, number in fixed.items():
                assert group.startswith("fold") or name in ("ravdess",) or f"{number:,}" in table, (name, task, group)
