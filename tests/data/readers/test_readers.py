# SPDX-License-Identifier: Apache-2.0
"""Every data set on a miniature of its official download: what the reader makes of it, quirks above all."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from emoclip.data import load
from emoclip.data.clips import ClipDataset
from emoclip.data.manifest import read_manifest
from emoclip.data.media import clip_source
from emoclip.data.prepare import prepare
from emoclip.data.readers import READERS, get_reader
from emoclip.data.readers.ferplus import majority
from emoclip.data.readers.mafw import neutral_caption
from emoclip.evaluation.zero_shot import predict
from emoclip.metrics import war
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor
from modeling_emoclip.labels_emoclip import NEUTRAL_CAPTIONS


def rows_of(name: str, root: Path, task: str | None = None) -> dict[str, dict]:
    reader = get_reader(name, root)
    return {row["clip_id"]: row for row in reader.rows(root, reader.task_or_default(task))}


def labels_of(name: str, root: Path, task: str | None = None) -> dict[str, str]:
    reader = get_reader(name, root)
    names = reader.tasks[reader.task_or_default(task)]
    return {clip: names[row["label"]] for clip, row in rows_of(name, root, task).items()}


@pytest.fixture(scope="module")
def tiny_system(tiny_model_folder: Path) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
    return EmoCLIPModel.from_pretrained(tiny_model_folder), EmoCLIPProcessor.from_pretrained(tiny_model_folder)


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, reader in READERS.items() for task in reader.tasks])
def test_from_download_to_scores(
    name: str, task: str, miniature: Callable, tmp_path: Path, tiny_system: tuple[EmoCLIPModel, EmoCLIPProcessor]
) -> None:
    """The whole way that every data set goes: reader, manifest, loader, pixels, one step of evaluation."""
    output = tmp_path / "out" / f"{name}.parquet"
    # The miniature's counts are not the official ones.
    prepared = prepare(name, miniature(name), output, task=task, allow_missing=True)
    manifest = read_manifest(output)
    assert manifest.table.num_rows == sum(
        sum(numbers.values()) for group, numbers in prepared.counts.items() if not group.startswith("fold")
    )
    assert manifest.dataset == f"{name}/{task}"
    rows = load(output)
    scores, clips = predict(*tiny_system, rows, [text.replace("_", " ") for text in manifest.class_names])
    assert not clips.errors and sorted(clips.rows) == list(range(len(rows)))
    assert scores.shape == (len(rows), len(manifest.class_names))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    labelled = [place for place, label in enumerate(rows["label"]) if label is not None]
    if labelled:
        references = [rows["label"][place] for place in labelled]
        assert 0 <= war(references, scores.argmax(axis=1)[labelled].tolist()) <= 1


def test_every_reader_says_what_a_user_must_know() -> None:
    """Licence and way of access decide whether somebody may begin at all."""
    for name, reader in READERS.items():
        assert reader.name == name
        assert reader.title and reader.licence and reader.access and reader.source
        for task, counts in reader.counts.items():
            for group, numbers in counts.items():
                assert set(numbers) <= {*reader.tasks[task], ""}, (name, group)
    with pytest.raises(ValueError, match=r"must be one of mafw, .* got 'imagenet'"):
        get_reader("imagenet", Path())


@pytest.mark.parametrize(
    ("name", "task", "totals"),
    [
        ("mafw", "single", {"fold 1": 1839, "fold 2": 1837, "fold 3": 1833, "fold 4": 1832, "fold 5": 1831}),
        ("dfew", "single", {"fold 1": 2341, "fold 2": 2341, "fold 3": 2340, "fold 4": 2339, "fold 5": 2336}),
        ("ferv39k", "single", {"train": 31088, "test": 7847}),
        ("afew", "single", {"train": 773, "validation": 381}),
        ("rafdb", "basic", {"train": 12271, "test": 3068}),
        ("affectnet", "8", {"train": 287651, "validation": 3999}),
        ("affectnet", "7", {"train": 283901, "validation": 3499}),
        ("ferplus", "majority", {"train": 25045, "validation": 3191, "test": 3137}),
        ("meld", "emotion", {"train": 9989, "dev": 1109, "test": 2610}),
        ("ravdess", "speech", {"train": 1200, "test": 240}),
    ],
)
def test_official_counts_add_up(name: str, task: str, totals: dict[str, int]) -> None:
    """A slip in a histogram would refuse every right copy."""
    counts = READERS[name].counts[task]
    assert {group: sum(numbers.values()) for group, numbers in counts.items()} == totals


class TestMAFW:
    def test_captions_are_the_english_field_in_gbk(self, miniature: Callable) -> None:
        """Read as UTF-8 the file fails; split at commas the caption is cut."""
        rows = rows_of("mafw", miniature("mafw"))
        assert rows["01000"]["captions"] == ["A person frowns, eyes wide, and shouts."]
        assert rows["01000"]["test_fold"] == 1
        assert rows["01000"]["media"] == "frames" and rows["01000"]["num_frames"] == 3
        assert rows["04000"]["media"] == "video"

    def test_neutral_clips_get_two_of_five_captions_fixed_for_each(self, miniature: Callable) -> None:
        """The paper's rule; drawn anew each time, two runs would train on other data."""
        caption = rows_of("mafw", miniature("mafw"))["01001"]["captions"][0]
        parts = [text for text in NEUTRAL_CAPTIONS if text in caption]
        assert len(parts) == 2 and len(caption) == sum(map(len, parts)) + 1
        assert caption == neutral_caption("01001")
        assert len({neutral_caption(str(number)) for number in range(50)}) > 10

    def test_combinations_keep_their_components(self, miniature: Callable) -> None:
        """Averaged prototypes need them."""
        root = miniature("mafw")
        assert labels_of("mafw", root, "compound")["05000"] == "anger_disgust_contempt"
        rows = rows_of("mafw", root, "compound")
        assert rows["05000"]["labels"] == [0, 1, 7]
        assert rows["02000"]["labels"] == [3, 6]

    @pytest.mark.parametrize(
        ("kind", "content", "message"),
        [
            ("no_caption", b"00001.mp4 joy\n", r"test.txt:1: the label must be one of anger, .* got 'joy'"),
            ("no_caption", b"\n00001.mp4\n", r"test.txt:2: a line must be `clip label`"),
            ("with_caption", b"00001.mp4\tanger\ttext\n", "test.txt:1: a line must have 4 fields .* got 3"),
            ("with_caption", b"\xff\xff", "must be written in gb18030"),
        ],
    )
    def test_damaged_lists_are_named_with_file_and_row(
        self, kind: str, content: bytes, message: str, miniature: Callable
    ) -> None:
        """A list that was opened and saved by a spreadsheet."""
        root = miniature("mafw")
        (root / "Train & Test Set" / "single" / kind / "set_3" / "test.txt").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            rows_of("mafw", root)

    def test_renamed_list_folder_is_found(self, miniature: Callable) -> None:
        """Spaces and ampersands do not survive many copies."""
        root = miniature("mafw")
        (root / "Train & Test Set").rename(root / "Train_Test_Set")
        assert len(rows_of("mafw", root)) == 6


