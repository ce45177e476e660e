# SPDX-License-Identifier: Apache-2.0
"""Chooses where models compute and the number format that a device computes fast in."""

from collections.abc import Mapping
from typing import Any

import torch


# Names that `torch.cpu.get_capabilities` uses: x86 (AVX-512, AMX) and ARM (NEON, SVE).
_BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def best_device() -> torch.device:
    """This process's NVIDIA or AMD card where PyTorch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """bfloat16 where the device computes it natively, else None: stay in float32.

    Emulated bfloat16 is slower than float32, so a CPU has to report the instructions; a PyTorch that cannot tell
    stays in float32. float16 is never chosen: it needs loss scaling, and CPUs are slow at it.

    Args:
        device: Where the model is.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    if device.type == "cpu":
        return torch.bfloat16 if cpu_computes_bfloat16() else None
    return None


def cpu_computes_bfloat16() -> bool:
    """Whether this CPU reports instructions for bfloat16 matrix products."""
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in _BFLOAT16_INSTRUCTIONS)
