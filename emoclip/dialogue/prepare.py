# SPDX-License-Identifier: Apache-2.0
"""From films with subtitles to a manifest of captioned clips: text first, then frames and persons, film by film.

clips/<film>/<sentence>/000001.jpg   frames at 8 a second
manifest.parquet                     captions, sentiment_logits, boxes of persons
sentences.parquet                    every sentence, with why it was left out
films.csv                            a row for each film: where its text is from, clips, and what went wrong
settings.json                        how it was made
work/                                what a run goes on from that was stopped, or some of whose films have errors
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.data.manifest import write_manifest_table
from emoclip.data.output import replacing
from emoclip.data.row_spool import RowSpool
from emoclip.data.worker_pool import WorkerPool
from modeling_emoclip.video_decoding_emoclip import probe_video

from .clip_stage import FilmJob, FilmResult, clip_path, cut_film, wanted_clips
from .films import Film, Selection, list_films, reading_errors, told, without_excluded
from .persons import PersonDetector
from .settings import SETTINGS_NAME, DialogueSettings, check_settings, claim_output
from .text_stage import Origin, TextStage, is_of_these_inputs, origin_of, write_table


MANIFEST_NAME, FILMS_NAME, SENTENCES_NAME = "manifest.parquet", "films.csv", "sentences.parquet"
WORK = "work"
# Whoever prepares films that they may not pass on must say so; nothing is assumed.
DEFAULT_LICENCE = "unknown"
Watch = Callable[[Iterable[Film], int], Iterable[Film]]


@dataclass(frozen=True)
class FilmStatus:
    """A line of `films.csv`; `source` says where the text is from, `language` in what it is, empty where that is not told.

    `unread` tells of subtitles that would have gone before `source`, and cannot be read.
    """

    film_id: str
    path: str
    source: str
    language: str
    num_sentences: int
    num_clips: int
    error: str
    unread: str = ""


@dataclass(frozen=True)
class Prepared:
    """What was written.

    Args:
        manifest: Its path.
        num_clips: Its rows.
        left_out: Reason -> number of sentences.
        films: All that were not excluded.
        selection: What was excluded.
    """

    manifest: Path
    num_clips: int
    left_out: dict[str, int]
    films: list[FilmStatus]
    selection: Selection


class Progress:
    """Hears how far the preparation is; this one says nothing."""

    def films(self, films: Iterable[Film], total: int) -> Iterable[Film]:
        """Pass films through as their text is read."""
        return films

    def read_anew(self, film: Film) -> None:
        """Hear that a film or its subtitles have changed, and that what was made of it is discarded."""

    def start_clips(self, total: int) -> None:
        """Hear how many clips are to be cut."""

    def clips(self, count: int) -> None:
        """Hear that clips are done."""


def prepare_dialogue(
    inputs: Iterable[str | Path],
    output: str | Path,
    settings: DialogueSettings | None = None,
    *,
    workers: int = 1,
    device: str = "cpu",
    test_films: Iterable[str] = (),
    licence: str = DEFAULT_LICENCE,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare films; a film that fails is listed. The same call goes on after a stop, and takes up again what failed.

    Args:
        inputs: Films, or folders with films below.
        output: Folder of the result.
        settings: How; the defaults if absent.
        workers: Processes that decode and look for persons, a film each.
        device: Where the models run.
        test_films: Ids of the films whose clips get the split `test`; the others get `train`.
        licence: Of the films, for the manifest.
        progress: Hears how far it is.

    Raises:
        FileExistsError: The output is finished, or was begun with other settings or films.
        FileNotFoundError: A film is not there.
        ValueError: A setting or a model does not fit, or no film gives a clip.
        OSError: Nothing can be written, or a model cannot be found.
    """
    output, settings, progress = Path(output), settings or DialogueSettings(), progress or Progress()
    if workers < 1:
        raise ValueError(f"`--workers` must be at least 1, got {workers}.")
    if (output / MANIFEST_NAME).exists() and not (output / WORK).is_dir():
        raise FileExistsError(
            f"The output must not be finished yet, got {output}; choose another folder or remove it."
        )
    selection = without_excluded(list_films(inputs), settings.exclude)
    films = selection.films
    _check_same_films(output, films)
    tests = _checked_tests(films, test_films)
    # Models that do not fit are told before the first film, and before anything is written.
    stage = TextStage(settings, device)
    settings = replace(settings, sentiment_names=stage.sentiment.names)
    _detector(settings, device)
    claim_output(output, settings)
    jobs = [_job(film, output) for film in films]
    errors = _read_texts(jobs, stage, progress)
    del stage
    # Of a film with an error it is not known whether it is still the one of its sentences; what is there is kept.
    ready = [job for job in jobs if job.sentences.is_file() and job.film.film_id not in errors]
    progress.start_clips(sum(len(wanted_clips(job.sentences)) for job in ready))
    progress.clips(sum(1 for job in ready for _ in job.rows.rows(["number"])))
    for result in _cut_all(ready, settings, workers, device, progress):
        if result.error:
            errors[result.film.film_id] = result.error
    return replace(_finish(output, jobs, errors, settings, tests, licence), selection=selection)


