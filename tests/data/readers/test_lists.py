# SPDX-License-Identifier: Apache-2.0
"""Lists and tables: whatever is wrong is told with file and row."""

from pathlib import Path

import pytest

from emoclip.data.readers.lists import encoding_of, read_csv, read_lines, read_table


def test_lines_come_with_their_numbers(tmp_path: Path) -> None:
    """Blank lines are passed over and still counted; the mark of a spreadsheet is no part of the first id."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\r\n  \r\ntwo")
    assert list(read_lines(tmp_path / "a.txt")) == [(1, "one"), (4, "two")]


def test_only_line_ends_end_a_line(tmp_path: Path) -> None:
    """Captions hold separators that Python's `splitlines` takes for ends of lines."""
    (tmp_path / "a.txt").write_text("one\x1c\u2028still one\ntwo", encoding="utf-8")
    assert [number for number, _ in read_lines(tmp_path / "a.txt")] == [1, 2]


@pytest.mark.parametrize("reader", [read_lines, read_csv, lambda path: read_table(path, ["a"])])
def test_another_encoding_is_told_with_its_row(reader, tmp_path: Path) -> None:
    """A list that was opened and saved on another computer."""
    good = b"a,b\n" + b"x,y\n" * 5000
    (tmp_path / "a.csv").write_bytes(good + "x,é\n".encode("latin-1") + good)
    with pytest.raises(ValueError, match=r"a.csv:5002: must be written in utf-8, byte 2 of the line is not"):
        list(reader(tmp_path / "a.csv"))
    (tmp_path / "a.csv").write_bytes("a,b\nx,y\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"a.csv:1: must be written in utf-8"):
        list(reader(tmp_path / "a.csv"))


def test_rows_of_a_table_have_the_fields_of_its_heading(tmp_path: Path) -> None:
    """A comma that was not quoted moves every field behind it."""
    path = tmp_path / "a.csv"
    path.write_text('name, label\n"a, b",1\n\n,\nc,2\n')
    assert list(read_table(path, ["label"])) == [(2, {"name": "a, b", "label": "1"}), (5, {"name": "c", "label": "2"})]
    for line, count in (("a, b,1", 3), ("a", 1)):
        path.write_text(f"name,label\nc,2\n{line}\n")
        with pytest.raises(ValueError, match=rf"a.csv:3: a row must have 2 fields, got {count}"):
            list(read_table(path, ["label"]))


def test_columns_that_are_missing_or_moved_are_named(tmp_path: Path) -> None:
    """By their place, labels would be read out of another column."""
    path = tmp_path / "a.csv"
    path.write_text("label;name\n1;a\n")
    with pytest.raises(ValueError, match=r"a.csv:1: the table must have the column `name`, got label;name"):
        list(read_table(path, ["name"]))
    path.write_text("label,name\n1,a\n")
    with pytest.raises(ValueError, match=r"a.csv:1: the columns must be name, label, got label, name"):
        list(read_table(path, ["name", "label"], exactly=True))
    path.write_text("")
    with pytest.raises(ValueError, match=r"a.csv:1: the table must have the column `name`, got none"):
        list(read_table(path, ["name"]))


def test_quotes_that_never_close_are_told(tmp_path: Path) -> None:
    """The rest of the file would be one field."""
    (tmp_path / "a.csv").write_text('a,b\nc,"' + "d,e\n" * 40_000)
    with pytest.raises(ValueError, match=r"a.csv:\d+: must be CSV \(field larger than field limit"):
        list(read_csv(tmp_path / "a.csv"))


def test_encoding_is_the_first_that_fits(tmp_path: Path) -> None:
    """Windows' encoding reads any bytes, and must not be asked first."""
    (tmp_path / "a.csv").write_bytes("é".encode())
    assert encoding_of(tmp_path / "a.csv", "utf-8", "cp1252") == "utf-8"
    (tmp_path / "a.csv").write_bytes("é".encode("cp1252"))
    assert encoding_of(tmp_path / "a.csv", "utf-8", "cp1252") == "cp1252"
