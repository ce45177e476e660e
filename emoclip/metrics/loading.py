# SPDX-License-Identifier: Apache-2.0
"""Loads our modules through the `evaluate` library, whatever script runs.

The script `evaluate.py` at the root of the repository has the library's name, and hides it from every process whose
`sys.path` holds the root: `python -m emoclip.cli`, `python -m pytest` and `python -c` started there.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from emoclip.console import require


_MODULES = Path(__file__).parent / "modules"


def load_module(name: str) -> Any:
    """Our `evaluate` module of that name, ready to compute; offline, and with its data in memory.

    Args:
        name: One of `module_names()`.

    Raises:
        ValueError: If there is no module of that name.
        ImportError: If the `evaluate` library is not installed.
    """
    return evaluate_library().load(module_path(name), keep_in_memory=True)


def module_path(name: str) -> str:
    """Folder of one of our `evaluate` modules, for `evaluate.load(module_path("uar"))`.

    Raises:
        ValueError: If there is no module of that name.
    """
    if name not in module_names():
        raise ValueError(f"No `evaluate` module {name!r}; there are {', '.join(module_names())}.")
    return str(_MODULES / name)


def module_names() -> list[str]:
    """Names of our `evaluate` modules."""
    return sorted(path.parent.name for path in _MODULES.glob("*/[!_]*.py"))


def evaluate_library() -> ModuleType:
    """The `evaluate` library, also where the script of that name stands first on `sys.path`.

    Raises:
        ImportError: If it is not installed, or another file of that name was imported before.
    """
    with _root_off_the_path():
        # A folder that was searched a moment ago may be remembered as having no such module.
        importlib.invalidate_caches()
        library = require("evaluate", "evaluate")
    if not hasattr(library, "load"):
        raise ImportError(f"`evaluate` must be the library, got {library.__file__}; run from another folder.")
    return library


def _hides_the_library(folder: Path) -> bool:
    """Whether a folder holds a script of the library's name; site-packages, which holds the library, does not count."""
    return (folder / "evaluate.py").is_file() and not (folder / "evaluate" / "__init__.py").is_file()


@contextmanager
def _root_off_the_path() -> Iterator[None]:
    """Takes folders with a script `evaluate.py`, such as the repository's root, off `sys.path` for one import; a clone that is not installed needs it back."""
    before = list(sys.path)
    sys.path[:] = [entry for entry in before if not _hides_the_library(Path(entry))]
    try:
        yield
    finally:
        sys.path[:] = before + [entry for entry in sys.path if entry not in before]