def test_dfew_ids_are_padded_and_labels_counted_from_one(miniature: Callable) -> None:
    """Label 1 taken for the second class shifts every emotion."""
    root = miniature("dfew")
    labels = labels_of("dfew", root)
    assert labels["00001"] == "happiness" and labels["00005"] == "surprise" and labels["00101"] == "fear"
    assert rows_of("dfew", root)["00101"]["num_frames"] == 3
    path = root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_2.csv"
    path.write_text("video_name,label\n2,8\n")
    with pytest.raises(ValueError, match=r"set_2.csv:2: the label must be one of 1, 2, 3, 4, 5, 6, 7, got '8'"):
        rows_of("dfew", root)
    path.write_text("label,video_name\n2,8\n")
    with pytest.raises(ValueError, match="must have the columns video_name, label"):
        rows_of("dfew", root)


def test_ferv39k_ids_hold_scene_and_emotion(miniature: Callable) -> None:
    """Number 0010 exists in every scene."""
    assert labels_of("ferv39k", miniature("ferv39k")) == {
        "Action/Sad/0010": "sadness",
        "War/Angry/0010": "anger",
        "Action/Happy/0010": "happiness",
    }


def test_afew_ids_hold_the_split(miniature: Callable) -> None:
    """The same video id occurs in both."""
    rows = rows_of("afew", miniature("afew"))
    expected = {(split, f"{split}/00515081{end}") for split in ("train", "validation") for end in (4, 7)}
    assert {(row["split"], clip) for clip, row in rows.items()} == expected


