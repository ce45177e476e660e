# SPDX-License-Identifier: Apache-2.0
"""Writes the rendered world to a folder: clips, stills, their two manifests and the tokenizer.

    clips.parquet   manifest of clips/*/*.mp4 (splits `train` and `test`)
    compound.parquet  manifest of compound clips, 43 classes (split `test`), where they were asked for
    stills.parquet  manifest of stills/*/*.jpg (split `train`)
    tokenizer/      trained on the captions of the training clips and stills
    render.json     the settings, so that a folder is never filled from two different worlds

Every picture is a pure function of (seed, index); the video encoder decides a block otherwise once in some hundred clips, which moves
pixels by a few grey levels. A file appears under its name only when complete. So an interrupted run goes on where it
stopped, and several processes or machines may each render a shard into the same folder; whoever finishes last writes the manifests.
"""

import hashlib
import json
import multiprocessing
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from emoclip.data.manifest import write_manifest
from emoclip.synthetic.compounds import COMPOUNDS
from emoclip.synthetic.samples import EMOTIONS, FPS, NUM_FRAMES, make_clip, make_still
from emoclip.synthetic.tokenizer import train_tokenizer
from emoclip.synthetic.video_file import encode_h264, write_atomically


WORLD_VERSION = 1

_FILES_PER_FOLDER = 1000
_STILLS_PER_TASK = 50
_RESULTS = ("clips.parquet", "stills.parquet", "tokenizer", "compound.parquet")
_LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class World:
    """What a folder of rendered faces holds."""

    seed: int = 0
    train_clips: int = 1320
    test_clips: int = 440
    stills: int = 20000
    compound_clips: int = 0
    version: int = WORLD_VERSION

    def validate(self) -> None:
        """Raise ValueError if a number is out of range."""
        for name in ("seed", "train_clips", "test_clips", "stills", "compound_clips"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be at least 0, got {getattr(self, name)}.")
        if self.train_clips + self.test_clips + self.stills + self.compound_clips == 0:
            raise ValueError("At least one clip or still must be asked for, got 0 of each.")

    def items(self) -> list[tuple[str, int]]:
        """(kind, index) of everything to render; kinds are `train`, `test`, `stills` and `compound`."""
        counts = {
            "train": self.train_clips,
            "test": self.test_clips,
            "stills": self.stills,
            "compound": self.compound_clips,
        }
        return [(kind, index) for kind, count in counts.items() for index in range(count)]


def render_world(
    output: str | Path, world: World, *, workers: int = 2, shard: tuple[int, int] = (1, 1), overwrite: bool = False
) -> int:
    """Render one shard of `world` into `output`; return how many files of other shards are still missing.

    With nothing missing the manifests and the tokenizer have been written.

    Args:
        workers: processes; 1 renders in this one.
        shard: (number, count), number from 1.
        overwrite: delete what the folder holds of an earlier rendering first.

    Raises:
        FileExistsError: if the folder is complete or belongs to another world and `overwrite` is not given.
        ValueError: if a number is out of range.
    """
    world.validate()
    if workers < 1:
        raise ValueError(f"`workers` must be at least 1, got {workers}.")
    if not 1 <= shard[0] <= shard[1]:
        raise ValueError(f"`shard` must be i/n with 1 <= i <= n, got {shard[0]}/{shard[1]}.")
    root = Path(output)
    _prepare_folder(root, world, overwrite=overwrite)
    mine = world.items()[shard[0] - 1 :: shard[1]]
    waiting = [item for item in mine if not item_path(root, *item).is_file()]
    _render_items(root, world.seed, waiting, workers)
    missing = sum(not item_path(root, *item).is_file() for item in world.items())
    if not missing:
        _write_results(root, world)
    return missing


def item_path(root: Path, kind: str, index: int) -> Path:
    """File of one clip or still below `root`."""
    folder = f"{index // _FILES_PER_FOLDER:03d}"
    if kind == "stills":
        return root / "stills" / folder / f"still_{index:06d}.jpg"
    return root / "clips" / folder / f"{kind}_{index:06d}.mp4"


def render_item(seed: int, kind: str, index: int) -> bytes:
    """The file of one clip (MP4) or still (JPEG) as bytes."""
    cv2.setNumThreads(1)
    if kind != "stills":
        return encode_h264(make_clip(seed, kind, index).frames(), FPS)
    image = cv2.cvtColor(make_still(seed, index).image(), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return encoded.tobytes()


def _results(world: World) -> tuple[str, ...]:
    """What a complete folder has beside the media."""
    plain = _RESULTS[:-1] if world.train_clips + world.test_clips + world.stills else ()
    return plain + (_RESULTS[-1:] if world.compound_clips else ())


def _prepare_folder(root: Path, world: World, *, overwrite: bool) -> None:
    """Make the folder, or check that it holds an unfinished rendering of the same world."""
    settings = root / "render.json"
    made = [name for name in ("clips", "stills", *_RESULTS) if (root / name).exists()]
    if made and not settings.is_file():
        raise FileExistsError(
            f"{root} holds {made[0]} but no render.json, so it is no rendering; choose another --output."
        )
    if overwrite:
        for name in (*made, "render.json"):
            _remove(root / name)
    if settings.is_file() and World(**json.loads(settings.read_text())) != world:
        raise FileExistsError(
            f"{root} holds another rendering ({settings.read_text()}); choose another --output or give --overwrite."
        )
    if all((root / name).exists() for name in _results(world)):
        raise FileExistsError(
            f"{root} holds a complete rendering already; choose another --output or give --overwrite."
        )
    root.mkdir(parents=True, exist_ok=True)
    write_atomically(settings, json.dumps(asdict(world)).encode())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _render_items(root: Path, seed: int, items: Sequence[tuple[str, int]], workers: int) -> None:
    """Render the items with a progress bar that counts frames."""
    for folder in {item_path(root, *item).parent for item in items}:
        folder.mkdir(parents=True, exist_ok=True)
    tasks = [(root, seed, task) for task in _tasks(items)]
    total = sum(_num_frames(kind) for kind, _ in items)
    with tqdm(total=total, unit="frame", desc="rendering", disable=None) as progress:
        for num_frames in _run_tasks(tasks, workers):
            progress.update(num_frames)


def _run_tasks(tasks: list[tuple[Path, int, list[tuple[str, int]]]], workers: int) -> Iterator[int]:
    if workers == 1 or len(tasks) < 2:
        yield from map(_render_task, tasks)
        return
    # Fresh processes rather than forks: OpenCV and x264 may hold threads and locks.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(tasks)), _ignore_interrupt) as pool:
        yield from pool.imap_unordered(_render_task, tasks)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent process, which ends its workers without a traceback from each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _render_task(task: tuple[Path, int, list[tuple[str, int]]]) -> int:
    root, seed, items = task
    for kind, index in items:
        write_atomically(item_path(root, kind, index), render_item(seed, kind, index))
    return sum(_num_frames(kind) for kind, _ in items)


def _tasks(items: Sequence[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """One clip or a handful of stills each, so that a task takes about as long as any other."""
    yield from ([item] for item in items if item[0] != "stills")
    stills = [item for item in items if item[0] == "stills"]
    yield from (stills[start : start + _STILLS_PER_TASK] for start in range(0, len(stills), _STILLS_PER_TASK))


def _num_frames(kind: str) -> int:
    return 1 if kind == "stills" else NUM_FRAMES


def _write_results(root: Path, world: World) -> None:
    """The tokenizer and the two manifests, the manifest of clips last."""
    clips = [_clip_row(root, world.seed, kind, index) for kind, index in world.items() if kind in ("train", "test")]
    compounds = [_clip_row(root, world.seed, "compound", index) for index in range(world.compound_clips)]
    stills = [_still_row(root, world.seed, index) for index in range(world.stills)]
    if clips or stills:
        texts = [text for row in [*clips, *stills] if row["split"] == "train" for text in row["captions"]]
        train_tokenizer(texts).save_pretrained(root / "tokenizer")
    source = f"data_scripts/render_synthetic_faces.py --seed {world.seed} (world version {world.version})"
    contents = [
        ("compound.parquet", "synthetic-faces-compound", compounds, COMPOUNDS),
        ("stills.parquet", "synthetic-faces-stills", stills, EMOTIONS),
        ("clips.parquet", "synthetic-faces", clips, EMOTIONS),
    ]
    contents = [content for content in contents if content[0] in _results(world)]
    for name, dataset, rows, class_names in contents:
        write_manifest(root / name, rows, class_names=class_names, dataset=dataset, licence=_LICENCE, source=source)
    for kind in ("clips", "stills"):
        for leftover in (root / kind).glob("*/.*.tmp"):
            leftover.unlink(missing_ok=True)


def _clip_row(root: Path, seed: int, kind: str, index: int) -> dict[str, Any]:
    clip = make_clip(seed, kind, index)
    is_compound = kind == "compound"
    label = (COMPOUNDS if is_compound else EMOTIONS).index(clip.emotion)
    return _row(root, item_path(root, kind, index)) | {
        "clip_id": clip.clip_id,
        "media": "video",
        "num_frames": NUM_FRAMES,
        "fps": FPS,
        "label": label,
        "labels": [label],
        "captions": list(clip.captions),
        "subject_id": clip.subject_id,
        "split": "test" if is_compound else kind,
        "course": clip.course,
        "units": json.dumps(clip.units),
    }


def _still_row(root: Path, seed: int, index: int) -> dict[str, Any]:
    still = make_still(seed, index)
    return _row(root, item_path(root, "stills", index)) | {
        "clip_id": still.clip_id,
        "media": "image",
        "num_frames": 1,
        "labels": [],
        "captions": [still.caption],
        "subject_id": still.subject_id,
        "split": "train",
        "units": json.dumps(still.units),
    }


def _row(root: Path, path: Path) -> dict[str, Any]:
    """The columns that depend on the file."""
    return {"path": path.relative_to(root).as_posix(), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
