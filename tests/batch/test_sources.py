# SPDX-License-Identifier: Apache-2.0
import itertools
import os

import pytest

from emoclip.batch.sources import Source, find_sources, part_of


def names(sources):
    return [source.name for source in sources]


def test_folders_are_searched_through_and_through(films):
    """Films only, hidden files left out, names below the folder, order fixed."""
    assert names(find_sources([str(films)])) == ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]


def test_patterns_lists_and_files_give_each_file_once(films, tmp_path):
    (tmp_path / "list.txt").write_text(f"{films}/a.mp4\n\n{films}/deep\n", encoding="utf-8")
    found = find_sources([f"{films}/**/*.mp4", f"{films}/a.mp4", f"@{tmp_path}/list.txt"])
    assert sorted(names(found)) == ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]


def test_equal_names_of_two_folders_get_a_number(tmp_path):
    """Otherwise the second film's results would replace the first's."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").write_bytes(b"")
    assert names(find_sources([str(tmp_path / "x"), str(tmp_path / "y")])) == ["a.mp4", "a~2.mp4"]


def test_names_never_lead_out_of_the_output(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "in")
    assert not any(".." in name for name in names(find_sources(["../a.mp4", "../*.mp4"])))


def test_addresses_and_tars_are_shards():
    (source,) = find_sources(["memory://set/clips-0.tar"])
    assert source == Source("memory://set/clips-0.tar", "clips-0.tar", is_shard=True)


def test_names_of_any_bytes_are_found(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.mp4")
    path.write_bytes(b"")
    assert [os.fsencode(source.name) for source in find_sources([str(tmp_path)])] == [b"\xff.mp4"]


@pytest.mark.parametrize(
    ("given", "message"),
    [("nothing.mp4", "must exist or be a pattern"), ("empty", "holds no video"), ("@no.txt", "does not exist")],
)
def test_what_is_not_there_is_told_before_any_work(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        find_sources([given])


def test_shares_of_processes_are_all_there_is():
    """No file twice, none left out."""
    sources = [Source(str(number), str(number)) for number in range(7)]
    parts = [part_of(sources, index, 3) for index in range(3)]
    assert sorted(names(itertools.chain(*parts))) == names(sources)
    assert [len(part) for part in parts] == [3, 2, 2]


def test_a_number_never_makes_a_name_that_is_there(tmp_path):
    """Else the second film's results lay under the third's name, and one of the two was lost."""
    for place in ("a/x.mp4", "b/x.mp4", "c/x~2.mp4"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_bytes(b"")
    sources = find_sources([str(tmp_path / folder) for folder in "abc"])
    assert sorted(names(sources)) == ["x.mp4", "x~2.mp4", "x~3.mp4"]
    assert next(source.name for source in sources if source.place.endswith("~2.mp4")) == "x~2.mp4"


def test_shards_are_passed_over_on_request_where_they_are_met(films, monkeypatch):
    """A table beside the films is no film; one that is named was meant."""
    monkeypatch.chdir(films)
    (films / "notes.txt").unlink()
    for name in ("table.parquet", "deep/more.tar"):
        (films / name).write_bytes(b"")
    expected = ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]
    assert names(find_sources(["."], shards=False)) == expected
    assert sorted(names(find_sources(["**/*"], shards=False))) == expected
    assert names(find_sources(["table.parquet", "a.mp4"], shards=False)) == ["table.parquet", "a.mp4"]
    with pytest.raises(FileNotFoundError, match=r"at least one video, got \*\.parquet"):
        find_sources(["*.parquet"], shards=False)


@pytest.mark.parametrize("inputs", [["."], ["**/*.*"], ["a.mp4", "bad\x1b.mp4", "boxes.parquet", "deep"]])
def test_what_is_left_out_is_no_source_however_it_is_met(inputs, films, monkeypatch):
    """A shell writes out `films/*`, so a file of boxes among the films is named as well."""
    monkeypatch.chdir(films)
    (films / "notes.txt").unlink()
    (films / "boxes.parquet").write_bytes(b"")
    (films / "deep" / "kept").mkdir()
    (films / "deep" / "kept" / "b.mp4").write_bytes(b"")
    found = [source.place for source in find_sources(inputs, left_out=["boxes.parquet", films / "deep" / "kept"])]
    assert sorted(found) == ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]


def test_a_folder_that_is_named_is_searched_though_it_is_left_out(films):
    """An index may be kept in the folder of the films, or above it."""
    expected = ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]
    for folder in (films, films.parent):
        assert names(find_sources([str(films)], left_out=[folder])) == expected
        assert len(find_sources([f"{films}/*.mp4"], left_out=[folder])) == 2
