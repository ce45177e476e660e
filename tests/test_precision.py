# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from emoclip import precision


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
        ({"bf16": True, "neon": True}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False}, None),
        ({}, None),
    ],
)
def test_cpu_uses_bfloat16_only_with_native_instructions(monkeypatch, capabilities, expected):
    """Emulated bfloat16 is several times slower than float32, on exactly the machines that are slow already."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert precision.autocast_dtype(torch.device("cpu")) is expected


def test_torch_without_capability_query_stays_in_float32(monkeypatch):
    """Older versions of PyTorch have no such function; asking must not fail there."""
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision.autocast_dtype(torch.device("cpu")) is None


def test_unknown_device_stays_in_float32():
    """Autocast on a device that nobody tried is a risk without a measured gain."""
    assert precision.autocast_dtype(torch.device("meta")) is None


@pytest.mark.parametrize("seen", [True, False])
def test_a_card_that_pytorch_sees_is_used(monkeypatch, seen):
    """An hour of film on the CPU beside an idle card."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen)
    assert precision.best_device().type == ("cuda" if seen else "cpu")
