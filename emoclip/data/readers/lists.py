# SPDX-License-Identifier: Apache-2.0
"""Reading lists and tables line by line; whatever is wrong in one is told with file and row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


# UTF-8, with or without the mark that spreadsheets put in front.
UTF8 = "utf-8-sig"


def read_lines(path: Path, encoding: str = UTF8) -> Iterator[tuple[int, str]]:
    """Yield number, from 1, and text of every line that is not blank.

    Raises:
        ValueError: A line is written in another encoding.
    """
    with _told_encoding(path, encoding), path.open(encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.rstrip("\n")


def read_text(path: Path, encoding: str = UTF8) -> str:
    """Return a whole file.

    Raises:
        ValueError: A line is written in another encoding.
    """
    with _told_encoding(path, encoding):
        return path.read_text(encoding=encoding)


def read_csv(path: Path, encoding: str = UTF8) -> Iterator[tuple[int, list[str]]]:
    """Yield number, from 1, and fields of every row that is not blank, of a table without a heading.

    Raises:
        ValueError: A row is written in another encoding, or is no CSV.
    """
    with _told_encoding(path, encoding), path.open(newline="", encoding=encoding) as file:
        rows = csv.reader(file)
        try:
            for number, fields in enumerate(rows, start=1):
                if any(field.strip() for field in fields):
                    yield number, fields
        except csv.Error as error:
            raise ValueError(
                f"{path}:{rows.line_num}: must be CSV ({error}); was it saved by a spreadsheet?"
            ) from error


def read_table(
    path: Path, needed: Sequence[str], *, exactly: bool = False, encoding: str = UTF8
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield number, from 2, and column -> text of every row of a table with a heading.

    Args:
        path: CSV file.
        needed: Columns that must be there.
        exactly: Whether there may be no other columns, nor another order.
        encoding: Of the file.

    Raises:
        ValueError: A column is missing, a row has more or fewer fields than the heading, or as for `read_csv`.
    """
    rows = read_csv(path, encoding)
    _, heading = next(rows, (1, []))
    heading = [name.strip() for name in heading]
    if exactly and heading != list(needed):
        raise ValueError(f"{path}:1: the columns must be {', '.join(needed)}, got {', '.join(heading) or 'none'}.")
    missing = [name for name in needed if name not in heading]
    if missing:
        raise ValueError(
            f"{path}:1: the table must have the column `{missing[0]}`, got {', '.join(heading) or 'none'}."
        )
    for number, fields in rows:
        if len(fields) != len(heading):
            raise ValueError(f"{path}:{number}: a row must have {len(heading)} fields, got {len(fields)}.")
        yield number, dict(zip(heading, fields, strict=True))


def encoding_of(path: Path, *candidates: str) -> str:
    """Return the first of several encodings in which a whole file can be read, the first of all if none fits."""
    for encoding in candidates:
        if _first_bad_line(path, encoding) is None:
            return encoding
    return candidates[0]


@contextmanager
def _told_encoding(path: Path, encoding: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        # The decoder works in blocks and does not know the line.
        number, byte = _first_bad_line(path, encoding) or (1, error.start)
        raise ValueError(
            f"{path}:{number}: must be written in {encoding.removesuffix('-sig')}, byte {byte} of the line is not; was the file "
            "converted or taken from another copy?"
        ) from error


def _first_bad_line(path: Path, encoding: str) -> tuple[int, int] | None:
    """Number of the first line that is not in an encoding, and the place of its first bad byte."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return number, error.start
    return None


__all__ = ["UTF8", "encoding_of", "read_csv", "read_lines", "read_table", "read_text"]
