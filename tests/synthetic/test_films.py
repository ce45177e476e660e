# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pyarrow.parquet as pq
import pytest

from emoclip.dialogue.subtitles import read_subtitles
from emoclip.synthetic.films import TILE, TRUTH_NAME, FilmWorld, make_scene, render_films
from modeling_emoclip.video_decoding_emoclip import decode_video


WORLD = FilmWorld(films=2, scenes=3, others=2, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    render_films(root, WORLD)
    return root


def test_film_subtitles_and_truth_agree(folder):
    """A box or an emotion of another scene would make every study of films worthless."""
    truth = pq.read_table(folder / TRUTH_NAME).to_pylist()
    assert [(row["film_id"], row["number"]) for row in truth] == [
        (f"film_00{f}", n) for f in range(2) for n in range(3)
    ]
    lines = [cue for film in range(2) for cue in read_subtitles(folder / f"film_00{film}.srt")]
    assert [cue.text for cue in lines] == [row["line"] for row in truth]
    assert all(row["start"] < cue.start < cue.end < row["end"] for row, cue in zip(truth, lines, strict=True))
    video = decode_video(folder / "film_001.mp4")
    assert len(video.frames) == 3 * 24
    # Of the third scene, its twentieth frame, in the speaker's box.
    scene = make_scene(WORLD, 1, 2)
    left, top, right, bottom = map(int, scene.box)
    drawn = list(scene.frames())[19][top:bottom, left:right]
    seen = video.frames[2 * 24 + 19, :, top:bottom, left:right].permute(1, 2, 0).numpy()
    assert np.abs(drawn.astype(int) - seen).mean() < 6


def test_persons_stand_in_places_of_their_own():
    """The speaker under another face could not be read."""
    for number in range(30):
        scene = make_scene(FilmWorld(scenes=30, others=3), 0, number)
        places = [actor.place for actor in scene.actors]
        assert len(set(places)) == len(places)
        assert scene.box[2] - scene.box[0] == TILE


def test_emotions_are_balanced_and_others_differ_in_number():
    """Chance must be known, and some scenes must have nobody else."""
    scenes = [make_scene(FilmWorld(films=1, scenes=40), 0, number) for number in range(40)]
    counts = [
        sum(scene.actors[0].emotion == emotion for scene in scenes)
        for emotion in {s.actors[0].emotion for s in scenes}
    ]
    assert counts == [4] * 10
    assert {len(scene.actors) for scene in scenes} == {1, 2, 3, 4}


def test_what_is_there_is_kept_and_other_films_are_refused(folder):
    """A run that was stopped goes on; two worlds in one folder would mix."""
    before = (folder / "film_000.mp4").stat().st_mtime_ns
    render_films(folder, WORLD)
    assert (folder / "film_000.mp4").stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match="holds other films"):
        render_films(folder, FilmWorld(films=2, scenes=4))


@pytest.mark.parametrize(
    ("values", "told"), [({"others": 4}, "at most 3, got 4"), ({"scenes": 0}, "at least 1, got 0")]
)
def test_numbers_out_of_range_are_told(values, told):
    """Before anything is drawn."""
    with pytest.raises(ValueError, match=told):
        FilmWorld(**values)