def test_rafdb_names_differ_between_list_and_file(miniature: Callable) -> None:
    """The list lacks `_aligned`, and labels count from 1."""
    root = miniature("rafdb")
    assert labels_of("rafdb", root) == {"train_00001": "happiness", "test_0001": "neutral"}
    assert labels_of("rafdb", root, "compound")["test_0001"] == "disgustedly surprised"
    assert rows_of("rafdb", root, "compound")["test_0001"]["components"] == ["disgust", "surprise"]


def test_affectnet_leaves_out_what_is_no_class(miniature: Callable) -> None:
    """Code 8 is "none"; contempt counts in the task of eight alone."""
    root = miniature("affectnet")
    assert labels_of("affectnet", root, "8") == {
        "train/0": "neutral", "train/7": "contempt", "validation/0": "surprise", "validation/7": "anger",
        "validation/14": "happiness",
    }  # fmt: skip
    assert "train/7" not in labels_of("affectnet", root, "7")
    assert rows_of("affectnet", root)["train/7"]["arousal"] == 0.5


def test_affectnet_full_release_with_and_without_header(tmp_path: Path) -> None:
    """Some copies of the validation list lack it; a lost first row would go unnoticed."""
    lists, pictures = tmp_path / "Manually_Annotated_file_lists", tmp_path / "Manually_Annotated_Images"
    (pictures / "1").mkdir(parents=True)
    lists.mkdir()
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
    (lists / "training.csv").write_text(
        header + "1/a.jpg,10,20,30,40,1;2,1,0.5,-0.5\n1/b.jpg,NULL,NULL,NULL,NULL,,10,-2,-2\n"
    )
    (lists / "validation.csv").write_text("1/c.JPG,10,20,30,40,1;2,6,0.5,-0.5\n")
    rows = rows_of("affectnet", tmp_path)
    assert set(rows) == {"train/1/a.jpg", "validation/1/c.JPG"}
    assert rows["train/1/a.jpg"]["boxes"] == [[10, 20, 40, 60]]


class TestFERPlus:
    @pytest.mark.parametrize(
        ("votes", "label"),
        [
            ([0, 8, 1, 1, 0, 0, 0, 0, 0, 0], 1),
            ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], None),
            ([0, 0, 0, 0, 0, 0, 0, 0, 9, 1], None),
            ([6, 1, 1, 1, 1, 0, 0, 0, 0, 0], 0),
            ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], None),
            ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
        ],
    )
    def test_majority_rule(self, votes: list[int], label: int | None) -> None:
        """Votes of one person alone are taken away first; half is no majority."""
        assert majority(votes) == label

    def test_later_row_of_a_name_wins(self, miniature: Callable) -> None:
        """The picture of the later row has overwritten the earlier one."""
        labels = labels_of("ferplus", miniature("ferplus"))
        assert sorted(set(labels.values())) == ["anger", "happiness"]
        assert len(labels) == 6


def test_meld_reads_both_encodings(miniature: Callable) -> None:
    """Curly apostrophes of the archive's own tables are not UTF-8."""
    rows = rows_of("meld", miniature("meld"))
    assert set(rows) == {"train/dia0_utt3", "dev/dia0_utt3", "test/dia0_utt3"}
    assert {row["text"] for row in rows.values()} == {"Oh, that\N{RIGHT SINGLE QUOTATION MARK}s it"}


