# SPDX-License-Identifier: Apache-2.0
"""Whether the counterparts that a configuration names exist: published rows, and our results that would stand beside them.

A misspelt name is the counterpart of nothing, so that the difference it asks for would be missing from the report without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from emoclip.evaluation.config import EvaluationConfig, SystemConfig
from emoclip.evaluation.prompts import STYLES, prompt_set_name
from emoclip.evaluation.protocol_config import PublishedRow
from emoclip.evaluation.published_rows import PublishedValue, published_values
from emoclip.evaluation.systems import HEAD


_SYMPTOMS = "symptoms"
_ABLATION = ("full", "expression_only", "context_only")


def check_published(config: EvaluationConfig) -> None:
    """Checks the `published` of every system and of leave-one-class-out, over all data sets of the run.

    Raises:
        ValueError: If no published row has what one of them names, or the run has no result with the prompt set that one names.
    """
    # A row of a system that several data sets share is right where one of them has its prompt sets.
    results: dict[tuple[str, str], tuple[PublishedRow, set[str]]] = {}
    for run in config.runs().values():
        for where, row, names in _named(run):
            results.setdefault((where, repr(row)), (row, set()))[1].update(names)
    for (where, _), (row, names) in results.items():
        _check_row(where, row)
        _check_prompt_sets(where, row, names)


def _named(run: EvaluationConfig) -> Iterator[tuple[str, PublishedRow, set[str]]]:
    """Where a row is named, the row, and the prompt sets of the results that it may be of."""
    for position, system in enumerate(run.systems):
        names = _result_names(run, system, first=position == 0)
        yield from ((f"system {system.name}", row, names) for row in system.published)
    if (left_out := run.protocols.leave_one_out) is not None:
        names = {prompt_set_name(name) for name in run.prompt_sets}
        yield from (("leave_one_out", row, names) for row in left_out.published)


def _result_names(run: EvaluationConfig, system: SystemConfig, *, first: bool) -> set[str]:
    """What stands as prompt set beside the results of a system; what it has of them depends on its model, such as a head."""
    chosen = run.protocols
    own = [prompt_set_name(name) for name in system.prompt_sets or run.prompt_sets]
    names = {HEAD, *chosen.linear_probe}
    if chosen.zero_shot:
        names.update(own)
    if chosen.compound is not None:
        modes = (*chosen.compound.modes, *(("weighted",) if chosen.compound.weights else ()))
        names.update(f"{name}.{mode}" for name in own for mode in modes)
    if chosen.symptoms is not None:
        names.add(_SYMPTOMS)
    if chosen.retrieval is not None:
        names.add(chosen.retrieval.captions)
    if chosen.caption_ablation is not None:
        names.update(_ABLATION)
    if first and (wordings := chosen.prompt_sensitivity) is not None:
        templates = STYLES if wordings.templates is None else wordings.templates
        names.update(prompt_set_name(name) for name in (*templates, *wordings.descriptions))
    return names


def _check_row(where: str, row: PublishedRow) -> None:
    """Refuse a row of which a published value has not all fields at once; the first field that leaves none is named."""
    for variant in dict.fromkeys(row.variants.values()) or (row.variant,):
        left: list[PublishedValue] = list(published_values())
        fields = {
            "paper": row.paper,
            "table": row.table,
            "model": row.model,
            "variant": variant,
            "protocol": row.protocol,
        }
        said: dict[str, str] = {}
        for name, wanted in fields.items():
            if wanted is None:
                continue
            known = {getattr(value, name) for value in left}
            left = [value for value in left if getattr(value, name) == wanted]
            if not left:
                of = f" of {', '.join(said.values())}" if said else ""
                raise ValueError(
                    f"`published` of {where}: no published row{of} has the {name} {wanted!r}; {_nearest(wanted, known)}."
                )
            said[name] = wanted


def _check_prompt_sets(where: str, row: PublishedRow, names: set[str]) -> None:
    for key, given in (("variants", row.variants), ("prompt_sets", row.prompt_sets or ())):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(
                f"`published.{key}` of {where} must name prompt sets or probes that it is run with, got {unknown[0]!r}; "
                f"{_nearest(unknown[0], names - {HEAD})}."
            )


def _nearest(wanted: str, known: Iterable[str]) -> str:
    known = sorted(name for name in known if name)
    close = get_close_matches(wanted, known, n=5, cutoff=0.5)
    shown = [*close, *(name for name in known if name not in close)][:5]
    more = " and others" if len(shown) < len(known) else ""
    return f"there are {', '.join(shown)}{more}" if shown else "there are none"


__all__ = ["check_published"]
