# SPDX-License-Identifier: Apache-2.0
"""Embeddings beside the predictions, from which a report draws its clouds of points.

    embeddings/SYSTEM.parquet         one row a clip: `clip_id`, `reference` (position in `class_names`, -1 for none),
                                      `video_embeds` (list of float32)
    embeddings/SYSTEM.texts.parquet   one row a text: `text`, `class_name` (what it stands for), `text_embeds`

The schema's metadata hold `class_names` (JSON list), `system`, `model`, `revision` and `manifest_sha256`, as in a prediction table.
Both files are optional for a report. Of two systems the report draws both, so before and after a training are two systems.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.output import replacing
from emoclip.evaluation.predictions import (
    check_clip_ids,
    check_finite,
    class_names_of,
    float_lists,
    integer_column,
    score_matrix,
    text_column,
)


FOLDER = "embeddings"
_TEXTS = ".texts.parquet"


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings of clips, and of the texts they were compared with, by one system.

    Args:
        clip_ids: One per row, none twice.
        references: Class of each clip as its position in `class_names`, -1 for none.
        video_embeds: float32 (clips, D), of any length.
        class_names: The classes.
        system: Short name; the file's name.
        model: Folder or Hub id.
        revision: What fixes the weights.
        manifest_sha256: Checksum of the manifest.
        texts: What stood for classes, maybe several of one class.
        text_classes: Class of each text.
        text_embeds: float32 (texts, D).

    Raises:
        ValueError: If sizes differ, a clip id occurs twice, or a number is not finite.
    """

    clip_ids: Sequence[str]
    references: Sequence[int]
    video_embeds: np.ndarray
    class_names: Sequence[str]
    system: str
    model: str
    revision: str
    manifest_sha256: str
    texts: Sequence[str] = ()
    text_classes: Sequence[str] = ()
    text_embeds: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __post_init__(self) -> None:
        check_clip_ids(self.clip_ids)
        if len(self.references) != len(self.clip_ids) or np.shape(self.video_embeds)[:1] != (len(self.clip_ids),):
            raise ValueError(
                f"`references` and `video_embeds` must have one row for each of {len(self.clip_ids)} clips, got "
                f"{len(self.references)} and {np.shape(self.video_embeds)}."
            )
        check_finite(self.video_embeds, self.clip_ids, "video_embeds")
        if self.texts:
            expected = (len(self.texts), np.shape(self.video_embeds)[1])
            if len(self.text_classes) != len(self.texts) or np.shape(self.text_embeds) != expected:
                raise ValueError(
                    f"Each of {len(self.texts)} texts must have a class and an embedding as wide as those of clips, got "
                    f"{len(self.text_classes)} classes and {np.shape(self.text_embeds)}."
                )
            check_finite(self.text_embeds, list(self.texts), "text_embeds")


def write_embeddings(table: EmbeddingTable, folder: str | Path) -> list[Path]:
    """Writes a report folder's `embeddings/SYSTEM.parquet`, and the texts if there are any, and returns the files.

    Args:
        table: What to write.
        folder: The report's folder, which also holds `predictions`.

    Raises:
        FileExistsError: If one of the files exists.
    """
    target = Path(folder) / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    metadata = {"class_names": json.dumps(list(table.class_names), ensure_ascii=False)}
    metadata |= {name: getattr(table, name) for name in ("system", "model", "revision", "manifest_sha256")}
    clips = {
        "clip_id": pa.array(table.clip_ids, pa.string()),
        "reference": pa.array(table.references, pa.int64()),
        "video_embeds": float_lists(table.video_embeds),
    }
    written = [_write(pa.table(clips).replace_schema_metadata(metadata), target / f"{table.system}.parquet")]
    if table.texts:
        texts = {
            "text": pa.array(table.texts, pa.string()),
            "class_name": pa.array(table.text_classes, pa.string()),
            "text_embeds": float_lists(table.text_embeds),
        }
        written.append(_write(pa.table(texts).replace_schema_metadata(metadata), target / f"{table.system}{_TEXTS}"))
    return written


def read_embeddings(folder: str | Path) -> list[EmbeddingTable]:
    """The embeddings in a report's folder, by the name of the system; none where there are none.

    Raises:
        ValueError: If a file is damaged.
    """
    paths = sorted(p for p in (Path(folder) / FOLDER).glob("*.parquet") if not p.name.endswith(_TEXTS))
    return [_read(path) for path in paths]


def _read(path: Path) -> EmbeddingTable:
    clips = _read_arrow(path)
    metadata = {key.decode(): value.decode() for key, value in (clips.schema.metadata or {}).items()}
    texts_path = path.with_name(path.stem + _TEXTS)
    try:
        fields = {name: metadata[name] for name in ("system", "model", "revision", "manifest_sha256")}
        class_names = class_names_of({"class_names": metadata["class_names"]})
        references, clip_ids = integer_column(clips, "reference"), text_column(clips, "clip_id")
        video_embeds = score_matrix(clips, "video_embeds")
        if not texts_path.is_file():
            return EmbeddingTable(clip_ids, references, video_embeds, class_names, **fields)
        texts = _read_arrow(texts_path)
        return EmbeddingTable(
            clip_ids,
            references,
            video_embeds,
            class_names,
            **fields,
            texts=text_column(texts, "text"),
            text_classes=text_column(texts, "class_name"),
            text_embeds=score_matrix(texts, "text_embeds"),
        )
    except KeyError as error:
        raise ValueError(
            f"{path}: the metadata of embeddings must hold {error}; got {', '.join(metadata)}."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_arrow(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"Embeddings must be a Parquet file, got {path}; make it anew with evaluate.py.") from error


def _write(table: pa.Table, path: Path) -> Path:
    if path.exists():
        raise FileExistsError(f"Embeddings must not exist yet, got {path}; choose another folder or delete it.")
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
    return path


__all__ = ["FOLDER", "EmbeddingTable", "read_embeddings", "write_embeddings"]