def finished_manifest(output: Path, settings: DialogueSettings) -> Path | None:
    """Return the manifest of an output that is finished, `None` for any other, such as one with films that failed.

    Raises:
        FileExistsError: It was made with other settings, or by something else.
    """
    if not (output / MANIFEST_NAME).is_file():
        return None
    if not (output / SETTINGS_NAME).is_file():
        raise FileExistsError(
            f"`--output` must be a new folder or one begun earlier, {output} holds another manifest."
        )
    check_settings(output, settings)
    return None if (output / WORK).is_dir() else output / MANIFEST_NAME


def _check_same_films(output: Path, films: list[Film]) -> None:
    """Refuse to take up films again in an output that would lose the clips of others.

    Raises:
        FileExistsError: Films with clips in the output are not given.
    """
    if not (output / MANIFEST_NAME).is_file() or not (output / FILMS_NAME).is_file():
        return
    with (output / FILMS_NAME).open(newline="", encoding="utf-8") as file:
        earlier = {row["film_id"] for row in csv.DictReader(file) if row["clips"] != "0"}
    if missing := sorted(earlier - {film.film_id for film in films}):
        raise FileExistsError(
            f"{output} has clips of {len(missing)} films that are not given, such as {missing[0]!r}; go on with the same films, or "
            "choose another folder."
        )


def _checked_tests(films: list[Film], names: Iterable[str]) -> set[str]:
    tests, known = set(names), {film.film_id for film in films}
    if unknown := sorted(tests - known):
        raise ValueError(
            f"A test film must be one of the films, got {unknown[0]!r}; there are {', '.join(sorted(known)[:10])}."
        )
    return tests


def _job(film: Film, output: Path) -> FilmJob:
    place = output / WORK / film.name
    return FilmJob(
        film, place.with_name(f"{place.name}.sentences.parquet"), place.with_name(f"{place.name}.clips"), output
    )


def _read_texts(jobs: list[FilmJob], stage: TextStage, progress: Progress) -> dict[str, str]:
    """Write the sentences of every film that has none of what is there now; return film id -> error."""
    errors: dict[str, str] = {}
    by_film = {job.film.film_id: job for job in jobs}
    for film in progress.films([job.film for job in jobs], len(jobs)):
        job = by_film[film.film_id]
        try:
            if job.sentences.is_file():
                if is_of_these_inputs(job.sentences, film):
                    continue
                # Another film of this name, or other subtitles: its clips are other ones, too.
                progress.read_anew(film)
                job.discard()
            table = stage.table(film, probe_video(film.path).duration)
        except reading_errors() as error:
            errors[film.film_id] = told(error)
            continue
        write_table(table, job.sentences)
    return errors


def _cut_all(
    jobs: list[FilmJob], settings: DialogueSettings, workers: int, device: str, progress: Progress
) -> Iterator[FilmResult]:
    if workers == 1:
        detector = _detector(settings, device)
        for job in jobs:
            yield cut_film(job, settings, detector, advance=lambda: progress.clips(1))
        return
    pool: WorkerPool[FilmJob, FilmResult] = WorkerPool(
        _work, workers=min(workers, max(len(jobs), 1)), setup=_setup, arguments=(settings, device), on_death=_died
    )
    for result in pool.run(jobs):
        progress.clips(result.num_clips)
        yield result


class _Worker:
    """The state of a worker process."""

    settings: DialogueSettings
    detector: PersonDetector | None


def _setup(settings: DialogueSettings, device: str) -> None:
    import torch

    # There is a process for each core already.
    torch.set_num_threads(1)
    _Worker.settings, _Worker.detector = settings, _detector(settings, device)


def _work(job: FilmJob) -> FilmResult:
    return cut_film(job, _Worker.settings, _Worker.detector)


def _died(job: FilmJob) -> FilmResult:
    return FilmResult(job.film, 0, "the worker process died over this film, out of memory or by a fault of a codec")


