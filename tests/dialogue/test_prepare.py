# SPDX-License-Identifier: Apache-2.0
import csv
import errno
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emoclip.data.manifest import read_manifest
from emoclip.dialogue import text_stage
from emoclip.dialogue.clip_stage import cut_film
from emoclip.dialogue.films import list_films
from emoclip.dialogue.prepare import prepare_dialogue
from emoclip.dialogue.settings import DialogueSettings
from tests.dialogue.conftest import srt


# Two clips; then a neutral one, one that is too short and one that runs past the end.
LINES = (
    (0.5, 3.0, "I am so glad you came."),
    (3.0, 5.5, "Please go away"),
    (5.5, 6.0, "now."),
    (6.0, 8.5, "We wait here."),
    (8.5, 9.5, "Stop."),
    (9.5, 20.0, "We wait and wait."),
)


@pytest.fixture
def settings(classifier_folder, detector_folder) -> DialogueSettings:
    return DialogueSettings(
        sentiment_model=str(classifier_folder),
        person_model=str(detector_folder),
        min_person_score=0.0,
        max_neutral=0.5,
    )


@pytest.fixture
def films(tmp_path, make_film):
    """A folder with one film and its subtitles."""
    folder = tmp_path / "films"
    make_film(10.0, "show/one.mp4", folder)
    (folder / "show/one.srt").write_text(srt(*LINES))
    return folder


def test_films_become_captioned_clips(films, tmp_path, settings):
    """Text, times, frames, persons and sentiment of a clip must be those of one sentence."""
    made = prepare_dialogue([films], tmp_path / "out", settings)
    manifest = read_manifest(made.manifest)
    rows = manifest.table.to_pylist()
    assert [row["captions"] for row in rows] == [["I am so glad you came."], ["Please go away now."]]
    assert (rows[0]["clip_id"], rows[0]["path"]) == ("show/one/000000", "clips/show/one/000000")
    assert (rows[0]["start"], rows[0]["end"], rows[0]["fps"], rows[0]["num_frames"]) == (0.5, 3.0, 8.0, 21)
    assert all(len(row["sentiment_logits"]) == 7 and row["neutral_score"] < 0.5 for row in rows)
    assert len(rows[0]["boxes"]) == 21
    assert all(len(frame) % 4 == 0 for frame in rows[0]["boxes"])
    frames = sorted((tmp_path / "out" / rows[0]["path"]).iterdir())
    # 0.5 s is place 4 of the grid, which shows frame 12 of 24 a second: grey 70.
    assert np.asarray(Image.open(frames[0])).mean() == pytest.approx(70, abs=1)
    assert len(frames) == 21
    assert made.left_out == {"neutral": 1, "too short": 1, "after the end of the film": 1}


def test_what_was_left_out_and_how_it_was_made_stand_beside(films, tmp_path, settings):
    """A user looks there for the sentence that is missing."""
    prepare_dialogue([films], tmp_path / "out", settings)
    sentences = pq.read_table(tmp_path / "out/sentences.parquet").to_pylist()
    assert [row["left_out"] for row in sentences] == [None, None, "neutral", "too short", "after the end of the film"]
    with (tmp_path / "out/films.csv").open() as file:
        assert list(csv.reader(file))[1] == [
            "show/one", str(films / "show/one.mp4"), "one.srt", "", "5", "2", "", "",
        ]  # fmt: skip
    recorded = json.loads((tmp_path / "out/settings.json").read_text())
    assert recorded["sentiment_names"][4] == "neutral"
    assert not (tmp_path / "out/work").exists()


def test_a_film_that_fails_is_listed_and_the_others_go_on(films, tmp_path, settings, make_film):
    """One film of a thousand must not cost the night."""
    make_film(2.0, "silent.mp4", films)
    make_film(2.0, "other_cut.mp4", films)
    (films / "other_cut.srt").write_text(srt((900.0, 904.0, "I am so glad you came.")))
    (films / "broken.mp4").write_bytes(b"no film")
    (films / "broken.srt").write_text(srt(*LINES))
    make_film(2.0, "sealed.mp4", films)
    (films / "sealed.srt").symlink_to(films / "gone.srt")
    (films / "gone.mp4").symlink_to(films / "nowhere.mp4")
    (films / "other.en.srt").mkdir()
    made = prepare_dialogue([films], tmp_path / "out", settings)
    errors = {film.film_id: film.error for film in made.films}
    assert "sealed" in errors["sealed"]
    assert "neither" in errors["silent"]
    assert "--speech-model" in errors["silent"]
    assert "begin at 900 s and the film ends at 2 s" in errors["other_cut"]
    assert "broken.mp4" in errors["broken"]
    assert errors["show/one"] == ""
    assert made.num_clips == 2


