# SPDX-License-Identifier: Apache-2.0
"""Clips per split, fold and class, beside the official numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .readers.reader import TOTAL, WHOLE, Counts, OfficialCounts, Reader, Row


NO_CLASS = "(none)"  # the key of rows without a label


class RowCounter:
    """Counts rows as they come; a row counts in its split and in its fold, and with several labels in each of them.

    Args:
        class_names: In the order of the label ids.
        films: Whether films, the distinct `subject_id` of a split, are counted too.
    """

    def __init__(self, class_names: Sequence[str], *, films: bool = False):
        self._names = class_names
        self._counters: dict[str, Counter[str]] = {}
        self._sizes: Counter[str] = Counter()
        self._films: dict[str, set[str]] | None = {} if films else None

    def add(self, row: Row) -> None:
        """Count a row."""
        names = self._names_of(row)
        for group in _groups(row):
            self._sizes[group] += 1
            self._counters.setdefault(group, Counter()).update(names)
        if self._films is not None:
            self._films.setdefault(row["split"], set()).add(row["subject_id"])

    def counts(self) -> Counts:
        """Return group ("train", "fold 1") -> class -> number of rows, and `TOTAL` -> that of the group where classes do not add up to it.

        Of rows with numbers for labels there is nothing but the total.
        """
        names = [*self._names, NO_CLASS] if any(map(bool, self._counters.values())) else []
        found: Counts = {}
        for group, counter in sorted(self._counters.items()):
            found[group] = {name: counter[name] for name in names if counter[name] or name != NO_CLASS}
            if sum(found[group].values()) != self._sizes[group]:
                found[group][TOTAL] = self._sizes[group]
        return found

    def films(self) -> dict[str, int]:
        """Return split -> number of films."""
        return {split: len(films) for split, films in (self._films or {}).items()}

    def _names_of(self, row: Row) -> list[str]:
        if row.get("label") is not None:
            return [self._names[row["label"]]]
        if row.get("labels"):
            return [self._names[label] for label in row["labels"]]
        return [] if row.get("targets") is not None else [NO_CLASS]


def count_rows(rows: Iterable[Row], class_names: Sequence[str]) -> Counts:
    """Return what a `RowCounter` counts."""
    counter = RowCounter(class_names)
    for row in rows:
        counter.add(row)
    return counter.counts()


def size_of(numbers: Mapping[str, int]) -> int:
    """Return how many rows a group has."""
    return numbers.get(TOTAL, sum(numbers.values()))


def differences(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return one line for every number that differs from that of the release that is nearest; none if any known release agrees."""
    return [difference.line("officially") for difference in _compare(found, _nearest(found, reader, task))]


def film_differences(films: Mapping[str, int], reader: Reader, task: str) -> list[str]:
    """Return one line for every split that has not the official number of films."""
    return [
        f"{split}: {films.get(split, 0)} films, officially {number}"
        for split, number in reader.films.get(task, {}).items()
        if films.get(split, 0) != number
    ]


def doubts(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return one line for every number that differs from one that is told of the data set and that nothing confirms."""
    compared = _compare(found, reader.reported.get(task, {}))
    return [f"{difference.line('usually told')} (not confirmed)" for difference in compared]


def table_lines(found: Counts, reader: Reader, task: str) -> list[str]:
    """Return the counts as a table, `found/official` where they differ, with a question mark where nobody has confirmed the other."""
    reported = reader.reported.get(task, {})
    official = {**reported, **_nearest(found, reader, task)}
    lines = [f"{'':12} {'clips':>8}  classes"]
    groups = {**found, WHOLE: _whole(found)} if WHOLE in official else found
    for group, numbers in groups.items():
        wanted = official.get(group, {})
        parts = [
            f"{name} {_beside(number, wanted.get(name))}"
            for name, number in numbers.items()
            if name != TOTAL and (number or wanted.get(name))
        ]
        known = _sum(wanted)
        doubt = "?" if group in reported and known not in (None, size_of(numbers)) else ""
        lines.append(f"{group:12} {_beside(size_of(numbers), known) + doubt:>8}  {', '.join(parts)}".rstrip())
    return lines


@dataclass(frozen=True)
class _Difference:
    """A number that is not the official one; the official one is None for any but nil."""

    place: str
    found: int
    official: int | None

    @property
    def clips(self) -> int:
        """By how many they differ."""
        return abs(self.found - (1 if self.official is None else self.official))

    def line(self, whose: str) -> str:
        return f"{self.place}: {self.found} clips, {whose} {'some' if self.official is None else self.official}"


def _nearest(found: Counts, reader: Reader, task: str) -> OfficialCounts:
    """The official numbers of the release that differs by the fewest clips, then in the fewest numbers; the usual one of equals."""
    releases = [reader.counts.get(task, {}), *reader.alternatives.get(task, ())]

    def distance(release: OfficialCounts) -> tuple[int, int]:
        compared = _compare(found, release)
        return sum(difference.clips for difference in compared), len(compared)

    return min(releases, key=distance)


def _groups(row: Row) -> list[str]:
    fold = row.get("test_fold")
    return [row["split"], *([] if fold is None else [f"fold {fold}"])]


def _whole(found: Counts) -> dict[str, int]:
    """The sum over splits, which share no row; folds count the same rows again."""
    splits = [numbers for group, numbers in found.items() if not group.startswith("fold ")]
    total: Counter[str] = Counter()
    for numbers in splits:
        total.update({name: number for name, number in numbers.items() if name != TOTAL})
    size = sum(map(size_of, splits))
    return dict(total) if sum(total.values()) == size else {**total, TOTAL: size}


def _sum(wanted: Mapping[str, int | None]) -> int | None:
    """Of a group, None where it is not known."""
    if TOTAL in wanted:
        return wanted[TOTAL]
    numbers = [number for number in wanted.values() if number is not None]
    return sum(numbers) if numbers and len(numbers) == len(wanted) else None


def _compare(found: Counts, official: OfficialCounts) -> list[_Difference]:
    wrong = []
    for group, wanted in official.items():
        numbers = _whole(found) if group == WHOLE else found.get(group, {})
        for name, number in wanted.items():
            place, count = (group, size_of(numbers)) if name == TOTAL else (f"{group}, {name}", numbers.get(name, 0))
            if count != number and (number is not None or not count):
                wrong.append(_Difference(place, count, number))
    return wrong


def _beside(number: int, official: int | None) -> str:
    return str(number) if official in (None, number) else f"{number}/{official}"


__all__ = [
    "RowCounter",
    "count_rows",
    "differences",
    "doubts",
    "film_differences",
    "size_of",
    "table_lines",
]