def _detector(settings: DialogueSettings, device: str) -> PersonDetector | None:
    if settings.person_model is None:
        return None
    return PersonDetector(
        settings.person_model,
        min_score=settings.min_person_score,
        letterbox_slip=settings.letterbox_slip,
        device=device,
    )


def _finish(
    output: Path,
    jobs: list[FilmJob],
    errors: dict[str, str],
    settings: DialogueSettings,
    tests: set[str],
    licence: str,
) -> Prepared:
    left_out, films = Counter[str](), []
    with RowSpool(output) as rows:
        for job in jobs:
            num_sentences, num_clips = _add_rows(rows, job, settings, tests, left_out)
            error = errors.get(job.film.film_id, "")
            origin = origin_of(job.sentences) if job.sentences.is_file() else Origin()
            about = (job.film.film_id, str(job.film.path), origin.source, origin.language)
            films.append(FilmStatus(*about, num_sentences, num_clips, error, origin.unread))
        _write_films(output / FILMS_NAME, films)
        # Before the refusal: it says why there is no clip.
        _write_sentences(output / SENTENCES_NAME, jobs)
        if not len(rows):
            raise ValueError(_no_clip(output, films, left_out))
        num_clips = write_manifest_table(
            output / MANIFEST_NAME,
            rows.parts(),
            class_names=[],
            dataset="dialogue",
            licence=licence,
            source="data_scripts/prepare_dialogue.py",
            notes=_notes(settings),
        )
    if not errors:
        # With it the same command takes up films that failed: a disk that was away for a moment, or too little memory.
        shutil.rmtree(output / WORK)
    return Prepared(output / MANIFEST_NAME, num_clips, dict(left_out), films, Selection([], [], []))


def _no_clip(output: Path, films: list[FilmStatus], left_out: Counter[str]) -> str:
    """A sentence for when nothing results: what most sentences were left out for, and what is wrong with the first bad film."""
    told = [f"left out, {reason}: {count}" for reason, count in left_out.most_common(2)]
    told += [film.error for film in films if film.error][:1]
    files = f"{output / FILMS_NAME} and {output / SENTENCES_NAME}" if left_out else str(output / FILMS_NAME)
    return f"At least 1 clip must result, got none of {len(films)} films ({'; '.join(told) or 'no sentence'}); see {files}."


def _add_rows(
    rows: RowSpool, job: FilmJob, settings: DialogueSettings, tests: set[str], left_out: Counter[str]
) -> tuple[int, int]:
    """Add the clips of a film; return its numbers of sentences and clips."""
    if not job.sentences.is_file():
        return 0, 0
    table = pq.read_table(job.sentences)
    left_out.update(reason for reason in table["left_out"].to_pylist() if reason)
    film, num_clips = job.film, 0
    for done in job.rows.rows():
        if done["left_out"]:
            left_out[done["left_out"]] += 1
            continue
        sentence = table.slice(done["number"], 1).to_pylist()[0]
        num_clips += 1
        rows.add(
            {
                "clip_id": f"{film.film_id}/{done['number']:06d}",
                "path": clip_path(film, done["number"]),
                "media": "frames",
                "num_frames": done["num_frames"],
                "fps": settings.fps,
                "captions": [sentence["text"]],
                "subject_id": film.film_id,
                "split": "test" if film.film_id in tests else "train",
                "boxes": done["boxes"],
                "sentiment_logits": sentence["sentiment_logits"],
                "neutral_score": sentence["neutral_score"],
                "has_person": done["has_person"],
                "start": sentence["start"],
                "end": sentence["end"],
            }
        )
    return len(table), num_clips


def _write_sentences(path: Path, jobs: list[FilmJob]) -> None:
    jobs = [job for job in jobs if job.sentences.is_file()]
    if not jobs:
        return
    with replacing(path) as temporary:
        writer = None
        for job in jobs:
            table = pq.read_table(job.sentences).replace_schema_metadata(None)
            table = table.add_column(0, "film_id", pa.array([job.film.film_id] * len(table), pa.string()))
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def _write_films(path: Path, films: list[FilmStatus]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["film_id", "path", "source", "language", "sentences", "clips", "error", "unread"])
        table.writerows(astuple(one) for one in films)


def _notes(settings: DialogueSettings) -> list[str]:
    persons = settings.person_model or "nobody was looked for"
    return [
        f"Sentiment by {settings.sentiment_model}, in the order {', '.join(settings.sentiment_names)}.",
        f"Persons by {persons}, score at least {settings.min_person_score:g}; all of them are the subject. Boxes hold four "
        "numbers for each person of a frame.",
    ]


__all__ = ["FilmStatus", "Prepared", "Progress", "finished_manifest", "prepare_dialogue"]