def test_a_run_that_was_stopped_goes_on(films, tmp_path, settings, monkeypatch):
    """Clips that are done are neither decoded nor searched again, and nothing is there twice."""
    from emoclip.dialogue import clip_stage

    monkeypatch.setattr(clip_stage, "CHUNK", 1)
    write, calls = clip_stage._write, []

    def fail_at_second(path, frames):
        calls.append(path.name)
        if len(calls) == 2:
            raise OSError("disk full")
        write(path, frames)

    monkeypatch.setattr(clip_stage, "_write", fail_at_second)
    with pytest.raises(OSError, match="disk full"):
        prepare_dialogue([films], tmp_path / "out", settings)
    made = prepare_dialogue([films], tmp_path / "out", settings)
    assert calls == ["000000", "000001", "000001"]
    assert made.num_clips == 2
    whole = prepare_dialogue([films], tmp_path / "again", settings)
    assert read_manifest(made.manifest).table.equals(read_manifest(whole.manifest).table)


def test_a_film_that_failed_is_taken_up_again(films, tmp_path, settings, make_film, monkeypatch):
    """One error of a network disk, or a process killed for memory, lost a film for good: the finished output was refused."""
    from emoclip.dialogue import clip_stage

    make_film(6.5, "two.mp4", films)
    (films / "two.srt").write_text(srt(*LINES[:3]))
    reads, opened = clip_stage.read_stretches, []

    def fail_once(path, stretches, *arguments):
        opened.append((path.stem, len(stretches)))
        if opened.count(("two", 2)) == 1 and path.stem == "two":
            raise OSError("the disk is away")
        return reads(path, stretches, *arguments)

    monkeypatch.setattr(clip_stage, "read_stretches", fail_once)
    first = prepare_dialogue([films], tmp_path / "out", settings)
    assert [(film.film_id, film.error) for film in first.films] == [("show/one", ""), ("two", "the disk is away")]
    assert (first.num_clips, (tmp_path / "out/work").is_dir()) == (2, True)
    with pytest.raises(FileExistsError, match=r"has clips of 1 films that are not given, such as 'show/one'"):
        prepare_dialogue([films / "two.mp4"], tmp_path / "out", settings)
    made = prepare_dialogue([films], tmp_path / "out", settings)
    assert (made.num_clips, (tmp_path / "out/work").exists()) == (4, False)
    assert opened == [("one", 2), ("two", 2), ("one", 0), ("two", 2)]
    with pytest.raises(FileExistsError, match="must not be finished yet"):
        prepare_dialogue([films], tmp_path / "out", settings)
    whole = prepare_dialogue([films], tmp_path / "again", settings)
    assert read_manifest(made.manifest).table.equals(read_manifest(whole.manifest).table)


@pytest.mark.parametrize("changed", ["film", "subtitles", "better subtitles"])
def test_a_film_or_subtitles_that_changed_are_read_anew(films, tmp_path, settings, make_film, changed):
    """A run that went on put the old text, and the old clips, to the new film."""
    broken = films / "broken.mp4"
    broken.write_bytes(b"no film")  # keeps the output open
    prepare_dialogue([films], tmp_path / "out", settings)
    broken.unlink()
    lines = [(4.0, 7.0, "Please stop.")]
    if changed == "film":
        make_film(6.4, "one.mp4", films / "show")
    else:
        (films / f"show/one{'.en' if changed == 'better subtitles' else ''}.srt").write_text(srt(*lines))
    made = prepare_dialogue([films], tmp_path / "out", settings)
    whole = prepare_dialogue([films], tmp_path / "again", settings)
    assert read_manifest(made.manifest).table.equals(read_manifest(whole.manifest).table)
    folders = [{path.name for path in (tmp_path / name / "clips/show_one").glob("*")} for name in ("out", "again")]
    assert folders[0] == folders[1]


def test_a_broken_subtitle_file_does_not_hide_the_good_one(films, tmp_path, settings):
    """The first of several files was taken or none; the broken one is told."""
    (films / "show/one.en.srt").write_bytes(b"")
    made = prepare_dialogue([films], tmp_path / "out", settings)
    (film,) = made.films
    assert (film.source, film.error, made.num_clips) == ("one.srt", "", 2)
    assert "one.en.srt" in film.unread
    (films / "show/one.srt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"one\.en\.srt is none of them .*one\.srt is none of them"):
        prepare_dialogue([films], tmp_path / "none", settings)


def test_an_error_of_the_disk_does_not_pick_worse_text(films, tmp_path, settings, monkeypatch):
    """The next file was taken where the best one could not be read for a moment, and stayed for good."""
    best = films / "show/one.en.srt"
    best.write_text(srt((4.0, 7.0, "Please stop.")))
    read = text_stage.read_subtitles

    def fail_for_best(path, encoding):
        if path == best:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path, encoding)

    monkeypatch.setattr(text_stage, "read_subtitles", fail_for_best)
    with pytest.raises(ValueError, match=r"none of 1 films \(.*Input/output error.*one\.en\.srt"):
        prepare_dialogue([films], tmp_path / "out", settings)
    monkeypatch.setattr(text_stage, "read_subtitles", read)
    (film,) = prepare_dialogue([films], tmp_path / "out", settings).films
    assert (film.source, film.error, film.unread) == ("one.en.srt (en)", "", "")


