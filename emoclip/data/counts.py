# SPDX-License-Identifier: Apache-2.0
"""Clips per split, fold and class, beside the official numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .readers.reader import WHOLE, Counts, OfficialCounts, Reader, Row


NO_CLASS = "(none)"  # the key of rows without a label
TOTAL = ""  # the key of a group of which only the sum is known


class RowCounter:
    """Counts rows as they come; a row counts in its split and in its fold.

    Args:
        class_names: In the order of the label ids.
    """

    def __init__(self, class_names: Sequence[str]):
        self._names = class_names
        self._counters: dict[str, Counter[str]] = {}

    def add(self, row: Row) -> None:
        """Count a row."""
        name = NO_CLASS if row.get("label") is None else self._names[row["label"]]
        for group in _groups(row):
            self._counters.setdefault(group, Counter())[name] += 1

    def counts(self) -> Counts:
        """Return group ("train", "fold 1") -> class -> number of rows."""
        names = [*self._names, NO_CLASS]
        return {
            group: {name: counter[name] for name in names if counter[name] or name != NO_CLASS}
            for group, counter in sorted(self._counters.items())
        }


def count_rows(rows: Iterable[Row], class_names: Sequence[str]) -> Counts:
    """Return group ("train", "fold 1") -> class -> number of rows; a row counts in its split and in its fold."""
    counter = RowCounter(class_names)
    for row in rows:
        counter.add(row)
    return counter.counts()


def differences(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return one line for every number that differs from the official one, none if any known release agrees."""
    official = reader.counts.get(task)
    if official is None:
        return []
    wrong = _compare(found, official)
    if any(not _compare(found, other) for other in reader.alternatives.get(task, ())):
        return []
    return wrong


def doubts(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return one line for every number that differs from one that is told of the data set and that nothing confirms."""
    return [
        line.replace("officially", "usually told") + " (not confirmed)"
        for line in _compare(found, reader.reported.get(task, {}))
    ]


def table_lines(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return the counts as a table, `found/official` where they differ, with a question mark where nobody has confirmed the other."""
    reported = reader.reported.get(task, {})
    official = {**reported, **reader.counts.get(task, {})}
    lines = [f"{'':12} {'clips':>8}  classes"]
    groups = {**found, WHOLE: _whole(found)} if WHOLE in official else found
    for group, numbers in groups.items():
        wanted = official.get(group, {})
        parts = [
            f"{name} {_beside(number, wanted.get(name))}"
            for name, number in numbers.items()
            if number or wanted.get(name)
        ]
        known = _sum(wanted)
        doubt = "?" if group in reported and known not in (None, sum(numbers.values())) else ""
        lines.append(f"{group:12} {_beside(sum(numbers.values()), known) + doubt:>8}  {', '.join(parts)}")
    return lines


def _groups(row: Row) -> list[str]:
    fold = row.get("test_fold")
    return [row["split"], *([] if fold is None else [f"fold {fold}"])]


def _whole(found: Counts) -> dict[str, int]:
    """The sum over splits, which share no row; folds count the same rows again."""
    total: Counter[str] = Counter()
    for group, numbers in found.items():
        if not group.startswith("fold "):
            total.update(numbers)
    return dict(total)


def _sum(wanted: Mapping[str, int | None]) -> int | None:
    """Of a group, None where it is not known."""
    if TOTAL in wanted:
        return wanted[TOTAL]
    numbers = [number for number in wanted.values() if number is not None]
    return sum(numbers) if numbers and len(numbers) == len(wanted) else None


def _compare(found: Counts, official: OfficialCounts) -> list[str]:
    lines = []
    for group, wanted in official.items():
        numbers = _whole(found) if group == WHOLE else found.get(group, {})
        for name, number in wanted.items():
            place, count = (
                (group, sum(numbers.values())) if name == TOTAL else (f"{group}, {name}", numbers.get(name, 0))
            )
            if count != number and (number is not None or not count):
                lines.append(f"{place}: {count} clips, officially {'some' if number is None else number}")
    return lines


def _beside(number: int, official: int | None) -> str:
    return str(number) if official in (None, number) else f"{number}/{official}"


__all__ = ["RowCounter", "count_rows", "differences", "doubts", "table_lines"]