class TestBoLD:
    def test_persons_of_a_clip_are_rows_of_their_own(self, miniature: Callable) -> None:
        """Scores from one half on count; the name of the joints loses its last `.mp4` alone."""
        rows = rows_of("bold", miniature("bold"))
        first = rows["003/IzvOYVMltkI.mp4/0114.mp4#0"]
        assert set(rows) == {
            f"003/IzvOYVMltkI.mp4/{clip}.mp4#{person}" for clip, person in (("0114", 0), ("0114", 1), ("0115", 0))
        }
        assert (first["labels"], first["valence"], first["gender"]) == ([0, 25], 5.0, "Male")
        assert rows["003/IzvOYVMltkI.mp4/0115.mp4#0"]["boxes"] is None

    def test_boxes_begin_with_the_clip_and_leave_unseen_joints_out(self, miniature: Callable) -> None:
        """Frame numbers of the film would point behind the clip; zeros would pull every box to the corner."""
        rows = rows_of("bold", miniature("bold"))
        box = [3.0, 4.0, 11.0, 21.0]
        assert rows["003/IzvOYVMltkI.mp4/0114.mp4#0"]["boxes"] == [box, box, [], []]
        assert rows["003/IzvOYVMltkI.mp4/0114.mp4#1"]["boxes"] == [[], box, [], []]

    def test_a_table_with_other_columns_is_named(self, miniature: Callable) -> None:
        """A header that somebody added, or a column that a spreadsheet dropped."""
        root = miniature("bold")
        (root / "annotations" / "val.csv").write_text("a,b,c\n")
        with pytest.raises(ValueError, match=r"val.csv:1: a row must have 37 fields, got 3"):
            rows_of("bold", root)


def test_emotic_cuts_boxes_and_keeps_missing_numbers_missing(miniature: Callable) -> None:
    """A box outside the picture has no pixels, and NaN spreads through every mean."""
    rows = rows_of("emotic", miniature("emotic"))
    first, second = rows["train/0"], rows["train/1"]
    assert first["boxes"] == [[0.0, 2.0, 30.0, 24.0]]
    assert [READERS["emotic"].tasks["categories"][label] for label in first["labels"]] == ["doubt/confusion", "peace"]
    assert (first["valence"], first["dominance"], second["valence"]) == (5.0, None, None)
    assert len(rows) == 6


class TestNESS:
    def test_patients_are_folds_and_items_are_targets(self, miniature: Callable) -> None:
        """A patient in two folds would be tested on by a model that has seen them."""
        root = miniature("ness")
        assert get_reader("ness", root).tasks == {"regression": ("N1: Blunted Affect", "N3: Poor Rapport")}
        rows = rows_of("ness", root)
        assert {video: row["test_fold"] for video, row in rows.items()} == {"a.mp4": 2, "b.mp4": 1, "c.mp4": 2}
        assert rows["a.mp4"]["targets"] == [2.5, 4.0]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("a.mp4,P2,1,N1: Blunted Affect,3", "scores.csv:8: 'N1: Blunted Affect' of a.mp4 must be scored once"),
            ("a.mp4,P9,1,N2,3", "scores.csv:8: a.mp4 must belong to one patient and session"),
            ("a.mp4,P2,1,N2,high", "scores.csv:8: a score must be a number, got 'high'"),
            ("a.mp4,P2,1,N2,3", "every video must have every item, b.mp4 has no N2"),
        ],
    )
    def test_bad_tables_are_named_with_their_row(self, line: str, message: str, miniature: Callable) -> None:
        """Clinical tables are kept by hand."""
        root = miniature("ness")
        with (root / "scores.csv").open("a") as file:
            file.write(line + "\n")
        with pytest.raises(ValueError, match=message):
            get_reader("ness", root)


def test_ravdess_takes_speech_with_picture_and_sound(miniature: Callable) -> None:
    """Song and silent copies of the same takes would count twice."""
    rows = rows_of("ravdess", miniature("ravdess"))
    assert len(rows) == 4
    assert {row["split"] for row in rows.values() if row["subject_id"] == "22"} == {"test"}


def test_crema_d_splits_by_actor(miniature: Callable) -> None:
    """A split of clips would test on faces seen in training."""
    rows = rows_of("crema_d", miniature("crema_d"))
    assert {row["subject_id"]: row["split"] for row in rows.values()} == {"1001": "train", "1005": "test"}