@pytest.fixture
def begun(films, tmp_path, settings, monkeypatch):
    """An output with the clips of `films`, kept open by a film that is broken; text is not read again."""
    (films / "broken.mp4").write_bytes(b"no film")
    prepare_dialogue([films], tmp_path / "out", settings)
    (films / "broken.mp4").unlink()
    monkeypatch.setattr(text_stage.TextStage, "table", lambda *_: pytest.fail("text was read anew"))
    return tmp_path / "out"


def test_what_was_made_of_a_film_outlives_an_error_of_the_disk(films, begun, settings, monkeypatch):
    """Finished clips and recognised speech were discarded because the film could not be looked at for a moment."""

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(text_stage, "subtitle_files", fail)
        made = prepare_dialogue([films], begun, settings)
    assert ("Input/output error" in made.films[0].error, made.num_clips) == (True, 2)
    made = prepare_dialogue([films], begun, settings)
    assert (made.films[0].error, made.num_clips, (begun / "work").exists()) == ("", 2, False)


def test_films_that_were_moved_are_not_read_anew(films, begun, settings):
    """Under another path the same films lost clips and recognised speech."""
    moved = films.rename(films.with_name("moved"))
    made = prepare_dialogue([moved], begun, settings)
    assert (made.films[0].path, made.num_clips) == (str(moved / "show/one.mp4"), 2)


@pytest.mark.slow
def test_several_processes_make_the_same(films, tmp_path, settings, make_film):
    """The order of films must not depend on which process is first."""
    make_film(6.5, "two.mp4", films)
    (films / "two.srt").write_text(srt(*LINES[:3]))
    one = prepare_dialogue([films], tmp_path / "one", settings)
    two = prepare_dialogue([films], tmp_path / "two", settings, workers=2)
    assert read_manifest(one.manifest).table.equals(read_manifest(two.manifest).table)
    assert two.num_clips == 4


def test_films_may_be_kept_for_testing(films, tmp_path, settings):
    """Whole films, for the same faces occur all through one."""
    made = prepare_dialogue([films], tmp_path / "out", settings, test_films=["show/one"])
    assert set(read_manifest(made.manifest).table["split"].to_pylist()) == {"test"}
    with pytest.raises(ValueError, match="got 'three'"):
        prepare_dialogue([films], tmp_path / "other", settings, test_films=["three"])


def test_other_settings_do_not_go_on(films, tmp_path, settings, monkeypatch):
    """Half of the clips would be selected otherwise."""
    from dataclasses import replace

    from emoclip.dialogue import prepare

    monkeypatch.setattr(prepare, "cut_film", lambda *_, **__: (_ for _ in ()).throw(OSError("stopped")))
    with pytest.raises(OSError, match="stopped"):
        prepare_dialogue([films], tmp_path / "out", settings)
    monkeypatch.setattr(prepare, "cut_film", cut_film)
    with pytest.raises(FileExistsError, match=r"begun with fps 8\.0, got 4\.0"):
        prepare_dialogue([films], tmp_path / "out", replace(settings, fps=4.0))
    prepare_dialogue([films], tmp_path / "out", settings)
    with pytest.raises(FileExistsError, match="must not be finished yet"):
        prepare_dialogue([films], tmp_path / "out", settings)


def test_no_clip_at_all_is_an_error_that_says_why(films, tmp_path, settings):
    """An empty manifest would fail much later."""
    from dataclasses import replace

    with pytest.raises(
        ValueError, match=r"At least 1 clip must result, got none of 1 films \(left out, neutral: "
    ) as told:
        prepare_dialogue([films], tmp_path / "out", replace(settings, max_neutral=0.0))
    sentences = tmp_path / "out" / "sentences.parquet"
    assert str(sentences) in str(told.value)
    assert "neutral" in pq.read_table(sentences)["left_out"].to_pylist()


def test_films_without_any_text_leave_no_table_of_sentences(films, tmp_path, settings):
    """There is nothing to write, and the reason is the film's."""
    (films / "show" / "one.srt").unlink()
    with pytest.raises(ValueError, match=r"got none of 1 films \((?!left out).*; see .*films\.csv\."):
        prepare_dialogue([films], tmp_path / "out", settings)
    assert not (tmp_path / "out" / "sentences.parquet").exists()


