# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import emoclip
from emoclip.analysis.result import TEMPLATE_REMEDY
from emoclip.demo.parts import example_clips
from emoclip.demo.showing import heavy_frames, notes_text, number_table, warnings_view, write_film, write_tables
from modeling_emoclip.video_decoding_emoclip import decode_video, probe_video


@pytest.fixture(scope="module")
def found(tiny_model_folder, long_clip):
    return emoclip.analyze(long_clip, "joy, <b>doubt</b>", tiny_model_folder, faces="none")


def test_heavy_frames_are_shown_in_time_with_their_weight(found, long_clip, tmp_path):
    """Of whole frames the picture itself, at most six."""
    for _ in range(2):
        pictures = heavy_frames(found, str(long_clip), tmp_path)
    assert 1 <= len(pictures) <= 6
    assert all(Image.open(path).size == (34, 26) for path, _ in pictures)
    assert {str(path) for path in tmp_path.rglob("*.jpg")} == {path for path, _ in pictures}
    seconds = [float(caption.split(" s,")[0].split()[-1]) for _, caption in pictures]
    assert seconds == sorted(seconds)


def test_faces_are_cut_out(tmp_path):
    """The frame of a film shows a person as a dot."""
    clip = next(path for path in example_clips() if "two_persons" in path)
    found = emoclip.analyze(clip, "joy, doubt")
    pictures = heavy_frames(found, clip, tmp_path)
    assert {caption.split(",")[0] for _, caption in pictures} == {"person 1", "person 2"}
    assert all(max(Image.open(path).size) < probe_video(clip).width for path, _ in pictures)


def test_tables_and_films_are_written_and_replaced(found, long_clip, tmp_path):
    """Other words replace the files of the words before."""
    for _ in range(2):
        files = write_tables(found, tmp_path)
        film = write_film(found, tmp_path, str(long_clip))
    assert sorted(path.suffix for path in files.values()) == [".csv", ".json", ".png"]
    assert len(pd.read_csv(files["csv"])) == len(found.timeline)
    assert probe_video(str(film)).width > 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(kept) == sorted([*files.values(), film])


def test_other_words_have_other_addresses(found, long_clip, tmp_path):
    """A browser shows the film of before where the address is the same."""
    first, second = (write_film(found, tmp_path, str(long_clip)) for _ in range(2))
    assert first != second
    assert first.name == second.name


def test_a_picture_has_no_film(tiny_model_folder, tmp_path):
    """The button stays closed."""
    path = tmp_path / "face.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    found = emoclip.analyze(str(path), "joy, doubt", tiny_model_folder, faces="none")
    assert write_film(found, tmp_path, str(path)) is None
    assert [caption for _, caption in heavy_frames(found, str(path), tmp_path)] == ["Picture"]


def test_warnings_name_the_words_and_escape_what_was_typed(found):
    """They stand above the numbers as HTML; without such words there is nothing."""
    shown = warnings_view(found.rescore(["guilty", "<b>lying</b>"]))
    assert shown.count("⚠") == 2
    assert "&lt;b&gt;lying" in shown
    assert "<b>" not in shown
    assert warnings_view(found) == ""


def test_notes_speak_the_language_of_the_page(tiny_model_folder, tmp_path):
    """Nobody can type an option of the command line there."""
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((90, 120, 3), 128, np.uint8)).save(path)
    found = emoclip.analyze(str(path), "joy, doubt", tiny_model_folder)
    described = replace(found, statement=f"Model: x. It read its own class descriptions for <i>; {TEMPLATE_REMEDY}")
    told = notes_text(["The model x could not be had.", *described.notes])
    assert any("--faces" in note for note in found.notes)
    assert "--faces" not in told
    assert "faces=" not in told
    assert "'template'" not in told
    assert "so nothing was scored; the options let you score the whole picture." in told
    assert "with the option “in a sentence” it reads the words instead." in told
    assert "could not be had" in told
    assert "&lt;i&gt;" in told


def test_faces_are_hidden_in_the_film_on_request(tmp_path):
    """Whoever shows the film to others may have to; where none was looked for, it is told."""
    clip = next(path for path in example_clips() if "one_person" in path)
    found = emoclip.analyze(clip, "joy, doubt")
    open_film, hidden = (
        decode_video(str(write_film(found, tmp_path / name, clip, blur_faces=name == "hidden")), indices=[3]).frames
        for name in ("open", "hidden")
        if (tmp_path / name).mkdir() is None
    )
    x1, y1, x2, y2 = found.people[["x1", "y1", "x2", "y2"]].mean().astype(int)
    faces = [frames[0, :, y1:y2, x1:x2].float() for frames in (open_film, hidden)]
    # Coarse blocks have few edges.
    assert faces[1].diff(dim=-1).abs().mean() < 0.7 * faces[0].diff(dim=-1).abs().mean()
    whole = emoclip.analyze(clip, "joy, doubt", faces="none")
    with pytest.raises(ValueError, match="Hiding faces needs faces to be looked for, got the whole picture"):
        write_film(whole, tmp_path, clip, blur_faces=True)


def test_numbers_have_as_many_decimals_as_mean_something(found):
    """Sixteen digits look like certainty."""
    table = number_table(found)
    assert (table["match"] == table["match"].round(4)).all()
