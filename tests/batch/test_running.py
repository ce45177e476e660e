# SPDX-License-Identifier: Apache-2.0
"""Batches of real files: what is written, what becomes of bad ones, and going on after a stop."""

import errno
import shutil
from collections import Counter

import pandas as pd
import pytest

from emoclip.batch import running
from emoclip.batch.running import Share, run_batch
from emoclip.batch.scorer import DiskFull, Scorer
from emoclip.batch.sources import find_sources
from emoclip.batch.status import Row


def run(films, settings, **options):
    seen = []
    result = run_batch(find_sources([str(films)]), settings, progress=seen.append, **options)
    return result, seen


def test_every_file_has_a_row_and_good_ones_their_results(films, make_settings, tmp_path):
    """A bad file is a row, not a stop; results lie as the films do."""
    result, seen = run(films, make_settings(forms=("csv", "summary.json")))
    assert result.counts == Counter(done=2, failed=1)
    assert len(seen) == 3
    status = pd.read_csv(result.table).set_index("name")
    assert status.loc["bad\\x1b.mp4", "error"].startswith("VideoDecodeError: ")
    assert status.loc["deep/笑顔 😀.mp4", "outputs"] == "deep/笑顔 😀.mp4.csv|deep/笑顔 😀.mp4.summary.json"
    table = pd.read_csv(tmp_path / "out" / "deep" / "笑顔 😀.mp4.csv")
    assert set(table["emotion"]) == {"joy", "fear"}
    assert len(list((tmp_path / "out").rglob("*.csv"))) == 3


def test_second_run_does_nothing_and_retries_on_request(films, make_settings):
    """Thousands of files must not be scored again because the last of them was missing."""
    settings = make_settings()
    run(films, settings)
    result, seen = run(films, settings)
    assert (seen, result.earlier) == ([], 3)
    _, again = run(films, settings, retry_failed=True)
    assert [row.status for row in again] == ["failed"]


def test_changed_file_is_done_again(films, make_settings, short_clip):
    settings = make_settings()
    run(films, settings)
    (films / "bad\x1b.mp4").write_bytes(short_clip.read_bytes())
    result, seen = run(films, settings)
    assert [row.name for row in seen] == ["bad\x1b.mp4"]
    assert result.counts == Counter(done=3)
    assert result.earlier == 2


def test_other_settings_need_another_folder_or_overwrite(films, make_settings):
    """Half the results by one model and half by another would be one table."""
    run(films, make_settings())
    with pytest.raises(FileExistsError, match="holds a batch of other settings"):
        run(films, make_settings(emotions=["calm"]))
    result, seen = run(films, make_settings(emotions=["calm"]), overwrite=True)
    assert len(seen) == 3
    assert result.counts["done"] == 2


