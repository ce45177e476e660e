# SPDX-License-Identifier: Apache-2.0
"""One file of a batch: analysed, written, and told in a row, whatever happens."""

from __future__ import annotations

import errno
import tempfile
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emoclip.console import describe

from .sources import Source, is_address
from .status import Row, facts_of


# What no file is to blame for: going on would only fill the status with the same line.
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class DiskFull(OSError):
    """Results cannot be written; the batch stops and can be resumed."""


@dataclass(frozen=True)
class BatchSettings:
    """What is done with every file; plain values, so that it travels to other processes.

    Args:
        emotions: As for `analyze`.
        model: Folder or Hub id.
        output: Folder of the results.
        forms: Endings of the files to write for each video, such as `csv`, `summary.csv` or `html`.
        options: Of `analyze`.
        prompt: Of `analyze`.
        agreement: Of `analyze`.
        threads: Of PyTorch in each process; 0 leaves its choice.
        shard_format: How results of shards are written, `parquet` or `webdataset`.
        film: Of `FilmStyle`, for annotated films.
        html_video: How a page gets at its film.
    """

    emotions: Any
    model: str | None
    output: str
    forms: tuple[str, ...] = ("csv",)
    options: dict[str, Any] = field(default_factory=dict)
    prompt: str = "auto"
    agreement: bool = False
    threads: int = 0
    shard_format: str = "parquet"
    film: dict[str, Any] = field(default_factory=dict)
    html_video: str = "auto"


class Scorer:
    """Scores files one after the other with one model.

    Args:
        settings: The same for all.
    """

    def __init__(self, settings: BatchSettings):
        self.settings = settings
        if settings.threads:
            import torch

            torch.set_num_threads(settings.threads)

    @cached_property
    def _model(self) -> Any:
        from transformers.utils.logging import disable_progress_bar

        from emoclip.analysis import load_model
        from emoclip.precision import best_device

        disable_progress_bar()
        return load_model(self.settings.model, device=best_device())

    @cached_property
    def _options(self) -> dict[str, Any]:
        """Options of `analyze`; a table of boxes is read once for all files."""
        from emoclip.analysis.given_faces import read_boxes

        boxes = self.settings.options.get("boxes")
        return {**self.settings.options, **({} if boxes is None else {"boxes": read_boxes(boxes)})}

    def score(self, source: Source) -> Row:
        """Return what became of a source.

        Raises:
            DiskFull: Results cannot be written any more.
            ValueError, OSError: The model or the boxes cannot be read, for which no file is to blame.
        """
        _ = self._model, self._options
        begin = time.perf_counter()
        facts: dict[str, Any] = {
            "name": source.name,
            "place": source.whole_place,
            "fingerprint": fingerprint(source.place),
        }
        try:
            facts |= self._score_shard(source) if source.is_shard else self._score_file(source)
        except Exception as error:  # a file that no decoder expected must not stop the thousand behind it
            if isinstance(error, OSError) and error.errno in FATAL:
                raise DiskFull(error.errno, error.strerror or str(error), self.settings.output) from error
            facts |= {"status": "failed", "error": f"{type(error).__name__}: {describe(error)}"}
        return Row(**facts, took_seconds=round(time.perf_counter() - begin, 3))

    def analyze(self, video: Any) -> Any:
        """Return the analysis of one video."""
        from emoclip.analysis import analyze

        settings = self.settings
        return analyze(
            video,
            settings.emotions,
            self._model,
            prompt=settings.prompt,
            agreement=settings.agreement,
            **self._options,
        )

    def _score_file(self, source: Source) -> dict[str, Any]:
        analysis = self.analyze(source.place)
        if not is_address(self.settings.output):
            warnings = self._write_forms(analysis, source, Path(self.settings.output))
        else:
            from .shards import publish

            with tempfile.TemporaryDirectory() as folder:
                warnings = self._write_forms(analysis, source, Path(folder))
                publish(Path(folder), self.settings.output)
        facts = facts_of([analysis])
        notes = " ".join(filter(None, [facts["notes"], *warnings]))
        return {**facts, "notes": notes, "outputs": "|".join(outputs_of(source, self.settings))}

    def _write_forms(self, analysis: Any, source: Source, folder: Path) -> list[str]:
        """Write the files of a video and return what its films warn of."""
        from emoclip.analysis.outputs.film import FilmStyle
        from emoclip.analysis.outputs.forms import OutputOptions, write_form

        style, html_video = FilmStyle(**self.settings.film), self.settings.html_video
        options = OutputOptions(video=source.place, film=style, html_video=html_video)
        warnings: list[str] = []
        for name in outputs_of(source, self.settings):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            warnings += write_form(analysis, path, options, overwrite=True)[1]
        return warnings

    def _score_shard(self, source: Source) -> dict[str, Any]:
        from .shards import read_shard, write_results

        scored = (self._member(source, key, video) for key, video in read_shard(source.place))
        (name,) = outputs_of(source, self.settings)
        counts = write_results(scored, name, self.settings.output, self.settings.shard_format)
        return {**counts, "outputs": name}

    def _member(self, source: Source, key: str, video: Any) -> tuple[str, Any, str]:
        """Key, analysis or nothing, and the error of one video of a shard."""
        if isinstance(video, Exception):
            return key, None, f"{type(video).__name__}: {describe(video)}"
        try:
            return key, self.analyze(video), ""
        except Exception as error:  # as in `score`
            if isinstance(error, OSError) and error.errno in FATAL:
                raise
            return key, None, f"{type(error).__name__}: {describe(error)}"


def outputs_of(source: Source, settings: BatchSettings) -> list[str]:
    """Return the files that a source becomes, below the output folder."""
    if source.is_shard:
        return [f"{source.name}.results{'.parquet' if settings.shard_format == 'parquet' else '.tar'}"]
    return [f"{source.name}.{form}" for form in settings.forms]


def fingerprint(place: str) -> str:
    """Return size and time of a file, by which another file under its name is noticed; empty for addresses."""
    if is_address(place):
        return ""
    try:
        facts = Path(place).stat()
    except OSError:
        return ""
    return f"{facts.st_size}-{facts.st_mtime_ns}"


__all__ = ["BatchSettings", "DiskFull", "Scorer", "fingerprint", "outputs_of"]
