# SPDX-License-Identifier: Apache-2.0
"""Memory that is freed and taken again."""

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emoclip.freed_memory import keep_freed_memory


# A process of its own, without threads: nobody else takes memory between the two blocks.
BLOCKS = """
import ctypes, resource, sys

def faults_of_a_block(c, size=40 << 20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = c.malloc(size)
    ctypes.memset(block, 1, size)
    c.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

c = ctypes.CDLL(None)
# Huge pages, where the system gives them unasked and as long as it has some, would make the number of pages a matter of luck.
c.prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
if sys.argv[1] == "keep":
    from emoclip.freed_memory import keep_freed_memory
    keep_freed_memory()
faults_of_a_block(c, size=4096)  # what the calls themselves touch for the first time
print(faults_of_a_block(c), faults_of_a_block(c))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
@pytest.mark.parametrize("way", ["keep", "leave"])
def test_a_block_as_large_as_an_activation_is_mapped_once(way: str) -> None:
    """Clearing the pages of every activation anew costs every layer time."""
    result = subprocess.run([sys.executable, "-c", BLOCKS, way], check=True, capture_output=True, text=True)
    first, second = map(int, result.stdout.split())
    # Of huge pages a block has twenty alone.
    assert second < 0.5 * first if way == "keep" else second > 0.5 * first


@pytest.mark.skipif(sys.platform != "linux", reason="does nothing there")
@pytest.mark.parametrize(
    ("largest", "told"),
    [
        (1 << 40, [(-3, 1 << 30), (-1, 1 << 30)]),
        (32 << 20, [(-3, 1 << 30), (-3, 32 << 20), (-1, 1 << 30)]),
        (0, [(-3, 1 << 30), (-3, 32 << 20)]),
    ],
)
def test_older_libraries_are_asked_for_what_they_take(monkeypatch, largest: int, told: list[tuple[int, int]]) -> None:
    """A limit on trimming without one on mapping would have every block mapped anew: slower than doing nothing."""
    asked = []

    def mallopt(what: int, value: int) -> int:
        asked.append((what, value))
        return int(what == -1 or value <= largest)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    keep_freed_memory()
    assert asked == told
