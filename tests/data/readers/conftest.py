# SPDX-License-Identifier: Apache-2.0
"""Miniatures of the official downloads: true names and formats, a few clips, and the quirks of each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from emoclip.data.readers import get_reader


def picture(path: Path, level: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((24, 30, 3), level, np.uint8)).save(path)


def frames(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        picture(folder / name, 20 + 10 * (number % 20))


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def mafw(root: Path, clip: Path) -> None:
    """Five folds, captions in GBK, ids with gaps, a combination of three, a clip in no compound fold."""
    lists = root / "Train & Test Set"
    labels = {1: ["anger", "neutral", "anger"], 2: ["happiness"], 3: ["sadness"], 4: ["fear"], 5: ["contempt"]}
    compound = {**labels, 1: ["anger", "neutral"], 2: ["happiness_surprise"], 5: ["anger_disgust_contempt"]}
    for kind, table in (("single", labels), ("compound", compound)):
        for fold, words in table.items():
            ids = [f"{fold:02}{place:03}" for place in range(len(words))]
            plain = "".join(f"{name}.mp4 {word}\n" for name, word in zip(ids, words, strict=True))
            write(lists / kind / "no_caption" / f"set_{fold}" / "test.txt", plain)
            told = [
                f"{name}.mp4\t{word}\t一个人皱着眉很生气。\tA person frowns, eyes wide, and shouts.\r\n"
                for name, word in zip(ids, words, strict=True)
                if word != "neutral"
            ]
            write(lists / kind / "with_caption" / f"set_{fold}" / "test.txt", "".join(told).encode("gbk"))
    for name in ("01000", "01001", "01002", "02000", "03000", "04000", "05000"):
        frames(root / "data" / "frames" / name, [f"{number}.png" for number in range(3)])
    write(root / "data" / "clips" / "04000.mp4", clip.read_bytes())


def dfew(root: Path, clip: Path) -> None:
    """Unpadded names, labels from 1, a folder name that varies, frames without padding, a clip of three frames."""
    for fold in range(1, 6):
        lines = f"video_name,label\n{fold},{fold}\n{fold + 100},7\n"
        write(root / "EmoLabel_DataSplit" / "test(single-labeled)" / f"set_{fold}.csv", lines)
        frames(root / "Clip" / "clip_224x224_16f" / f"{fold:05}", [f"{number}.jpg" for number in range(1, 17)])
        frames(root / "Clip" / "clip_224x224_16f" / f"{fold + 100:05}", ["1.jpg", "2.jpg", "10.jpg"])


def ferv39k(root: Path, clip: Path) -> None:
    """Clip numbers repeat between scenes; words are adjectives."""
    write(root / "4_setups" / "All_scenes" / "train_All.csv", "Action/Sad/0010 Sad\nWar/Angry/0010 Angry\n")
    write(root / "4_setups" / "All_scenes" / "test_All.csv", "Action/Happy/0010 Happy")
    for place in ("Action/Sad", "War/Angry", "Action/Happy"):
        frames(root / "2_ClipsforFaceCrop" / place / "0010", ["01.jpg", "02.jpg"])


def afew(root: Path, clip: Path) -> None:
    """The same id in both splits, service folders beside the emotions."""
    for folder in ("Train_AFEW", "Val_AFEW"):
        for emotion in ("Angry", "Happy"):
            write(root / folder / emotion / f"00515081{4 if emotion == 'Angry' else 7}.avi", clip.read_bytes())
        write(root / folder / "AlignedFaces_LBPTOP_Points" / "Faces" / "x.txt", "")


def afew_faces(root: Path, clip: Path) -> None:
    """The frames that the papers prepared: nouns for folders, split and class in front of the id."""
    for split, number in (("train", 0), ("validation", 1)):
        for emotion, label in (("Happiness", 0), ("Sadness", 1)):
            frames(root / "AFEW_Face" / split / emotion / f"{number}_{label}_002916200", ["1.png", "2.png"])


def caer(root: Path, clip: Path) -> None:
    """Numbers start again in every folder."""
    for split in ("train", "validation", "test"):
        for emotion in ("Anger", "Sad"):
            write(root / split / emotion / "0001.avi", clip.read_bytes())
            write(root / split / emotion / "._0001.avi", b"what macOS leaves in archives")


def caer_s(root: Path, clip: Path) -> None:
    for split in ("train", "test"):
        for emotion in ("Anger", "Happy"):
            picture(root / split / emotion / "0001.png")
            write(root / split / emotion / "Thumbs.db", b"")


def rafdb(root: Path, clip: Path) -> None:
    """The official misspelling, 5 digits in training, 4 in the test."""
    for part, labels in (("basic", (4, 7)), ("compound", (1, 11))):
        lines = f"train_00001.jpg {labels[0]}\ntest_0001.jpg {labels[1]}\n"
        write(root / part / "EmoLabel" / "list_patition_label.txt", lines)
        for name in ("train_00001", "test_0001"):
            picture(root / part / "Image" / "aligned" / f"{name}_aligned.jpg")


def affectnet(root: Path, clip: Path) -> None:
    """Numbers, text in the place of a number, contempt and a still of no class."""
    for split, codes in (("train_set", (0, 7, 8)), ("val_set", (3, 6, 1))):
        for number, code in enumerate(codes):
            picture(root / split / "images" / f"{number * 7}.jpg")
            (root / split / "annotations").mkdir(exist_ok=True)
            stem = root / split / "annotations" / str(number * 7)
            np.save(f"{stem}_exp.npy", np.array(str(code)) if number else np.array(code))
            np.save(f"{stem}_val.npy", np.array(-0.25))
            np.save(f"{stem}_aro.npy", np.array("0.5"))


def affectnet_full(root: Path, clip: Path) -> None:
    """A list without heading, endings in any case, a box that is missing, a still of no class, one that is listed twice."""
    names = ["face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression", "valence", "arousal"]
    heading = ",".join(["subDirectory_filePath", *names]) + "\n"
    first = "1/a.jpg,3,4,10,12,1;2,1,0.5,-0.5\n"
    lists = root / "Manually_Annotated_file_lists"
    write(lists / "training.csv", heading + first + "1/b.jpg,NULL,NULL,NULL,NULL,,10,-2,-2\n" + first)
    write(lists / "validation.csv", "1/c.JPG,10,20,30,40,1;2,6,0.5,-2\n1/a.jpg,NULL,NULL,NULL,NULL,,0,0,0\n")
    for name in ("a.jpg", "b.jpg", "c.JPG"):
        picture(root / "Manually_Annotated_Images" / "1" / name)


def ferplus_pixels(root: Path, clip: Path) -> None:
    """Kaggle's table beside FERPlus' own: names that are no row numbers, a removed still, a name that occurs twice."""
    ferplus(root, clip)
    for still in root.rglob("*.png"):
        still.unlink()
    names, pixels = ["Usage,Image name,neutral,happiness"], ["emotion,pixels,Usage"]
    for split, usage in enumerate(("Training", "PublicTest", "PrivateTest")):
        for place, number in enumerate((0, None, 1, 3, 2, 3)):
            name = "" if number is None else f"fer00{split}000{number}.png"
            names.append(f"{usage},{name},1,2")
            pixels.append(f"0,{' '.join([str(10 * place)] * 48 * 48)},{usage}")
    write(root / "fer2013new.csv", "\n".join(names) + "\n")
    write(root / "fer2013.csv", "\n".join(pixels) + "\n")


def ferplus(root: Path, clip: Path) -> None:
    """A majority, a tie, an unknown, and a vote of one person alone."""
    rows = [
        'fer0000000.png,"(0, 0, 48, 48)",0,8,1,1,0,0,0,0,0,0',
        'fer0000001.png,"(0, 0, 48, 48)",5,5,0,0,0,0,0,0,0,0',
        'fer0000002.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,9,1',
        'fer0000003.png,"(0, 0, 48, 48)",0,0,0,0,10,0,0,0,0,0',
    ]
    for split, folder in enumerate(("FER2013Train", "FER2013Valid", "FER2013Test")):
        write(root / "data" / folder / "label.csv", "\n".join(rows).replace("fer000", f"fer00{split}") + "\n")
        for number in range(4):
            picture(root / "data" / folder / f"fer00{split}000{number}.png")


def meld(root: Path, clip: Path) -> None:
    """Numbers repeat between splits; one table is in Windows' encoding; a video is missing, one broken, one stray."""
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"
    line = '1,"Oh, that\x92s it",Ross,joy,positive,0,3,8,21,"00:16:16,059","00:16:21,731"\r\n'
    folders = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    for split, folder in folders.items():
        encoding = "cp1252" if split == "train" else "utf-8"
        text = header + line.replace("\x92", "\N{RIGHT SINGLE QUOTATION MARK}")
        known = {"train": "125,3", "dev": "110,7"}.get(split)
        if known:
            text += f'2,Hi,Rachel,fear,negative,{known},8,21,"00:16:16,059","00:16:21,731"\r\n'
        write(root / f"{split}_sent_emo.csv", text.encode(encoding))
        write(root / folder / "dia0_utt3.mp4", clip.read_bytes())
        write(root / folder / "final_videos_testdia0_utt4.mp4", clip.read_bytes())
        write(root / folder / "._dia0_utt3.mp4", b"")
    write(root / "train_splits" / "dia125_utt3.mp4", b"no video")


