# SPDX-License-Identifier: Apache-2.0
import pandas as pd
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.demo.studio import Choices, Studio, open_models
from emoclip.demo.visits import VisitBook


WORDS = "happiness\nquiet relief, doubt"


@pytest.fixture
def studio(tiny_model_folder, tmp_path):
    return Studio({"tiny": load_model(tiny_model_folder)}, VisitBook(tmp_path / "visits"))


def test_numbers_are_those_of_analyze(studio, long_clip, tiny_model_folder):
    """The page is a way to look at `emoclip.analyze`, not a second opinion."""
    found = studio.analyse("a", "analyse", str(long_clip), WORDS, Choices(faces="none", other=0.1))
    expected = emoclip.analyze(long_clip, WORDS, tiny_model_folder, faces="none", other=0.1, agreement=True)
    pd.testing.assert_frame_equal(found.timeline, expected.timeline)


def test_other_words_are_scored_without_the_video(studio, tmp_path, long_clip):
    """The file may even be gone."""
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(long_clip.read_bytes())
    studio.analyse("a", "analyse", str(copy), WORDS, Choices(faces="none"))
    copy.unlink()
    again = studio.rescore("a", "analyse", "awe, boredom", Choices(faces="none", prompt="plain"))
    assert list(again.texts.values()) == ["awe", "boredom"]


def test_visitors_are_kept_apart(studio, long_clip):
    """Another's video must not be scored by my words."""
    studio.analyse("a", "analyse", str(long_clip), WORDS, Choices(faces="none"))
    with pytest.raises(ValueError, match="press Analyse first"):
        studio.rescore("b", "analyse", WORDS, Choices())


def test_files_that_are_refused_go_with_the_visit_too(studio, tmp_path):
    """Whatever was handed over is deleted, not only what could be used."""
    upload = studio.book.root / "hash/text.mp4"
    upload.parent.mkdir(parents=True)
    upload.write_text("this is no video")
    with pytest.raises(ValueError, match="must be a video or a picture"):
        studio.analyse("a", "analyse", str(upload), WORDS, Choices())
    studio.book.forget("a")
    assert not upload.exists()


def test_moments_are_the_most_similar_windows(studio, long_clip, monkeypatch):
    """For each word the best first; a second search of the same file looks at words alone."""
    first = studio.moments("a", str(long_clip), "awe, boredom", Choices(faces="none"))
    assert list(first["emotion"].unique()) == list(
        first.sort_values("similarity", ascending=False)["emotion"].unique()
    )
    for _, table in first.groupby("emotion"):
        assert table["similarity"].is_monotonic_decreasing
    from emoclip.demo import studio as module

    monkeypatch.setattr(module, "analyze", None)
    assert set(studio.moments("a", str(long_clip), "relief", Choices())["emotion"]) == {"relief"}


def test_a_model_that_cannot_be_had_is_replaced_and_said():
    """A Space must open also on a day on which the Hub does not answer."""
    models, notes = open_models("someone/not-there", None)
    assert list(models) == ["embedded default"]
    assert "someone/not-there could not be had" in notes[0]


def test_a_folder_that_is_misspelt_is_an_error():
    """At home the page must not show another model than the one that was named."""
    with pytest.raises(FileNotFoundError, match="no/such/folder"):
        open_models("no/such/folder", None)


def test_models_to_compare_are_opened_beside_the_first(tiny_model_folder):
    """And the embedded default is always one of them."""
    models, notes = open_models(str(tiny_model_folder), None, "someone/not-there")
    assert list(models) == [str(tiny_model_folder), "embedded default"]
    assert len(notes) == 1


def test_models_that_were_not_opened_are_refused(studio, long_clip):
    """A visitor must not make the server download whatever comes to mind."""
    with pytest.raises(ValueError, match="must be one of tiny, got 'other'"):
        studio.analyse("a", "analyse", str(long_clip), WORDS, Choices(model="other"))
