# SPDX-License-Identifier: Apache-2.0
"""How memory that large activations leave is kept for the next ones."""

import ctypes
import sys


# Of <malloc.h>.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
ONE_GIGABYTE = 1 << 30
# The most that older releases of glibc take.
OLD_LIMIT = 32 << 20


def keep_freed_memory() -> None:
    """Have glibc keep what is freed: large activations would else be mapped and cleared anew at every layer.

    The memory is reused, so that the peak hardly grows. Does nothing with other C libraries.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # a C library without it, such as musl
        return
    # Either threshold that is set ends glibc's own adaption of both, so the second alone would have more blocks mapped, not fewer.
    if mallopt(MMAP_THRESHOLD, ONE_GIGABYTE) or mallopt(MMAP_THRESHOLD, OLD_LIMIT):
        mallopt(TRIM_THRESHOLD, ONE_GIGABYTE)


__all__ = ["keep_freed_memory"]
