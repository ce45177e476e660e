# SPDX-License-Identifier: Apache-2.0
"""A batch spread over processes; what is done is kept, whatever stops it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emoclip.analysis.model_identity import model_key
from emoclip.console import printable
from emoclip.data.worker_pool import WorkerPool

from .scorer import BatchSettings, Scorer, fingerprint, outputs_of
from .sources import Source, is_address, part_of
from .status import Row, StatusBook


# Called with the row of every file as it comes.
Progress = Callable[[Row], None]
Spread = Callable[[Sequence[Source], BatchSettings, int], Iterator[Row]]


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch.

    Args:
        counts: Status -> files, of all runs and processes so far.
        earlier: Files that an earlier run had done.
        table: `status.csv`.
        interrupted: Stopped by Ctrl-C.
        rows: The newest of each file.
    """

    counts: Counter[str]
    earlier: int
    table: Path
    interrupted: bool = False
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Share:
    """Which of several processes this is."""

    index: int = 0
    count: int = 1


def this_share() -> Share:
    """Return which of the processes of `accelerate launch` or `torchrun` this is; the only one outside of them."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Share()
    from emoclip.console import require

    require("accelerate", "train")
    import torch
    from accelerate import PartialState

    # Left to itself it takes a computer without an accelerator for one that is alone.
    state = PartialState(cpu=not torch.cuda.is_available())
    return Share(state.process_index, state.num_processes)


def run_batch(  # noqa: PLR0913 - each argument is a wish of the user of the command
    sources: Sequence[Source],
    settings: BatchSettings,
    *,
    state: Path | None = None,
    workers: int = 1,
    share: Share | None = None,
    retry_failed: bool = False,
    overwrite: bool = False,
    may_replace: bool = False,
    spread: Spread | None = None,
    progress: Progress = lambda row: None,
) -> BatchResult:
    """Do everything that is not done yet, and return what became of it.

    Args:
        sources: All there is to do; with several processes, of all of them.
        settings: What is done.
        state: Folder of status and journals; the output folder by default, which must then be one.
        workers: Processes of this one.
        share: Which of several processes this is.
        retry_failed: Do again what failed.
        overwrite: Do everything again, also where the settings differ.
        may_replace: Results of one file may take the place of another's that is called alike, as in an index.
        spread: How sources are spread over workers; over local processes by default.
        progress: Called with each row.

    Raises:
        FileNotFoundError, ValueError: The model cannot be used; nothing was made then.
        FileExistsError: Results of another file, which is still there, have a name that a source would get.
        OtherBatch: The folder holds a batch of other settings, or something else.
        DiskFull: Results cannot be written; what was done is kept.
    """
    share = share or Share()
    book = StatusBook(state or Path(settings.output), share.index)
    book.claim(_identity(settings), overwrite=overwrite)
    known = {} if overwrite else {row.name: row for row in book.rows()}
    if not may_replace:
        _refuse_others(sources, known)
    todo = [
        source
        for source in part_of(sources, share.index, share.count)
        if _to_do(source, settings, known, retry_failed)
    ]
    interrupted = False
    done_now: set[str] = set()
    rows = (spread or spread_over_processes)(todo, settings, workers)
    try:
        # Closing ends the processes, also when somebody stops the batch.
        with closing(rows):  # type: ignore[type-var]
            for row in rows:
                book.add(row)
                done_now.add(printable(row.name))
                progress(row)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        table = book.write_table()
    earlier = len({printable(source.name) for source in sources} & known.keys() - done_now)
    newest = tuple(book.rows())
    return BatchResult(Counter(row.status for row in newest), earlier, table, interrupted, newest)


def spread_over_processes(sources: Sequence[Source], settings: BatchSettings, workers: int) -> Iterator[Row]:
    """Yield the rows as they come, from this process or from several new ones."""
    if workers == 1 or len(sources) < 2:
        scorer = Scorer(settings)
        yield from map(scorer.score, sources)
        return
    pool: WorkerPool[Source, Row] = WorkerPool(
        _score, workers=min(workers, len(sources)), setup=_set_up, arguments=(settings,), on_death=_died
    )
    yield from pool.run(sources)


def best_workers(num_sources: int) -> int:
    """Return how many processes use this computer well: one for each core, as each decodes and encodes by itself."""
    import torch

    if torch.cuda.is_available():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, num_sources))


def _identity(settings: BatchSettings) -> dict[str, Any]:
    """What a batch knows itself again by: its settings and what lies in the files that they name."""
    plain = {**asdict(settings), "threads": None, "weights": model_key(settings.model)}
    # Whether an address may be read changes no number.
    plain["options"] = {name: value for name, value in plain["options"].items() if name != "allow_urls"}
    boxes = plain["options"].get("boxes")
    if isinstance(boxes, str) and Path(boxes).is_file():
        plain["options"]["boxes"] = f"{boxes} {hashlib.sha256(Path(boxes).read_bytes()).hexdigest()}"
    return plain


def _refuse_others(sources: Sequence[Source], known: dict[str, Row]) -> None:
    """Refuse to write over the results of files that are there and none of the sources; those of a folder that was moved are gone."""
    taken = [(source, row) for source in sources if (row := known.get(printable(source.name))) is not None]
    others = [
        (source, row)
        for source, row in taken
        if row.place != printable(source.whole_place) and not is_address(row.place) and Path(row.place).exists()
    ]
    if not others:
        return
    own = {Path(source.place).resolve() for source in sources if not is_address(source.place)}
    for source, row in others:
        if Path(row.place).resolve() not in own:
            raise FileExistsError(
                f"The results of {row.place} have the name that those of {source.place} would get; choose another output, or name "
                "the folders of both in one run."
            )


def _to_do(source: Source, settings: BatchSettings, known: dict[str, Row], retry_failed: bool) -> bool:
    row = known.get(printable(source.name))
    if row is None or row.fingerprint != fingerprint(source.place):
        return True
    if row.status == "failed":
        return retry_failed
    # A result that somebody has deleted is made again; at an address that would be a question for each file.
    outputs = [] if is_address(settings.output) else outputs_of(source, settings)
    return not all(Path(settings.output, name).exists() for name in outputs)


_SCORER: Any = None


def _set_up(settings: BatchSettings) -> None:
    """Make the one scorer of a worker process."""
    global _SCORER
    _SCORER = Scorer(settings)


def _score(source: Source) -> Row:
    return _SCORER.score(source)


def _died(source: Source) -> Row:
    error = "The process that scored it ended without a word; the file may want more memory than there is."
    return Row(source.name, source.whole_place, "failed", error, fingerprint=fingerprint(source.place))


def summary_lines(result: BatchResult, rows: Iterable[Row] = ()) -> list[str]:
    """Return what became of a batch, for people."""
    total = sum(result.counts.values())
    kinds = ", ".join(f"{count} {status}" for status, count in sorted(result.counts.items()))
    before = f", {result.earlier} of them by earlier runs" if result.earlier else ""
    return [f"{total} files: {kinds or 'none'}{before}", f"Written: {result.table}"]


__all__ = [
    "BatchResult",
    "Share",
    "best_workers",
    "run_batch",
    "spread_over_processes",
    "summary_lines",
    "this_share",
]
