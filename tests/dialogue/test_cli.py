# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from emoclip.console import run_command
from emoclip.data import load
from emoclip.data.clips import ClipDataset
from emoclip.dialogue.cli import dialogue_main
from modeling_emoclip import EmoCLIPVideoProcessor
from tests.dialogue.conftest import srt


@pytest.fixture
def command(tmp_path, make_film, classifier_folder, detector_folder):
    """What a user types, for one film of four seconds."""
    film = make_film(4.0)
    film.with_suffix(".srt").write_text(srt((0.5, 3.0, "I am so glad you came."), (3.0, 3.9, "Stop.")))
    models = ["--sentiment-model", str(classifier_folder), "--person-model", str(detector_folder)]
    return [str(film), "--output", str(tmp_path / "out"), *models, "--max-neutral", "0.5", "--min-person-score", "0"]


def test_the_command_says_what_became_of_the_sentences(command, capsys, tmp_path):
    """Half of a film is left out by design; a user must see why."""
    assert run_command(dialogue_main, command) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "1 films, 0 with errors; 2 sentences, 1 clips",
        "  left out, too short: 1",
        f"Written: {tmp_path / 'out/manifest.parquet'}",
    ]


def test_clips_and_shards_load_with_masks_of_all_persons(command, tmp_path):
    """The loader takes the boxes of several persons in a frame for one subject, from files and from shards."""
    assert run_command(dialogue_main, [*command, "--shards"]) == 0
    processor = EmoCLIPVideoProcessor(
        num_frames=5,
        frame_sampling="emotionclip",
        size={"shortest_edge": 36},
        crop_size={"height": 32, "width": 30},
    )
    items = []
    for source in ("manifest.parquet", "shards"):
        rows = load(tmp_path / "out" / source, split="train")
        assert len(rows[0]["sentiment_logits"]) == 7
        items.append(ClipDataset(rows, processor, subject_masks=True)[0])
    assert all(item["subject_masks"].shape == (5, 32, 30) for item in items)
    assert (items[0]["subject_masks"] == items[1]["subject_masks"]).all()


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--paper-code", "--punctuation", "lines"], "`--paper-code` sets --punctuation model, got lines"),
        (["--workers", "0"], "`--workers` must be at least 1, got 0"),
        (["--fps", "0"], "`--fps` must be above 0"),
    ],
)
def test_mistakes_are_told_in_a_sentence(command, extra, told, capsys, tmp_path):
    """And nothing is written."""
    assert run_command(dialogue_main, [*command, *extra]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_stop_while_shards_are_written_goes_on_with_them(command, capsys, tmp_path, monkeypatch):
    """The manifest is there by then, and the same command ended in `must not be finished yet`."""
    from emoclip.dialogue import cli

    write = cli._write_shards
    monkeypatch.setattr(cli, "_write_shards", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run_command(dialogue_main, [*command, "--shards"]) == 130
    monkeypatch.setattr(cli, "_write_shards", write)
    assert run_command(dialogue_main, [*command, "--shards"]) == 0
    assert len(load(tmp_path / "out/shards", split="train")) == 1
    assert run_command(dialogue_main, [*command, "--shards", "--fps", "4"]) == 2
    assert "begun with fps 8.0, got 4.0" in capsys.readouterr().err


def test_text_in_another_language_is_told(command, capsys, tmp_path):
    """A set in a language that the model does not know looks like any other."""
    (tmp_path / "film.srt").rename(tmp_path / "film.ar.srt")
    assert run_command(dialogue_main, command) == 0
    assert "film: no text in en, taken film.ar.srt (ar)" in capsys.readouterr().out


def test_films_of_a_file_are_excluded(command, capsys, tmp_path, make_film):
    """A list that is not read, or whose names fit no file, would train on what measures."""
    (tmp_path / "names.txt").write_text("# films of the test\n\nfilm\n7YpF6DntOYw\nDb19rWN5BGo\n")
    exclude = ["--exclude", str(tmp_path / "names.txt")]
    assert run_command(dialogue_main, [*command, *exclude]) == 2
    assert "`--exclude` names all 1" in capsys.readouterr().err
    other = make_film(3.5, "other.mp4")
    other.with_suffix(".srt").write_text(srt((0.5, 3.0, "I am so glad you came.")))
    assert run_command(dialogue_main, [str(other), *command, *exclude]) == 0
    told = "1 films left out by --exclude; 2 of its names are no film here, such as 7YpF6DntOYw"
    assert told in capsys.readouterr().out


def test_films_that_failed_are_told_and_taken_up_again(command, capsys, tmp_path, make_film):
    """Their shards follow: those of before lack the new clips."""
    other = make_film(3.5, "other.mp4")
    assert run_command(dialogue_main, [str(other), *command, "--shards"]) == 0
    told = capsys.readouterr().out
    assert "2 films, 1 with errors" in told and "takes up the films with errors again" in told
    assert run_command(dialogue_main, [str(other), *command, "--shards"]) == 0
    assert "written anew" not in capsys.readouterr().out
    other.with_suffix(".srt").write_text(srt((0.5, 3.0, "I am so glad you came.")))
    assert run_command(dialogue_main, [str(other), *command, "--shards"]) == 0
    told = capsys.readouterr().out
    assert "2 films, 0 with errors" in told and "takes up" not in told and "written anew" in told
    assert len(load(tmp_path / "out/shards", split="train")) == 2


def test_a_stop_while_old_shards_are_removed_goes_on(command, capsys, tmp_path, make_film, monkeypatch):
    """Half a folder, without its plan, was refused ever after. That a film is read anew is told on the way."""
    from emoclip.dialogue import cli

    other, remove = make_film(3.5, "other.mp4"), shutil.rmtree
    line = [str(other), *command, "--shards"]
    assert run_command(dialogue_main, line) == 0
    other.with_suffix(".srt").write_text(srt((0.5, 3.0, "I am so glad you came.")))
    (tmp_path / "film.srt").write_text(srt((0.2, 3.0, "Please stop.")))

    def stop(folder):
        if "shards" not in folder.name:
            return remove(folder)
        (folder / ".plan.json").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.shutil, "rmtree", stop)
    assert run_command(dialogue_main, line) == 130
    assert "film: it or its subtitles have changed, and it is read anew" in capsys.readouterr().out
    monkeypatch.setattr(cli.shutil, "rmtree", remove)
    assert run_command(dialogue_main, line) == 0
    assert len(load(tmp_path / "out/shards", split="train")) == 2
    assert not list((tmp_path / "out").glob(".*"))


def test_the_papers_switches_are_set_together():
    """`--paper-code` promises what the scripts do."""
    from emoclip.dialogue.cli import _settings, build_parser

    given = _settings(build_parser().parse_args(["film.mp4", "--output", "out", "--paper-code"]))
    assert given == {"punctuation": "model", "letterbox_slip": True, "resample": "bicubic"}
