# SPDX-License-Identifier: Apache-2.0
"""Rendered films: several faces in a scene, of which one speaks, with subtitles.

    film_000.mp4   scenes of three seconds, cut one after another
    film_000.srt   what the speaker of every scene says
    truth.parquet  a row for each scene: film, times, the speaker's emotion and box, and how many others are in sight

The others wear expressions of their own, so that who does not know who speaks must guess. Every scene is a pure function of
(seed, film, scene).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.output import replacing
from emoclip.synthetic.action_units import EXPRESSIONS, draw_expression
from emoclip.synthetic.courses import course_values
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.identity import draw_identity, draw_pose
from emoclip.synthetic.samples import EMOTIONS
from emoclip.synthetic.spoken_lines import draw_line
from emoclip.synthetic.video_file import encode_h264, write_atomically


FILM_FPS = 8.0
SCENE_SECONDS = 3.0
# Silence before and after a line, so that sentences lie within their scene.
PAUSE = 0.2
# A picture has four places for faces, in two rows.
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))
TILE = 64
TRUTH_NAME = "truth.parquet"


@dataclass(frozen=True)
class FilmWorld:
    """What a folder of rendered films holds.

    Args:
        films: Number of films.
        scenes: Of each.
        others: Most persons in a scene beside the speaker, 0 to 3; how many there are is drawn for each scene.
        held_out: Lines of the part that is kept for testing.
        seed: Of everything.

    Raises:
        ValueError: A number is out of its range.
    """

    films: int = 4
    scenes: int = 40
    others: int = 3
    held_out: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("films", 1), ("scenes", 1), ("others", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}, got {getattr(self, name)}.")
        if self.others > len(PLACES) - 1:
            raise ValueError(f"`others` must be at most {len(PLACES) - 1}, got {self.others}.")


@dataclass(frozen=True)
class Actor:
    """A person of a scene: where, and what the face does at its height."""

    place: int
    emotion: str
    units: dict[str, float]
    course: str
    phase: float
    identity_seed: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """One scene before it is drawn; the first actor speaks."""

    film: int
    number: int
    actors: tuple[Actor, ...]
    line: str
    backdrop: tuple[int, int, int]

    @property
    def start(self) -> float:
        """Seconds from the beginning of the film."""
        return self.number * SCENE_SECONDS

    @property
    def box(self) -> list[float]:
        """Where the speaker is, x1, y1, x2, y2 in pixels."""
        row, column = PLACES[self.actors[0].place]
        return [float(TILE * column), float(TILE * row), float(TILE * (column + 1)), float(TILE * (row + 1))]

    def frames(self) -> Iterator[np.ndarray]:
        """Draw the scene, uint8 RGB (128, 128, 3) each."""
        count = round(SCENE_SECONDS * FILM_FPS)
        cast = [(actor, *_made_up(actor)) for actor in self.actors]
        heights = [course_values(actor.course, actor.phase, count) for actor in self.actors]
        for moment in range(count):
            picture = np.empty((2 * TILE, 2 * TILE, 3), np.uint8)
            picture[:] = self.backdrop
            for (actor, renderer, pose), height in zip(cast, heights, strict=True):
                units = {name: apex * height[moment] for name, apex in actor.units.items()}
                face = cv2.resize(renderer.draw(units, pose), (TILE, TILE), interpolation=cv2.INTER_AREA)
                row, column = PLACES[actor.place]
                picture[TILE * row : TILE * (row + 1), TILE * column : TILE * (column + 1)] = face
            yield picture


def make_scene(world: FilmWorld, film: int, number: int) -> Scene:
    """Return a scene of a film."""
    rng = np.random.default_rng([world.seed, int(world.held_out), film, number])
    # All emotions equally often; the neutral one is left out, for its lines are no clips (EmotionCLIP drops them).
    spoken = [emotion for emotion in EMOTIONS if emotion != "neutral"]
    speaker = spoken[(film * world.scenes + number) % len(spoken)]
    count = 1 + int(rng.integers(0, world.others + 1))
    places = rng.permutation(len(PLACES))[:count]
    emotions = [speaker, *rng.choice(EMOTIONS, size=count - 1)]
    actors = tuple(
        _draw_actor(int(place), str(emotion), (world.seed, int(world.held_out), film, number, part), rng)
        for part, (place, emotion) in enumerate(zip(places, emotions, strict=True))
    )
    shade = rng.integers(30, 220, size=3)
    line = draw_line(speaker, rng, held_out=world.held_out)
    return Scene(film, number, actors, line, (int(shade[0]), int(shade[1]), int(shade[2])))


def render_films(output: str | Path, world: FilmWorld) -> list[Path]:
    """Render all films into a folder; those that are there stay. Returns their paths.

    Raises:
        FileExistsError: The folder holds another world's films.
    """
    root = Path(output)
    root.mkdir(parents=True, exist_ok=True)
    settings = root / "films.json"
    if settings.is_file() and json.loads(settings.read_text()) != asdict(world):
        raise FileExistsError(
            f"{root} holds other films ({settings.read_text()}); choose another folder or remove it."
        )
    write_atomically(settings, json.dumps(asdict(world)).encode())
    paths, truth = [], []
    for film in range(world.films):
        path = root / f"film_{film:03d}.mp4"
        scenes = [make_scene(world, film, number) for number in range(world.scenes)]
        if not path.is_file():
            write_atomically(path.with_suffix(".srt"), _subtitles(scenes).encode())
            write_atomically(
                path, encode_h264(np.stack([frame for scene in scenes for frame in scene.frames()]), FILM_FPS)
            )
        paths.append(path)
        truth += [_truth(path.stem, scene) for scene in scenes]
    with replacing(root / TRUTH_NAME) as temporary:
        pq.write_table(pa.Table.from_pylist(truth), temporary)
    return paths


def _draw_actor(place: int, emotion: str, identity_seed: tuple[int, ...], rng: np.random.Generator) -> Actor:
    course = str(rng.choice(EXPRESSIONS[emotion].courses))
    return Actor(place, emotion, draw_expression(emotion, rng), course, float(rng.random()), identity_seed)


def _made_up(actor: Actor) -> tuple[FaceRenderer, Any]:
    rng = np.random.default_rng(list(actor.identity_seed))
    return FaceRenderer(draw_identity(rng)), draw_pose(rng)


def _truth(film_id: str, scene: Scene) -> dict[str, Any]:
    return {
        "film_id": film_id,
        "number": scene.number,
        "start": scene.start,
        "end": scene.start + SCENE_SECONDS,
        "emotion": scene.actors[0].emotion,
        "box": scene.box,
        "others": len(scene.actors) - 1,
        "line": scene.line,
    }


def _subtitles(scenes: list[Scene]) -> str:
    return "\n".join(
        f"{scene.number + 1}\n{_time(scene.start + PAUSE)} --> {_time(scene.start + SCENE_SECONDS - PAUSE)}\n{scene.line}\n"
        for scene in scenes
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


__all__ = ["FILM_FPS", "SCENE_SECONDS", "TRUTH_NAME", "FilmWorld", "Scene", "make_scene", "render_films"]