def bold(root: Path, clip: Path) -> None:
    """`.mp4` twice in a name, two persons in one clip, joints that count in the source film, a joint not seen."""
    name = "003/IzvOYVMltkI.mp4/0114.mp4"
    scores = ["0.5", "0.49", *["0.0"] * 23, "1.0"]
    lines = [
        ",".join([name, person, "100", "103", *scores, "5", "6", "7", "Male", "Adult", "White", "0.9"])
        for person in "01"
    ]
    write(root / "annotations" / "train.csv", "\n".join(lines) + "\n")
    write(root / "annotations" / "val.csv", lines[0].replace("0114", "0115") + "\n")
    joints = np.zeros((4, 56))
    joints[:, 0], joints[:, 1] = [100, 101, 101, 103], [0, 0, 1, 0]
    joints[:, 2:5], joints[:, 5:8] = (3.5, 4.5, 0.9), (10.2, 20.7, 0.8)
    joints[3, 2:] = 0
    for number in ("0114", "0115"):
        write(root / "videos" / "003" / "IzvOYVMltkI.mp4" / f"{number}.mp4", clip.read_bytes())
    place = root / "joints" / "003" / "IzvOYVMltkI.mp4" / "0114.npy"
    place.parent.mkdir(parents=True)
    np.save(place, joints)


