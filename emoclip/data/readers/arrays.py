# SPDX-License-Identifier: Apache-2.0
"""Reading `.npy` files of a download."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def load_array(path: Path) -> np.ndarray:
    """Return the array in a file; nothing in it is executed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no array, or a damaged one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be there, it is not; unpack the rest of the annotations.")
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} must hold a NumPy array, it is damaged or something else ({error}).") from error


__all__ = ["load_array"]
