# SPDX-License-Identifier: Apache-2.0
"""The data set card: what the clips are, whose they are, how many of what, how to load them, what they must not be used for."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from huggingface_hub import DatasetCardData

from .counts import count_rows, size_of
from .manifest import Manifest
from .permission import Origin
from .readers.reader import TOTAL
from .uploads import Configurations


TAGS = ["emoclip", "facial-expression-recognition", "affective-computing"]
SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)

# Columns that decide where a clip counts.
COUNTED = ("label", "labels", "targets", "split", "test_fold")
COLUMNS = {
    "video": "the clip, bytes of a file",
    "image": "the still, bytes of a file",
    "frames": "the clip as a list of stills",
    "clip_id": "unique in the data set",
    "media": "`video`, `frames` or `image`",
    "num_frames": "of the clip",
    "fps": "frames a second",
    "label": "class; none where there is no single one",
    "labels": "all classes of a compound label",
    "captions": "what the face does, in words",
    "subject_id": "who is seen, as a number or name within this set",
    "test_fold": "fold of cross-validation, from 1",
    "boxes": "face box of each frame: x1, y1, x2, y2 in pixels",
    "source_boxes": "of a face crop: its box of each frame in the clip that was cropped",
    "sha256": "of the media file, to compare your copy with",
}

LOAD = """\
## How to load

```python
from datasets import load_dataset

rows = load_dataset("{repo}"{name}, split="{split}")
```
"""
UNDECODED = """
Videos and pictures come decoded. `rows.cast_column("{column}", datasets.{feature}(decode=False))` gives files and bytes instead.
"""
PREPARE = """
`emoclip data prepare --dataset hub --root {repo} --output {stem}.parquet` unpacks them and writes the manifest that `train.py` and
`evaluate.py` read.
"""
JOIN = """
Join by `clip_id` with the manifest that `emoclip data prepare --dataset {reader} --root DIR --output FILE` makes of your own copy.
"""

RESPONSIBLE_USE = """\
## Responsible use

Labels and captions describe the **apparent expression** of a face as somebody saw it, posed or not; they do not say how a person
felt. Raters disagree, and expressions are read differently across cultures. Before you use a model trained on these clips, look at
how it errs by age, gender and skin colour.