class TestFolder:
    def test_folders_are_classes(self, miniature: Callable) -> None:
        """Names in any language, videos beside stills."""
        root = miniature("folder")
        assert get_reader("folder", root).tasks == {"classes": ("gespannt", "ruhig")}
        labels = labels_of("folder", root)
        assert labels["test/ruhig/ä clip.mp4"] == "ruhig"
        assert len(labels) == 8

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    def test_tables_with_labels_captions_and_columns_of_ones_own(
        self, ending: str, tmp_path: Path, short_clip: Path
    ) -> None:
        """The layout that `datasets` calls a video folder."""
        (tmp_path / "a.mp4").write_bytes(short_clip.read_bytes())
        lines = [
            {"file_name": "a.mp4", "label": "calm", "caption": "brows at rest, mouth closed", "fold": 2, "take": "x"},
            {"file_name": "b.mp4", "label": "", "caption": "a frown", "fold": "", "take": "y"},
        ]
        if ending == "csv":
            text = (
                'file_name,label,caption,fold,take\na.mp4,calm,"brows at rest, mouth closed",2,x\nb.mp4,,a frown,,y\n'
            )
        else:
            text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / f"metadata.{ending}").write_text(text)
        rows = rows_of("folder", tmp_path)
        assert rows["a.mp4"]["captions"] == ["brows at rest, mouth closed"]
        assert (rows["a.mp4"]["test_fold"], rows["a.mp4"]["take"]) == (2, "x")
        assert rows["b.mp4"]["label"] is None

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("metadata.csv", "name,label\na,b\n", "must have the column `file_name`"),
            ("metadata.csv", "file_name,label\na.mp4,\n", "metadata.csv:2: a row must have `file_name` and `label`"),
            ("metadata.jsonl", "{", "metadata.jsonl:1: a line must be a JSON object"),
            ("metadata.jsonl", "[1]", "metadata.jsonl:1: a line must be a JSON object, got"),
        ],
    )
    def test_bad_tables_are_named_with_file_and_row(self, name: str, text: str, message: str, tmp_path: Path) -> None:
        """The user can repair only what is named."""
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=message):
            get_reader("folder", tmp_path)

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        """With what it should hold."""
        with pytest.raises(
            FileNotFoundError, match=r"metadata.csv, metadata.jsonl or metadata.parquet, or a folder for each class"
        ):
            get_reader("folder", tmp_path)


class TestMovieGraphs:
    def test_scenes_run_from_their_first_shot_to_the_end_of_their_last(self, miniature: Callable) -> None:
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
        prepare("moviegraphs", miniature("moviegraphs"), tmp_path / "m.parquet")
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
            ("video_boundaries/tt0073486.videvents", "9\nx 1 CUT\n", r"videvents:2: a shot .* got 'x'"),
        ],
    )
    def test_boundaries_that_do_not_fit_are_named(
        self, file: str, content: str, message: str, miniature: Callable
    ) -> None:
        """Files of two releases, mixed."""
        root = miniature("moviegraphs")
        (root / "official" / "mg_videoinfo" / file).write_text(content)
        with pytest.raises(ValueError, match=message):
            rows_of("moviegraphs", root)


class TestLirisAccede:
    def test_a_row_is_the_frame_at_its_second(self, miniature: Callable) -> None:
        """Frames are named from 1, seconds from 0; in a film the frame comes from the rate."""
        rows = rows_of("liris_accede", miniature("liris_accede"))
        assert set(rows) == {"MEDIAEVAL18_00/00000", "MEDIAEVAL18_54/00000", "MEDIAEVAL18_54/00001"}
        assert rows["MEDIAEVAL18_54/00001"]["path"].name == "00000002.jpg"
        assert (rows["MEDIAEVAL18_00/00000"]["start_frame"], rows["MEDIAEVAL18_00/00000"]["end_frame"]) == (0, 1)
        assert [row["split"] for row in rows.values()] == ["train", "test", "test"]

    def test_columns_are_found_by_heading(self, miniature: Callable) -> None:
        """One release has a column before valence; by position its arousal would be the valence."""
        rows = rows_of("liris_accede", miniature("liris_accede"))
        assert all(row["targets"] == [0.25, -0.5] for row in rows.values())

    def test_short_clips_keep_the_official_sets(self, miniature: Callable) -> None:
        """0 is test, not train."""
        rows = rows_of("liris_accede", miniature("liris_accede"), "discrete")
        assert [row["split"] for row in rows.values()] == ["test", "train", "validation"]
        assert rows["ACCEDE00000.mp4"]["targets"] == [2.5, 3.25]

    def test_moved_columns_are_named(self, miniature: Callable) -> None:
        """A table saved by a spreadsheet."""
        root = miniature("liris_accede")
        path = root / "ACCEDEranking.txt"
        path.write_text(path.read_text().replace("valenceValue", "value"))
        with pytest.raises(ValueError, match=r"ranking.txt:1: the heading must have the column valencevalue"):
            rows_of("liris_accede", root, "discrete")
