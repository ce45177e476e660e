# SPDX-License-Identifier: Apache-2.0
import pandas as pd
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.demo.limits import Limits
from emoclip.demo.studio import Choices, Studio, best_moments, open_models
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
    studio.book.grace = -1
    studio.book.forget("a")
    assert not upload.exists()


def test_moments_are_the_most_similar_windows(studio, long_clip, monkeypatch):
    """For each word the best first; a second search of the same file looks at words alone."""
    first = best_moments(studio.search("a", str(long_clip), "awe, boredom", Choices(faces="none")))
    assert list(first["emotion"].unique()) == list(
        first.sort_values("similarity", ascending=False)["emotion"].unique()
    )
    for _, table in first.groupby("emotion"):
        assert table["similarity"].is_monotonic_decreasing
    from emoclip.demo import studio as module

    monkeypatch.setattr(module, "analyze", None)
    again = best_moments(studio.search("a", str(long_clip), "relief", Choices()))
    assert set(again["emotion"]) == {"relief"}


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


def test_models_to_compare_are_pinned_too(tiny_model_folder, monkeypatch):
    """A comparison with whatever the Hub holds today is none."""
    asked = []

    def download(name, revision):
        asked.append((name, revision))
        return str(tiny_model_folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    models, notes = open_models(None, None, "someone/model@1f2e3d")
    assert asked == [("someone/model", "1f2e3d")]
    assert list(models) == ["someone/model", "embedded default"]
    assert notes == ()


def test_a_folder_may_have_the_sign_in_its_name(tiny_model_folder, tmp_path):
    """What lies on the disk is meant as it stands."""
    folder = tmp_path / "run@home"
    folder.symlink_to(tiny_model_folder)
    assert str(folder) in open_models(None, None, str(folder))[0]


def test_an_analysis_that_takes_too_long_ends(tiny_model_folder, tmp_path, long_clip):
    """One visitor's film must not keep all others waiting."""
    studio = Studio({"tiny": load_model(tiny_model_folder)}, VisitBook(tmp_path), Limits(processing=0))
    with pytest.raises(ValueError, match="may take 0 s here, and it took longer"):
        studio.analyse("a", "analyse", str(long_clip), WORDS, Choices(faces="none"))
    assert studio.book.find("a").busy is False


def test_a_click_has_one_deadline(tiny_model_folder, tmp_path):
    """All of its parts end together, not each after a limit of its own."""
    now = [0.0]
    models = {"tiny": load_model(tiny_model_folder)}
    studio = Studio(models, VisitBook(tmp_path), Limits(processing=300), clock=lambda: now[0])
    end = studio.deadline()
    now[0] = 299
    studio.bounded(None, end)(1, 2)
    now[0] = 301
    with pytest.raises(ValueError, match="may take 300 s here"):
        studio.bounded(None, end)(1, 2)