def test_clips_without_persons_are_left_out_on_request(films, tmp_path, settings):
    """By default the original keeps them (`has_person >= 0`)."""
    from dataclasses import replace

    kept = prepare_dialogue([films], tmp_path / "kept", replace(settings, min_person_score=1.0))
    assert read_manifest(kept.manifest).table["has_person"].to_pylist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="got none of 1 films"):
        prepare_dialogue([films], tmp_path / "none", replace(settings, min_person_score=1.0, min_person_share=0.5))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"fps": 0}, "`--fps` must be above 0"),
        ({"max_neutral": 1.5}, "`--max-neutral` must be from 0 to 1, got 1.5"),
        ({"punctuation": "none"}, "must be one of text, model, lines, got 'none'"),
        ({"min_seconds": 5, "max_seconds": 4}, "below `--max-seconds`, got 5 and 4"),
    ],
)
def test_settings_out_of_range_are_told(values, told):
    """Before the first film."""
    with pytest.raises(ValueError, match=told):
        DialogueSettings(**values)


def test_films_are_listed_once_each(tmp_path):
    """Two files of one name would write over each other; a loop of links must end."""
    (tmp_path / "a").mkdir()
    for name in ("a/one.mp4", "a/one.srt", "two.MKV"):
        (tmp_path / name).touch()
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    assert [film.film_id for film in list_films([tmp_path])] == ["a/one", "two"]
    with pytest.raises(ValueError, match="are both 'one'"):
        list_films([tmp_path / "a/one.mp4", tmp_path / "a"])
    with pytest.raises(FileNotFoundError, match="three"):
        list_films([tmp_path / "three"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="At least 1 film"):
        list_films([tmp_path / "empty"])


@pytest.mark.parametrize("where", ["text", "frames"])
def test_errors_of_ffmpeg_and_of_files_end_their_film_alone(films, tmp_path, settings, make_film, monkeypatch, where):
    """Of FFmpeg's errors some are no ValueError and no OSError; they ended the run."""
    import av

    from emoclip.dialogue import clip_stage, prepare

    make_film(10.0, "two.mp4", films)
    (films / "two.srt").write_text(srt(*LINES))
    module, name = {"text": (prepare, "probe_video"), "frames": (clip_stage, "read_stretches")}[where]
    reads = getattr(module, name)

    def fail_for_two(path, *arguments):
        if path.stem == "two":
            raise av.error.ExternalError(1, "a library of FFmpeg gave up")
        return reads(path, *arguments)

    monkeypatch.setattr(module, name, fail_for_two)
    made = prepare_dialogue([films], tmp_path / "out", settings)
    errors = {film.film_id: film.error for film in made.films}
    assert "a library of FFmpeg gave up" in errors["two"]
    assert (errors["show/one"], made.num_clips) == ("", 2)


def test_excluded_films_are_left_out(films, tmp_path, settings, make_film):
    """BoLD shows films that the original leaves out of training; ids stand before an `&`, or as yt-dlp writes them."""
    from dataclasses import replace

    for name in ("abc&t=1.mp4", "Some show [7YpF6-ntOY_].mp4"):
        make_film(3.0, name, films)
    names = ["abc", "never downloaded", "7YpF6-ntOY_"]
    made = prepare_dialogue([films], tmp_path / "out", replace(settings, exclude=names))
    assert [film.film_id for film in made.films] == ["show/one"]
    assert [film.film_id for film in made.selection.excluded] == ["Some show [7YpF6-ntOY_]", "abc&t=1"]
    assert made.selection.unmatched == ["never downloaded"]
    with pytest.raises(ValueError, match="`--exclude` names all 3"):
        prepare_dialogue([films], tmp_path / "none", replace(settings, exclude=[*names, "one"]))


def test_the_list_of_bolds_films_is_whole():
    """The eleven ids that the original compares (`preprocessing/create_index`)."""
    from pathlib import Path

    from emoclip.dialogue.films import read_names

    names = read_names(Path(__file__).parents[2] / "configs/dialogue/films_in_bold.txt")
    assert (len(names), len(set(names)), {len(name) for name in names}) == (11, 11, {11})


def test_the_filter_reaches_the_frames(films, tmp_path, settings, monkeypatch):
    """The original shrinks by bicubic; an option that is lost on the way would be told as its."""
    from dataclasses import replace

    from emoclip.dialogue import clip_stage

    read, told = clip_stage.read_stretches, []

    def heard(*arguments):
        told.append(arguments[3:])
        return read(*arguments)

    monkeypatch.setattr(clip_stage, "read_stretches", heard)
    prepare_dialogue([films], tmp_path / "out", replace(settings, short_side=17, resample="bicubic"))
    assert told == [(17, 3)]