def bold_frames(root: Path, clip: Path) -> None:
    """Only the frames were kept, in folders that are called like videos."""
    bold(root, clip)
    shutil.rmtree(root / "videos")
    for number in ("0114", "0115"):
        frames(root / "mmextract" / "003" / "IzvOYVMltkI.mp4" / f"{number}.mp4", ["img_00001.jpg", "img_00002.jpg"])


def emotic_mat(root: Path, clip: Path) -> None:
    """The official file: structs in structs, cells of words, and fields that differ between training and the rest."""
    emotic(root, clip)
    shutil.rmtree(root / "annotations_pre")
    people = [
        ([-3, 2, 40, 24], ["Doubt/Confusion", "Peace"], [5.0, 3.0, np.nan]),
        ([1, 2, 4, 8], ["Anger"], [np.nan] * 3),
    ]
    splits = {}
    for split in ("train", "val", "test"):
        rows = []
        for box, words, affect in people:
            cell = np.array(words, dtype=object)
            numbers = dict(zip(("valence", "arousal", "dominance"), affect, strict=True))
            row = {"body_bbox": np.array(box), "annotations_categories": {"categories": cell}}
            if split != "train":
                row |= {"combined_categories": cell}
            row |= {"annotations_continuous": numbers}
            if split != "train":
                row |= {"combined_continuous": numbers}
            rows.append(row | {"gender": "Male", "age": "Adult"})
        # As MATLAB has it: a struct array of persons in one image, a single struct in the other.
        fields = [(name, object) for name in rows[0]]
        both = np.array([tuple(row.values()) for row in rows], dtype=fields)
        about = {
            "folder": "mscoco/images",
            "image_size": {"n_col": 30, "n_row": 24},
            "original_database": {"name": "x"},
        }
        images = [
            {"filename": f"{split}.jpg", **about, "person": both},
            {"filename": f"{split}.jpg", **about, "person": rows[1]},
        ]
        splits[split] = np.array([tuple(image.values()) for image in images], [(name, object) for name in images[0]])
    (root / "Annotations").mkdir()
    savemat(root / "Annotations" / "Annotations.mat", splits)


