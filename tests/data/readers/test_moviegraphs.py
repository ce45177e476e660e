# SPDX-License-Identifier: Apache-2.0
"""MovieGraphs: scenes are stretches of films."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.data import load
from emoclip.data.clips import ClipDataset
from emoclip.data.media import clip_source
from emoclip.data.prepare import prepare
from emoclip.data.readers import READERS
from modeling_emoclip import EmoCLIPVideoProcessor


class TestMovieGraphs:
    def test_scenes_run_from_their_first_shot_to_the_end_of_their_last(
        self, miniature: Callable, rows_of: Callable
    ) -> None:
        """Shots count from 1, a shot ends where the next begins, the last one after 192 frames."""
        rows = rows_of("moviegraphs", miniature("moviegraphs"))
        assert [(row["start_frame"], row["end_frame"]) for row in rows.values()] == [(0, 5), (5, 197)] * 3
        row = rows["tt0073486/001"]
        assert [READERS["moviegraphs"].tasks["categories"][label] for label in row["labels"]] == [
            "anger",
            "doubt/confusion",
        ]
        assert row["split"] == "train" and row["subject_id"] == "tt0073486"

    def test_clip_is_its_stretch_of_frames_or_of_the_film(self, miniature: Callable, tmp_path: Path) -> None:
        """The first frames of the film for every scene would train on credits."""
        prepare("moviegraphs", miniature("moviegraphs"), tmp_path / "m.parquet", allow_missing=True)
        processor = EmoCLIPVideoProcessor(num_frames=2, frame_sampling="uniform", size=16, crop_size=16)
        clips = ClipDataset(load(tmp_path / "m.parquet", split="train"), processor)
        grey = processor.load_clip(clips.rows[1]["file"] + "/frame_53.jpg")[0]
        # Two halves of 5 to 196: their middles.
        source, stretch = clip_source(clips.rows[1])
        assert torch.equal(processor.load_clip(source, stretch=stretch)[0][0], grey[0])

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("scene_boundaries/tt0073486.scenes.gt", "1 9 0\n", r"scenes.gt:1: shots must be from 1 to 3, got 1 to 9"),
            ("scene_boundaries/tt0073486.scenes.gt", "1 2 0\n", r"scene 2: a scene must be one of 1 to 1"),
            (
                "video_boundaries/tt0073486.videvents",
                "9\nx 1 CUT\n",
                r"videvents:2: a scene, shot or frame must be .* got 'x'",
            ),
        ],
    )
    def test_boundaries_that_do_not_fit_are_named(
        self, file: str, content: str, message: str, miniature: Callable, rows_of: Callable
    ) -> None:
        """Files of two releases, mixed."""
        root = miniature("moviegraphs")
        (root / "official" / "mg_videoinfo" / file).write_text(content)
        with pytest.raises(ValueError, match=message):
            rows_of("moviegraphs", root)

    def test_film_that_is_shorter_than_its_annotation_ends_where_it_ends(
        self, miniature: Callable, rows_of: Callable
    ) -> None:
        """The scene of one film whose end EmotionCLIP set by hand, and the frames that are there of one that is cut."""
        root = miniature("moviegraphs")
        film = "tt0388795"
        (root / "official" / "mg" / "split.json").write_text(json.dumps({"train": [film]}))
        labels = root / "official" / "mg" / "py3loader" / "emotion_labels.json"
        labels.write_text(json.dumps({film: {"206": ["Anger"], "207": ["Peace"]}}))
        info = root / "official" / "mg_videoinfo"
        (info / "scene_boundaries" / f"{film}.scenes.gt").write_text("1 1 0\n" * 206 + "2 3 0\n")
        (info / "video_boundaries" / f"{film}.videvents").write_text("0\n184000 1 CUT\n193000 2 CUT\n")
        rows = rows_of("moviegraphs", root)
        assert (rows[f"{film}/207"]["start_frame"], rows[f"{film}/207"]["end_frame"]) == (184000, 184272)
        assert rows[f"{film}/206"]["end_frame"] == 184000

    def test_scene_that_is_no_number_is_named(self, miniature: Callable, rows_of: Callable) -> None:
        """Another grouping of the words, with names for scenes."""
        root = miniature("moviegraphs")
        path = root / "official" / "mg" / "py3loader" / "emotion_labels.json"
        path.write_text('{"tt0073486": {"opening": ["Anger"]}}')
        with pytest.raises(ValueError, match=r"emotion_labels.json, tt0073486: a scene, .* got 'opening'"):
            rows_of("moviegraphs", root)

    @pytest.mark.parametrize("words", ["null", "[1]", '"Anger"'])
    def test_scene_without_a_list_of_words_is_named(self, words: str, miniature: Callable, rows_of: Callable) -> None:
        """Users build this file themselves."""
        root = miniature("moviegraphs")
        path = root / "official" / "mg" / "py3loader" / "emotion_labels.json"
        labels = {film: {"1": ["Anger"]} for film in json.loads(path.read_text())}
        film = next(iter(labels))
        path.write_text(json.dumps({**labels, film: {"1": json.loads(words)}}))
        with pytest.raises(
            ValueError, match=rf"emotion_labels.json, {film}, scene '1': a scene must have a list of words"
        ):
            rows_of("moviegraphs", root)

    def test_film_without_scenes_is_named(self, miniature: Callable, rows_of: Callable) -> None:
        """Half of the labels would pass as all of them."""
        root = miniature("moviegraphs")
        path = root / "official" / "mg" / "py3loader" / "emotion_labels.json"
        labels = json.loads(path.read_text())
        del labels["tt0097576"]
        path.write_text(json.dumps(labels))
        with pytest.raises(ValueError, match=r"emotion_labels.json: every film of .*split.json .* tt0097576 has none"):
            rows_of("moviegraphs", root)

    def test_missing_films_are_refused(self, miniature: Callable, tmp_path: Path) -> None:
        """A list of splits without a test would give results on validation."""
        root = miniature("moviegraphs")
        path = root / "official" / "mg" / "split.json"
        split = json.loads(path.read_text())
        del split["test"]
        path.write_text(json.dumps(split))
        with pytest.raises(ValueError, match=r"train: 1 films, officially 34; .* test: 0 films, officially 10"):
            prepare("moviegraphs", root, tmp_path / "m.parquet")
        assert prepare("moviegraphs", root, tmp_path / "m.parquet", allow_missing=True).doubts == [
            "all clips: 4 clips, usually told 7637 (not confirmed)"
        ]

    def test_other_encoding_and_scenes_that_stand_twice_are_named(
        self, miniature: Callable, rows_of: Callable, tmp_path: Path
    ) -> None:
        """Files that were opened and saved elsewhere."""
        root = miniature("moviegraphs")
        path = root / "official" / "mg" / "py3loader" / "emotion_labels.json"
        given = path.read_text()
        path.write_text(given.replace('"2"', '"01"', 1))
        with pytest.raises(
            ValueError, match=r"emotion_labels.json, tt0073486, scene '01' .* in .* scene '1' \(train in"
        ):
            prepare("moviegraphs", root, tmp_path / "m.parquet")
        path.write_bytes(b"{\n" + given[1:].replace("Anger", "\xc4rger").encode("latin-1"))
        with pytest.raises(ValueError, match=r"emotion_labels.json:2: must be written in utf-8"):
            rows_of("moviegraphs", root)
