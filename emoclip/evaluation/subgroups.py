# SPDX-License-Identifier: Apache-2.0
"""Columns of a manifest as names of subgroups: texts as they are, numbers in ranges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


AGE = "age"
# A column with more values than this names something else than subgroups.
MAX_SUBGROUPS = 20
# Numbers with more different values than this are put into ranges.
_MAX_NUMBERS = 8


def subgroup_names(name: str, values: Sequence) -> list[str | None]:
    """The subgroup of every clip, None where it has none.

    Texts stay as they are. Ages become decades (`20 to 29`). Other numbers with few different values are groups by themselves; with
    many, the clips are put into four ranges that hold about as many each.

    Args:
        name: Of the column.
        values: Of all clips of the data set, so that ranges do not hang on which are judged; None for unknown.

    Raises:
        ValueError: If the values are neither texts nor numbers, or there are fewer than 2 groups or more than 20.
    """
    present = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in present):
        groups = [None if value is None else "yes" if value else "no" for value in values]
    elif all(isinstance(value, int | float) for value in present):
        groups = _of_numbers(name, [None if value is None or np.isnan(value) else value for value in values])
    elif all(isinstance(value, str) for value in present):
        groups = [value or None for value in values]
    else:
        kinds = ", ".join(sorted({type(value).__name__ for value in present}))
        raise ValueError(f"A column of subgroups must hold texts or numbers, `{name}` holds {kinds}.")
    count = len(set(groups) - {None})
    if not 2 <= count <= MAX_SUBGROUPS:
        raise ValueError(
            f"A column of subgroups must have 2 to {MAX_SUBGROUPS} different values, `{name}` has {count}; choose another for "
            "`data.subgroups`."
        )
    return groups


def _of_numbers(name: str, values: Sequence[float | None]) -> list[str | None]:
    if name == AGE:
        decades = [None if value is None else int(value // 10) * 10 for value in values]
        return [None if start is None else f"{start} to {start + 9}" for start in decades]
    present = np.array([value for value in values if value is not None])
    if len(np.unique(present)) <= _MAX_NUMBERS:
        return [None if value is None else f"{value:g}" for value in values]
    ends = np.unique(np.quantile(present, [0.25, 0.5, 0.75], method="lower"))
    places = [None if value is None else int(np.searchsorted(ends, value)) for value in values]
    ranges = {}
    for place in sorted({place for place in places if place is not None}):
        inside = [value for value, own in zip(values, places, strict=True) if own == place and value is not None]
        ranges[place] = f"{min(inside):g} to {max(inside):g}"
    return [None if place is None else ranges[place] for place in places]


__all__ = ["AGE", "MAX_SUBGROUPS", "subgroup_names"]