def test_folder_of_something_else_is_refused(films, make_settings, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("words")
    with pytest.raises(FileExistsError, match="must be a new folder"):
        run(films, make_settings())


def test_interrupted_batch_keeps_what_was_done_and_goes_on(films, make_settings):
    """Ctrl-C after the first file."""
    settings = make_settings()

    def stopped(sources, settings, workers):
        yield Scorer(settings).score(sources[0])
        raise KeyboardInterrupt

    result, _ = run(films, settings, spread=stopped)
    assert result.interrupted
    assert pd.read_csv(result.table)["name"].tolist() == ["a.mp4"]
    rest, seen = run(films, settings)
    assert not rest.interrupted
    assert [row.name for row in seen] == ["bad\x1b.mp4", "deep/笑顔 😀.mp4"]


def test_full_disk_stops_the_batch_and_blames_no_file(films, make_settings, monkeypatch):
    """Else every file behind it would stand as failed."""

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("emoclip.analysis.outputs.forms.write_form", full)
    with pytest.raises(DiskFull):
        run(films, make_settings())
    monkeypatch.undo()
    result, _ = run(films, make_settings())
    assert result.counts == Counter(done=2, failed=1)


def test_processes_of_a_launcher_share_the_files(films, make_settings):
    """Each takes its part; whoever ends last has the whole table."""
    settings = make_settings()
    first, seen = run(films, settings, share=Share(0, 2))
    second, others = run(films, settings, share=Share(1, 2))
    assert sorted(row.name for row in seen + others) == ["a.mp4", "bad\x1b.mp4", "deep/笑顔 😀.mp4"]
    assert sum(first.counts.values()) == len(seen)
    assert len(pd.read_csv(second.table)) == 3


def test_a_process_alone_is_the_only_share(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert running.this_share() == Share(0, 1)


@pytest.mark.slow
def test_local_processes_give_the_same_results(films, make_settings, tmp_path):
    """New processes import, load and score by themselves."""
    alone, _ = run(films, make_settings(tmp_path / "alone"))
    spread, _ = run(films, make_settings(tmp_path / "spread", threads=1), workers=2)
    assert spread.counts == alone.counts
    for path in (tmp_path / "alone").rglob("*.mp4.csv"):
        other = tmp_path / "spread" / path.relative_to(tmp_path / "alone")
        pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(other), atol=1e-5)


def test_process_that_dies_leaves_a_row(films):
    """Out of memory: the operating system ends the process."""
    (source, *_) = find_sources([str(films)])
    row = running._died(source)
    assert (row.status, row.name) == ("failed", "a.mp4")
    assert "memory" in row.error


def test_rows_survive_a_round_trip(tmp_path):
    """Unsaid values come back as what they were."""
    from emoclip.batch.status import StatusBook

    book = StatusBook(tmp_path)
    row = Row("a", "/x/a", "done", windows=3, persons=1, video_seconds=2.5, outputs="a.csv", fingerprint="1-2")
    book.add(row)
    book.add(Row("b\x1b", "/x/b", "failed", "Error: x"))
    book.flush()
    assert StatusBook(tmp_path).rows() == [row, Row("b\\x1b", "/x/b", "failed", "Error: x")]
    assert [path.name for path in tmp_path.iterdir()] == [".batch"]


def test_another_folders_files_of_the_same_names_are_no_newer_ones(films, make_settings, tmp_path):
    """`batch monday --output out`, then `batch tuesday --output out`: the results of Monday were written over."""
    settings = make_settings()
    run(films, settings)
    other = tmp_path / "other"
    shutil.copytree(films, other)
    with pytest.raises(FileExistsError, match=r"films/a.mp4 have the name that those of .*other/a.mp4 would get"):
        run(other, settings)
    # Together they have names of their own, whichever comes first.
    sources = find_sources([str(other), str(films)])
    assert run_batch(sources, settings).counts == Counter(done=4, failed=2)
    shutil.rmtree(tmp_path / "out")
    run(films, settings)
    # The same files under another spelling, or after a move, go on.
    assert run(films / "deep" / "..", settings)[0].counts == Counter(done=2, failed=1)
    films.rename(tmp_path / "moved")
    assert run(tmp_path / "moved", settings)[0].counts == Counter(done=2, failed=1)
    # An index is only a memory of what was read.
    (other / "a.mp4").touch()
    assert [row.name for row in run(other, settings, may_replace=True)[1]] == ["a.mp4"]


def test_places_below_the_folder_one_is_in_are_told_apart(films, make_settings, tmp_path, monkeypatch):
    """`cd monday; batch . --output out`, then the same from `tuesday`: both say `a.mp4`."""
    settings = make_settings()
    other = tmp_path / "other"
    shutil.copytree(films, other)
    monkeypatch.chdir(films)
    run(".", settings)
    assert run(".", settings)[1] == []
    monkeypatch.chdir(other)
    with pytest.raises(FileExistsError, match=r"films/a.mp4 have the name that those of .*a.mp4 would get"):
        run(".", settings)


def test_the_newest_row_counts_whichever_process_kept_it(films, make_settings, short_clip):
    """Mended by a run of one process, a file that failed in the second of two would stay failed in the table for ever."""
    settings = make_settings()
    for index in range(2):
        run(films, settings, share=Share(index, 2))
    bad = films / "bad\x1b.mp4"
    bad.write_bytes(short_clip.read_bytes())
    # Of two processes the second had it, then the only one.
    sources = [source.place for source in find_sources([str(films)])]
    assert sources.index(str(bad)) == 1
    result, seen = run(films, settings)
    assert [row.name for row in seen] == ["bad\x1b.mp4"]
    assert result.counts == Counter(done=3)
    assert run(films, settings, retry_failed=True)[1] == []


def test_a_retrained_model_is_another_batch(films, make_settings, tiny_model_folder, tmp_path):
    """Under the same path, half of the results would be by other weights."""
    from safetensors.torch import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(tiny_model_folder, model)
    run(films, make_settings(model=str(model)))
    (model / "README.md").write_text("a card is no weight")
    assert run(films, make_settings(model=str(model)))[1] == []
    weights = load_file(model / "model.safetensors")
    name = sorted(weights)[0]
    save_file({**weights, name: weights[name] + 1}, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(FileExistsError, match=r"other settings \(weights\)"):
        run(films, make_settings(model=str(model)))


def test_a_deleted_result_is_made_again(films, make_settings, tmp_path):
    """The status said done, and nothing was there."""
    settings = make_settings()
    run(films, settings)
    (tmp_path / "out" / "deep" / "笑顔 😀.mp4.csv").unlink()
    _, seen = run(films, settings)
    assert [row.name for row in seen] == ["deep/笑顔 😀.mp4"]
    assert (tmp_path / "out" / "deep" / "笑顔 😀.mp4.csv").is_file()


def test_a_model_that_cannot_be_loaded_is_no_files_fault(films, make_settings, tiny_model_folder, tmp_path):
    """And once the model is mended, the folder takes the same command."""
    model = tmp_path / "model"
    shutil.copytree(tiny_model_folder, model)
    whole = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(whole[:500])
    with pytest.raises(ValueError, match="cannot be read"):
        run(films, make_settings(model=str(model)))
    (model / "model.safetensors").write_bytes(whole)
    assert run(films, make_settings(model=str(model)))[0].counts == Counter(done=2, failed=1)


def test_scored_up_to_the_damage_is_said_in_the_status(make_clip, make_settings, tmp_path):
    """Half a film stood as a whole one."""
    film = tmp_path / "films" / "half.mkv"
    film.parent.mkdir()
    data = make_clip(300, "b.mkv").read_bytes()
    film.write_bytes(data[: len(data) // 2])
    result, _ = run(film.parent, make_settings(options={"faces": "none", "on_error": "truncate"}))
    (row,) = pd.read_csv(result.table).to_dict("records")
    assert row["status"] == "done"
    assert row["notes"].startswith("Scored only up to the damage: ")
