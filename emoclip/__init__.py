# SPDX-License-Identifier: Apache-2.0
"""Tools around the EmoCLIP model: data, training, evaluation, analysis, demo.

`emoclip.analyze` is imported on first use, so that `import emoclip` and `emoclip --help` stay fast.
"""

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from emoclip.analysis import analyze

__version__ = "0.1.0"
__all__ = ["__version__", "analyze"]


def __getattr__(name: str) -> Any:
    if name == "analyze":
        from emoclip.analysis import analyze

        return analyze
    raise AttributeError(f"module 'emoclip' has no attribute {name!r}; it has {', '.join(__all__)}.")