Not for decisions about people: not for workplaces, schools and universities, hiring, policing, border control, credit, insurance,
lie detection or medical diagnosis. In the European Union, inferring emotions at work and in education is prohibited (AI Act,
Article 5(1)(f), medical and safety reasons excepted). Do not try to find out who is seen. Whoever is seen here and objects should
be heard: delete the clip, and tell those who have copies.
"""


def dataset_card(
    manifest: Manifest,
    origin: Origin,
    *,
    repo: str | None = None,
    configurations: Configurations | None = None,
    columns: list[str] | None = None,
) -> str:
    """Return the text of a data set's card, YAML header first.

    Args:
        manifest: For the counts and notes.
        origin: The data set; its `publication` says what is included.
        repo: `user/name` on the Hub; `None` for a card that goes nowhere yet.
        configurations: What can be loaded from there; empty or `None` if nothing is published.
        columns: Columns that are published.
    """
    title = repo.partition("/")[2] if repo and origin.publication.own else origin.title
    parts = [
        f"---\n{_header(manifest, origin, title, configurations or {}).to_yaml()}\n---\n",
        f"# {title}\n",
        _what(manifest, origin, bool(configurations)),
        f"## Clips\n\n{_count_table(manifest)}\n",
    ]
    if columns:
        parts.append(f"## Columns\n\n{_column_table(columns)}\n")
    if repo and configurations:
        parts.append(_how_to_load(manifest, origin, repo, configurations, columns or []))
    if manifest.notes:
        parts.append("## Notes\n\n" + "".join(f"- {note}\n" for note in manifest.notes))
    return "\n".join([*parts, RESPONSIBLE_USE])


def _header(manifest: Manifest, origin: Origin, title: str, configurations: Configurations) -> DatasetCardData:
    number = manifest.table.num_rows
    only_stills = manifest.table["media"].unique().to_pylist() == ["image"]
    listed = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
        for name, splits in configurations.items()
    ]
    more: dict[str, Any] = {"configs": listed} if listed else {}
    return DatasetCardData(
        license=origin.publication.licence,
        task_categories=["image-classification" if only_stills else "video-classification"],
        tags=TAGS,
        pretty_name=title,
        size_categories=next((name for limit, name in SIZES if number < limit), "n>10M"),
        **more,
    )


def _what(manifest: Manifest, origin: Origin, published: bool) -> str:
    publication = origin.publication
    names = manifest.class_names
    classes = f" in {len(names)} classes" if names else ""
    if names and _has_numbers(manifest):
        classes = f" with {len(names)} numbers each ({', '.join(names)})"
    what = f"{manifest.table.num_rows:,} clips of apparent facial expression{classes}, `{manifest.dataset}`.\n"
    if publication.own:
        return f"{what}\nPublished by their owner under `{publication.licence}`.\n"
    included = {
        "media": "Included: media and annotations.",
        "annotations": "Included: ids, labels and splits. **Not included: the media**, and texts that belong to them.",
        "nothing": "**Not included: media and annotations.** This card describes a copy that its owner got from the authors.",
    }["nothing" if not published else publication.what]
    return (
        f"{what}\n{included} The reason: {publication.reason}.\n\n## Licence and originals\n\n"
        f"Terms of the data set: {origin.licence}. Source: {manifest.source}.\n\nHow to ask for the originals: {origin.access}\n\n"
        "Not made by whoever published this repository; cite the authors of the data set.\n"
    )


def _has_numbers(manifest: Manifest) -> bool:
    table = manifest.table
    return "targets" in table.column_names and table["targets"].null_count < table.num_rows


def _count_table(manifest: Manifest) -> str:
    """Classes down, splits and folds across."""
    looked_at = [name for name in COUNTED if name in manifest.table.column_names]
    rows = manifest.table.select(looked_at).to_pylist()
    counts = count_rows(rows, manifest.class_names)
    names = list(dict.fromkeys(name for group in counts.values() for name in group if name != TOTAL))
    lines = [f"| class | {' | '.join(counts)} |", "|---|" + "---:|" * len(counts)]
    for name in names:
        lines.append(f"| {_cell(name)} | {' | '.join(f'{group.get(name, 0):,}' for group in counts.values())} |")
    lines.append(f"| **all** | {' | '.join(f'{size_of(group):,}' for group in counts.values())} |")
    if names and any(TOTAL in group for group in counts.values()):
        lines.append("\nA clip with several classes counts in each of them, and once in all.")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _column_table(columns: list[str]) -> str:
    lines = [f"| `{name}` | {COLUMNS.get(name, 'of this data set')} |" for name in columns]
    return "\n".join(["| column | meaning |", "|---|---|", *lines])


def _how_to_load(
    manifest: Manifest, origin: Origin, repo: str, configurations: Configurations, columns: list[str]
) -> str:
    name = next(iter(configurations))
    splits = configurations[name]
    split = "train" if "train" in splits else next(iter(splits))
    named = "" if name == "default" else f', "{name}"'
    text = LOAD.format(repo=repo, name=named, split=split)
    if origin.publication.what == "annotations":
        return text + JOIN.format(reader=manifest.dataset.partition("/")[0])
    column = next((column for column in ("video", "image", "frames") if column in columns), None)
    if column in ("video", "image"):
        text += UNDECODED.format(column=column, feature=column.capitalize())
    return text + PREPARE.format(repo=repo, stem=repo.partition("/")[2])


def column_names(table: pa.Table, media_column: bool) -> list[str]:
    """Return the published columns: the medium first, without those that are empty or say where a file lay."""
    hidden = {"path", "split", *(("media",) if media_column else ())}
    kept = [name for name in table.column_names if name not in hidden and table[name].null_count < table.num_rows]
    kinds = sorted(table["media"].unique().to_pylist()) if media_column else []
    return [*kinds, *kept]


__all__ = ["column_names", "dataset_card"]
