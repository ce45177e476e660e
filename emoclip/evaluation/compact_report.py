# SPDX-License-Identifier: Apache-2.0
"""A report small enough for a repository: its numbers, its pictures, and the prediction tables that they can be computed from again.

The report is computed from the tables as they lie in the copy. Left out are the page (its pictures stand beside it), the list of clips,
embeddings and maps of attention (their pictures stay), and captions in all tables but the first. Embeddings of retrieval are rounded to
half precision.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.evaluation.comparisons import Table
from emoclip.evaluation.embeddings import FOLDER as EMBEDDINGS
from emoclip.evaluation.output import check_output_folder, new_output_folder
from emoclip.evaluation.overview import report_of_folder, set_names, write_set_names
from emoclip.evaluation.report import REPORT, TABLES, read_tables, resampling_of, write_tables
from emoclip.evaluation.subject_attention import FOLDER as ATTENTION
from emoclip.evaluation.target_predictions import RetrievalTable


_LEFT_OUT = ("report.html", "clips.csv", EMBEDDINGS, ATTENTION)


def compact_copy(folder: str | Path, output: str | Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Writes the small copy of a report, of one data set or of several, and returns its numbers.

    Args:
        folder: The report of `evaluate.py`.
        output: Where the copy goes, whole or not at all.
        overwrite: Replace an earlier report there.

    Raises:
        FileExistsError: If something else is there.
        FileNotFoundError: If the folder holds no tables.
    """
    folder, output = Path(folder), Path(output)
    check_output_folder(output, overwrite=overwrite)
    names = [""] if (folder / TABLES).is_dir() else set_names(folder)
    if not names:
        raise FileNotFoundError(f"A report needs prediction tables, there are none in {folder}.")
    # Of several data sets each has settings of its own, but all come from one run.
    resampling = resampling_of(folder / names[0])
    with new_output_folder(output, overwrite=overwrite) as partial:
        for name in names:
            _copy_tables(folder / name, partial / name)
        if names != [""]:
            write_set_names(partial, names)
        report = report_of_folder(partial, resampling)
        for name in names:
            # The report above has what those of the data sets have.
            for left_out in (*_LEFT_OUT, *((REPORT,) if name else ())):
                _remove(partial / name / left_out)
        for picture in partial.rglob("*.png"):
            _with_few_colours(picture)
        # Indented, every number of a matrix would have a line.
        (partial / REPORT).write_text(json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return report


def _copy_tables(folder: Path, target: Path) -> None:
    first, *others = read_tables(folder)
    write_tables(target, [_rounded(first), *(_without_captions(_rounded(table)) for table in others)])
    for name in (EMBEDDINGS, ATTENTION):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, target / name)
    if (folder / "run.json").is_file():
        shutil.copy(folder / "run.json", target / "run.json")


def _without_captions(table: Table) -> Table:
    return replace(table, columns={name: values for name, values in table.columns.items() if name != "captions"})


def _rounded(table: Table) -> Table:
    """Embeddings in half precision, which is finer than what separates two captions; scores stay as they are."""
    if not isinstance(table, RetrievalTable):
        return table
    names = ("video_embeds", "text_embeds")
    return replace(table, **{n: getattr(table, n).astype(np.float16).astype(np.float32) for n in names})


def _with_few_colours(path: Path) -> None:
    """A chart of 256 colours takes a third of the room and looks the same; photographs, under maps of attention, stay."""
    from PIL import Image

    if not path.name.startswith("attention"):
        with Image.open(path) as picture:
            chart = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        chart.save(path, optimize=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


__all__ = ["compact_copy"]