def emotic(root: Path, clip: Path) -> None:
    """Lists as Python text, a box that leaves the picture, a person without valence."""
    header = "Index,Folder,Filename,Image Size,BBox,Categorical_Labels,Continuous_Labels,Gender,Age\n"
    for split in ("train", "val", "test"):
        lines = [
            f'0,mscoco/images,{split}.jpg,"[30, 24]","[-3, 2, 40, 24]","[\'Doubt/Confusion\', \'Peace\']","[5.0, 3.0, nan]",Male,Adult',
            f'1,mscoco/images,{split}.jpg,"[30, 24]","[1, 2, 4, 8]","[\'Anger\']","[nan, nan, nan]",Female,Kid',
        ]
        write(root / "annotations_pre" / f"{split}.csv", header + "\n".join(lines) + "\n")
        picture(root / "emotic" / "mscoco" / "images" / f"{split}.jpg")


def moviegraphs(root: Path, clip: Path) -> None:
    """One film as frames and one as a file, an open last shot, a class name in short, free upper case, two words of a class."""
    films = {"train": "tt0073486", "val": "tt0097576", "test": "tt0100405"}
    write(root / "official" / "mg" / "split.json", json.dumps({name: [film] for name, film in films.items()}))
    labels = json.dumps({film: {"1": ["Doubt/Conf", "Anger"], "2": ["Yearning"]} for film in films.values()})
    write(root / "official" / "mg" / "py3loader" / "emotion_labels.json", labels)
    info = root / "official" / "mg_videoinfo"
    for film in films.values():
        write(info / "scene_boundaries" / f"{film}.scenes.gt", "1 2 0\n3 3 1\n\n")
        write(info / "video_boundaries" / f"{film}.videvents", "120\n2 0.08 CUT\n5 0.21 CUT\n")
    for film in (films["train"], films["test"]):
        for number in range(5 + 8 * 24):
            picture(root / "frames" / film / f"frame_{number}.jpg", number)
    write(root / "films" / f"{films['val']}.mp4", clip.read_bytes())


def liris_accede(root: Path, clip: Path) -> None:
    """One film as frames and one as a file, one table with a column more, a stray file, and the set of short clips."""
    for number, name, columns in (
        (0, "DevSet", "Time\tValence\tArousal"),
        (54, "TestSet", "Time\tMean\tValence\tArousal"),
    ):
        places = columns.count("\t")
        lines = ["\t".join([str(second), *["0.25"] * (places - 1), "-0.5"]) for second in range(2 if number else 1)]
        folder = root / f"MEDIAEVAL18-{name}-Valence_Arousal-annotations" / "annotations"
        write(folder / f"MEDIAEVAL18_{number:02}_Valence-Arousal.txt", "\n".join([columns, *lines]) + "\n")
        write(folder / ".DS_Store", b"\x00\xff")
    for second in (1, 2):
        picture(root / "frames" / "MEDIAEVAL18_54.mp4" / f"{second:08}.jpg")
    write(root / "MEDIAEVAL18-DevSet-1" / "data" / "MEDIAEVAL18_00.mp4", clip.read_bytes())
    heading = "id\tname\tvalenceRank\tarousalRank\tvalenceValue\tarousalValue\tvalenceVariance\tarousalVariance"
    names = [f"ACCEDE{number:05}.mp4" for number in range(3)]
    ranks = [f"{number}\t{name}\t1\t2\t2.5\t3.25\t0.1\t0.2" for number, name in enumerate(names)]
    write(root / "ACCEDEranking.txt", "\n".join([heading, *ranks]) + "\n")
    sets = [f"{number}\t{name}\t{number}" for number, name in enumerate(names)]
    write(root / "ACCEDEsets.txt", "\n".join(["id\tname\tset", *sets]) + "\n")
    for name in names:
        write(root / "data" / name, clip.read_bytes())


