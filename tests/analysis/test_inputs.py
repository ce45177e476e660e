# SPDX-License-Identifier: Apache-2.0
import shutil

import numpy as np
import pytest

import emoclip
from emoclip.analysis import load_model
from emoclip.analysis.inputs import different_names, list_videos
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError


@pytest.fixture
def folder(tmp_path, short_clip):
    for name in ("b.mp4", "a.MP4", ".hidden.mp4", "notes.txt"):
        shutil.copy(short_clip, tmp_path / name)
    return tmp_path


def test_folders_and_patterns_are_their_videos(folder):
    """In the order of names, so that two runs agree."""
    names = [path.name for path in list_videos(folder)]
    assert names == ["a.MP4", "b.mp4"]
    assert list_videos(str(folder / "*.mp4")) == [str(folder / "b.mp4")]
    with pytest.raises(FileNotFoundError, match="must fit at least one file"):
        list_videos(str(folder / "*.avi"))


def test_a_folder_of_frames_is_one_video(tmp_path):
    """As it always was; beside videos nobody can tell what is meant."""
    (tmp_path / "0.png").touch()
    assert list_videos(tmp_path) == [tmp_path]
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ValueError, match="holds 1 videos and 1 pictures; give a pattern"):
        list_videos(tmp_path)


def test_a_list_of_pictures_is_one_video_and_names_with_brackets_are_names(tmp_path):
    """A file called `take [1].mp4` is no pattern."""
    pictures = [np.zeros((4, 4, 3), np.uint8)] * 3
    assert len(list_videos(pictures)) == 1
    (tmp_path / "take [1].mp4").touch()
    assert list_videos(tmp_path / "take [1].mp4") == [tmp_path / "take [1].mp4"]


def test_one_bad_video_among_several_is_told_and_skipped(folder, tiny_model_folder):
    """A night's work must not end at file 731; alone it is an error."""
    loaded = load_model(tiny_model_folder)
    found = emoclip.analyze(
        [folder / "b.mp4", folder / "notes.txt", folder / "missing.mp4", folder / "a.MP4"], "a,b", loaded, faces="none"
    )
    # The copy under the name of a text is a video all the same.
    assert found.timeline["video"].nunique() == 3
    assert sum("missing.mp4" in note for note in found.notes) == 1
    with pytest.raises(VideoDecodeError, match=r"does not exist.*does not exist"):
        emoclip.analyze([folder / "x.mp4", folder / "y.mp4"], "a,b", loaded, faces="none")


def test_numbers_make_names_that_nothing_else_has():
    assert different_names(["a", "a", "a (2)", "a"]) == ["a", "a (3)", "a (2)", "a (4)"]


def test_arrays_of_one_shape_are_two_videos(tiny_model_folder):
    """Their windows were averaged into one video that nobody had given."""
    films = [np.full((9, 26, 34, 3), level, np.uint8) for level in (10, 200)]
    found = emoclip.analyze(films, "a,b", tiny_model_folder, faces="none")
    assert found.timeline["video"].nunique() == 2
    assert found.summary.groupby("emotion").size().tolist() == [2, 2]


def test_numbers_go_on_from_the_last_of_a_name():
    """Each equal name tried all numbers anew, so the time grew with the square of the files."""
    tried = []

    def numbered(name, number):
        tried.append((name, number))
        return f"{name} ({number})"

    names = ["a", "b", "a (3)"] * 9
    different = different_names(names, numbered)
    assert len(set(different)) == len(names)
    assert different[3:9] == ["a (2)", "b (2)", "a (3) (2)", "a (4)", "b (3)", "a (3) (3)"]
    assert len(set(tried)) == len(tried)
