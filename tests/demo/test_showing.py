# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import emoclip
from emoclip.demo.parts import example_clips
from emoclip.demo.showing import heavy_frames, notes_text, number_table, write_film, write_tables
from modeling_emoclip.video_decoding_emoclip import probe_video


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


def test_notes_warn_first_and_escape_what_was_typed(found):
    """A warning below the fold is none."""
    text = notes_text(found, ["guilty", "<b>lying</b>"], ("The model x could not be had.",))
    assert text.startswith("⚠")
    assert "<b>" not in text
    assert "could not be had" in text


def test_numbers_have_as_many_decimals_as_mean_something(found):
    """Sixteen digits look like certainty."""
    table = number_table(found)
    assert (table["match"] == table["match"].round(4)).all()
