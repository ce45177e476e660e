# SPDX-License-Identifier: Apache-2.0
"""What a reader is: the facts of one data set and a function from its official download to manifest rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


# A row holds the manifest's columns; `path` is absolute here and made relative when the manifest is written. `listed`, file and
# row of a list, is for messages and is not written.
Row = dict[str, Any]
# Group ("train", "fold 1", ...) -> class -> number of clips.
Counts = dict[str, dict[str, int]]
# The same of official numbers; None is any number but nil.
OfficialCounts = Mapping[str, Mapping[str, int | None]]
# A class: all rows of a group, where its classes do not add up to them or are not known.
TOTAL = ""
# A group: all rows, whatever their split.
WHOLE = "all clips"


@dataclass(frozen=True)
class Publication:
    """What of a data set may be put on the Hub. Nothing, unless its licence clearly allows it.

    Args:
        what: `media` with all that is known of them, `annotations` (ids, labels and splits, without media) or `nothing`.
        reason: What allows or forbids it.
        licence: Of what is published, as the Hub spells it.
        own: The clips are the user's own; only the user's word opens them.
        columns: Of `annotations`, columns that the licence covers beyond ids, labels and splits, such as `captions`.
    """

    what: Literal["media", "annotations", "nothing"] = "nothing"
    reason: str = "its licence does not clearly allow anybody to pass it on"
    licence: str = "other"
    own: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """One data set.

    Args:
        name: What `--dataset` takes.
        title: Full name.
        tasks: Task -> class names in the order of the label ids; the first task is the default.
        licence: Terms in short.
        access: How the data are asked for.
        source: Web page or paper.
        rows: Function of the root folder and the task.
        counts: Task -> official counts; a task, group or class that is not there is not compared. The class "" is the sum of a group.
        reported: Task -> counts that are shown beside, marked, and not compared, for no list or count is at hand that confirms them.
        alternatives: Further counts that are right too, for releases that are known to differ.
        films: Task -> split -> official number of films, the distinct `subject_id`, where clips are parts of a few long films.
        notes: What a user of results must know, such as clips shared with other sets.
        publication: What may be published.
        test_split: What results are reported on: where the labels of the test are not public, the papers take the validation clips.
        never_published: Ids of clips that are listed and have no media in any copy; that they are missing is no fault of this one.
    """

    name: str
    title: str
    tasks: dict[str, tuple[str, ...]]
    licence: str
    access: str
    source: str
    rows: Callable[[Path, str], Iterator[Row]]
    counts: Mapping[str, OfficialCounts] = field(default_factory=dict)
    reported: Mapping[str, OfficialCounts] = field(default_factory=dict)
    alternatives: Mapping[str, Sequence[OfficialCounts]] = field(default_factory=dict)
    films: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    publication: Publication = Publication()
    test_split: str = "test"
    never_published: frozenset[str] = frozenset()

    def task_or_default(self, task: str | None) -> str:
        """Return the task, the first one for `None`.

        Raises:
            ValueError: The data set has no such task.
        """
        if task is None:
            return next(iter(self.tasks))
        if task not in self.tasks:
            raise ValueError(f"`--task` of {self.name} must be one of {', '.join(self.tasks)}, got {task!r}.")
        return task


def counts_of(names: tuple[str, ...], **groups: list[int]) -> Counts:
    """Official counts from numbers in class order; `fold_1` stands for the group "fold 1"."""
    return {group.replace("_", " "): dict(zip(names, numbers, strict=True)) for group, numbers in groups.items()}


__all__ = ["TOTAL", "WHOLE", "Counts", "OfficialCounts", "Publication", "Reader", "Row", "counts_of"]
