# SPDX-License-Identifier: Apache-2.0
"""Which packages are installed, and what each extra lacks."""

from __future__ import annotations

import importlib.metadata
import platform

from packaging.requirements import Requirement

from .finding import Finding


DISTRIBUTION = "emoclip"
# Extras for developers and the sums of others say nothing that the others do not.
NOT_SHOWN = ("all", "test", "dev")


def examine_versions() -> list[Finding]:
    """Python, this package and everything the base installation needs, each against the range that is asked for."""
    python = Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    base = [need for need in _needs() if need.marker is None]
    return [python, Finding(DISTRIBUTION, "ok", importlib.metadata.version(DISTRIBUTION)), *map(_examine, base)]


def examine_extras() -> list[Finding]:
    """One line for each extra: what it would bring, or the line that installs what is missing."""
    names = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return [_examine_extra(name) for name in names if name not in NOT_SHOWN]


def _needs() -> list[Requirement]:
    return [Requirement(line) for line in importlib.metadata.requires(DISTRIBUTION) or []]


def _examine(need: Requirement) -> Finding:
    installed = _version(need.name)
    remedy = f"run: pip install '{need.name}{need.specifier}'"
    if installed is None:
        return Finding(need.name, "fail", "not installed", remedy)
    if not need.specifier.contains(installed, prereleases=True):
        return Finding(need.name, "fail", f"{installed}, outside {need.specifier}", remedy)
    return Finding(need.name, "ok", installed)


def _examine_extra(extra: str) -> Finding:
    own = [need for need in _needs() if need.marker and need.marker.evaluate({"extra": extra})]
    own = [need for need in own if need.marker and not need.marker.evaluate({"extra": ""})]
    found = [_examine(need) for need in own if need.name != DISTRIBUTION]
    lacking = [one.name for one in found if one.status == "fail"]
    if lacking:
        remedy = f"run: pip install 'emoclip[{extra}]'"
        return Finding(extra, "note", f"missing {', '.join(lacking)}", remedy)
    return Finding(extra, "ok", ", ".join(f"{one.name} {one.detail}" for one in found))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


__all__ = ["examine_extras", "examine_versions"]
