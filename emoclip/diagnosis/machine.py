# SPDX-License-Identifier: Apache-2.0
"""What this computer can do: cores, memory, number formats, accelerators, room on the disk."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from .finding import Finding, check


MATRIX_SIDE = 1024
MEASURED_SECONDS = 0.3
LITTLE_ROOM = 2 * 2**30


def examine_machine() -> list[Finding]:
    """Cores, memory, instructions, measured speed of matrix products, accelerators, and the cache of the Hub."""
    return [
        check("processor", _cores),
        check("memory", _memory),
        check("instructions", _instructions),
        check("precision", _precision),
        check("matrix products", _speed),
        check("accelerator", _accelerator),
        _room(),
    ]


def _cores() -> str:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{usable} cores usable, PyTorch takes {torch.get_num_threads()} threads"


def _memory() -> str:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "not known on this system"
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.1f} GiB"


def _instructions() -> str:
    import torch

    known: dict = getattr(torch.cpu, "get_capabilities", dict)()
    names = sorted(name for name, present in known.items() if present is True and name != "architecture")
    return ", ".join(names) or "this PyTorch cannot tell"


def _precision() -> str:
    import torch

    from emoclip.precision import autocast_dtype, best_device

    chosen = autocast_dtype(best_device())
    return "bfloat16 is fast here and chosen" if chosen is torch.bfloat16 else "float32: no fast bfloat16 here"


def _speed() -> str:
    import torch

    from emoclip.precision import cpu_computes_bfloat16

    kinds = [torch.float32, *([torch.bfloat16] if cpu_computes_bfloat16() else [])]
    return ", ".join(f"{_gigaflops(kind):.0f} GFLOP/s in {str(kind).removeprefix('torch.')}" for kind in kinds)


def _gigaflops(dtype: object) -> float:
    import torch

    matrix = torch.ones(MATRIX_SIDE, MATRIX_SIDE, dtype=dtype)  # type: ignore[call-overload]
    matrix @ matrix
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < MEASURED_SECONDS:
        matrix @ matrix
        count += 1
    return 2 * MATRIX_SIDE**3 * count / (time.perf_counter() - begin) / 1e9


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        return "Apple MPS"
    return "none; everything runs on the processor"


def _room() -> Finding:
    from huggingface_hub.constants import HF_HOME

    folder = Path(HF_HOME)
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 2**30:.1f} GiB free"
    if not os.access(existing, os.W_OK):
        return Finding(
            "cache", "note", f"{detail}, not writable", "set HF_HOME to a folder of yours to load models from the Hub"
        )
    if free < LITTLE_ROOM:
        return Finding("cache", "note", detail, "a model from the Hub may not fit; set HF_HOME to another disk")
    return Finding("cache", "ok", detail)


__all__ = ["examine_machine"]
