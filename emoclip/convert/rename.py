# SPDX-License-Identifier: Apache-2.0
"""Rename tables: which tensor of an original is which of ours. One table serves both directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch


Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Rule:
    """One line of a table.

    Args:
        source: Name in the original; `{i}` stands for the number of a layer.
        targets: Our names. Several share the original's rows in equal parts, in this order.
        transpose: Whether the original holds the transposed matrix.
    """

    source: str
    targets: tuple[str, ...]
    transpose: bool = False

    def under(self, prefix: str) -> Rule:
        """The same line where the original's name carries a prefix."""
        return replace(self, source=prefix + self.source)


def copied(source: str, target: str, *leaves: str) -> list[Rule]:
    """Lines for tensors taken as they are, one for each leaf such as `weight` and `bias`, or one without."""
    if not leaves:
        return [Rule(source, (target,))]
    return [Rule(f"{source}.{leaf}", (f"{target}.{leaf}",)) for leaf in leaves]


def rename(state: Mapping[str, torch.Tensor], rules: Iterable[Rule]) -> tuple[Tensors, list[str]]:
    """Return the tensors under our names, and the original names that no line covers.

    Raises:
        ValueError: A tensor does not fall into the equal parts that its line names.
    """
    lines = [(_pattern(rule.source), rule) for rule in rules]
    renamed: Tensors = {}
    unknown = []
    for name, tensor in state.items():
        found = next(((match, rule) for pattern, rule in lines if (match := pattern.fullmatch(name))), None)
        if found is None:
            unknown.append(name)
            continue
        match, rule = found
        targets = [target.replace("{i}", match.groupdict().get("i") or "") for target in rule.targets]
        if len(targets) > 1 and (tensor.ndim == 0 or len(tensor) % len(targets)):
            raise ValueError(f"`{name}` must hold {len(targets)} equal parts, got the shape {tuple(tensor.shape)}.")
        tensor = tensor.T.contiguous() if rule.transpose else tensor
        # Clones: parts of one tensor share memory, which safetensors refuses.
        parts = [part.clone() for part in tensor.chunk(len(targets))] if len(targets) > 1 else [tensor]
        renamed.update(zip(targets, parts, strict=True))
    return renamed, unknown


def rename_back(state: Mapping[str, torch.Tensor], rules: Iterable[Rule]) -> tuple[Tensors, list[str]]:
    """Return the tensors under the original's names, and our names that no line covers."""
    restored: Tensors = {}
    used: set[str] = set()
    for rule in rules:
        pattern = _pattern(rule.targets[0])
        for name in state:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            number = match.groupdict().get("i") or ""
            ours = [target.replace("{i}", number) for target in rule.targets]
            tensor = torch.cat([state[one] for one in ours]) if len(ours) > 1 else state[name]
            restored[rule.source.replace("{i}", number)] = tensor.T.contiguous() if rule.transpose else tensor
            used.update(ours)
    return restored, [name for name in state if name not in used]


def original_name(name: str, rules: Iterable[Rule]) -> str:
    """Return what the original calls one of our tensors, or our name where no line has it."""
    for rule in rules:
        for target in rule.targets:
            if match := _pattern(target).fullmatch(name):
                return rule.source.replace("{i}", match.groupdict().get("i") or "")
    return name


def is_covered(rule: Rule, state: Mapping[str, torch.Tensor]) -> bool:
    """Return whether a tensor by the original's name of this line is there."""
    return any(_pattern(rule.source).fullmatch(name) for name in state)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(re.escape("{i}"), r"(?P<i>\d+)"))


__all__ = ["Rule", "Tensors", "copied", "is_covered", "original_name", "rename", "rename_back"]