def ness(root: Path, clip: Path) -> None:
    """Two patients, one with two sessions, scores of two items."""
    lines = ["video,patient_id,session,item,score"]
    for video, patient, session in (("a.mp4", "P2", "1"), ("b.mp4", "P1", "1"), ("c.mp4", "P2", "2")):
        write(root / video, clip.read_bytes())
        lines += [
            f"{video},{patient},{session},N3: Poor Rapport,4",
            f"{video},{patient},{session},N1: Blunted Affect,2.5",
        ]
    write(root / "scores.csv", "\n".join(lines) + "\n")


def ravdess(root: Path, clip: Path) -> None:
    """Speech and song, and video without sound, of which only speech with picture and sound counts."""
    for actor in (1, 22):
        for name in ("01-01-03-01-01-01", "01-02-03-01-01-01", "02-01-03-01-01-01", "01-01-08-02-02-02"):
            write(root / f"Actor_{actor:02}" / f"{name}-{actor:02}.mp4", clip.read_bytes())


def crema_d(root: Path, clip: Path) -> None:
    for name in ("1001_DFA_ANG_XX", "1005_IEO_HAP_HI"):
        write(root / "VideoFlash" / f"{name}.flv", clip.read_bytes())
    write(root / "VideoFlash" / "readme.txt", "")
    write(root / "VideoDemographics.csv", "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n")


def folder(root: Path, clip: Path) -> None:
    """People's own clips: a folder for each class."""
    for split in ("train", "test"):
        for name in ("ruhig", "gespannt"):
            write(root / split / name / "ä clip.mp4", clip.read_bytes())
            picture(root / split / name / "still.png")


def hub(root: Path, clip: Path) -> None:
    """What `datasets` opens as a video folder, with splits."""
    for split in ("train", "test"):
        for name in ("calm", "tense"):
            write(root / split / name / f"{split} {name}.mp4", clip.read_bytes())


BUILDERS = {
    builder.__name__: builder
    for builder in (
        *(
            mafw,
            dfew,
            ferv39k,
            afew,
            caer,
            caer_s,
            rafdb,
            affectnet,
            ferplus,
            meld,
            bold,
            emotic,
            moviegraphs,
            liris_accede,
        ),
        *(ness, ravdess, crema_d, folder, hub),
        *(afew_faces, affectnet_full, ferplus_pixels, bold_frames, emotic_mat),
    )
}


@pytest.fixture
def miniature(tmp_path: Path, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that builds the miniature of a data set and gives its root."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def build(name: str) -> Path:
        root = tmp_path / "download" / name
        root.mkdir(parents=True)
        BUILDERS[name](root, short_clip)
        return root

    return build


@pytest.fixture
def rows_of(tmp_path: Path) -> Callable[..., dict[str, dict]]:
    """Return a function of data set, root and task that gives the reader's rows by their ids."""

    def read(name: str, root: Path, task: str | None = None) -> dict[str, dict]:
        reader = get_reader(name, root, media_folder=tmp_path / "unpacked")
        return {row["clip_id"]: row for row in reader.rows(root, reader.task_or_default(task))}

    return read


@pytest.fixture
def labels_of(rows_of: Callable) -> Callable[..., dict[str, str]]:
    """As `rows_of`, and gives the word for the label of each row."""

    def read(name: str, root: Path, task: str | None = None) -> dict[str, str]:
        reader = get_reader(name, root)
        names = reader.tasks[reader.task_or_default(task)]
        return {clip: names[row["label"]] for clip, row in rows_of(name, root, task).items()}

    return read
