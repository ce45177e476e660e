# SPDX-License-Identifier: Apache-2.0
"""Rename tables, by hand and on a table of three lines."""

import pytest
import torch

from emoclip.convert.rename import Rule, copied, is_covered, original_name, rename, rename_back


RULES = [
    Rule("blocks.{i}.in_proj", tuple(f"layers.{{i}}.{part}" for part in "qkv")),
    Rule("proj", ("projection.weight",), transpose=True),
    *copied("blocks.{i}.ln", "layers.{i}.norm", "weight", "bias"),
]


def test_fused_rows_are_split_in_order_and_matrices_transposed() -> None:
    """Query and key exchanged still train; no released weight would fit."""
    state = {"blocks.10.in_proj": torch.arange(6.0), "proj": torch.tensor([[1.0, 2, 3]]), "other": torch.zeros(1)}
    ours, unknown = rename(state, RULES)
    assert {name: tensor.tolist() for name, tensor in ours.items()} == {
        "layers.10.q": [0, 1],
        "layers.10.k": [2, 3],
        "layers.10.v": [4, 5],
        "projection.weight": [[1], [2], [3]],
    }
    assert unknown == ["other"]


def test_there_and_back_is_the_identity() -> None:
    """One table serves both directions, so that they cannot drift apart."""
    state = {
        "blocks.0.in_proj": torch.randn(9, 4),
        "blocks.1.ln.weight": torch.randn(4),
        "blocks.1.ln.bias": torch.randn(4),
        "proj": torch.randn(2, 5),
    }
    restored, left = rename_back(rename(state, RULES)[0] | {"new": torch.zeros(1)}, RULES)
    assert left == ["new"]
    assert set(restored) == set(state)
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


def test_parts_of_one_tensor_share_no_memory() -> None:
    """Safetensors refuses to save tensors that do, and training one would change the other."""
    ours, _ = rename({"blocks.0.in_proj": torch.zeros(6)}, RULES)
    ours["layers.0.q"] += 1
    assert ours["layers.0.k"].sum() == 0


def test_a_dot_in_a_name_is_a_dot() -> None:
    """Read as a pattern it would match names of other tensors."""
    assert rename({"blocksX0Xln.weight": torch.zeros(1)}, RULES)[1] == ["blocksX0Xln.weight"]


def test_rows_that_do_not_fall_into_equal_parts_are_refused() -> None:
    """A cut file; the parts would be of different sizes."""
    with pytest.raises(ValueError, match=r"`blocks.0.in_proj` must hold 3 equal parts, got the shape \(7,\)"):
        rename({"blocks.0.in_proj": torch.zeros(7)}, RULES)


def test_originals_name_of_a_part_is_that_of_the_whole() -> None:
    """An error about a part of a fused tensor must name what is in the file."""
    names = [original_name(name, RULES) for name in ("layers.7.k", "projection.weight", "layers.0.norm.bias", "new")]
    assert names == ["blocks.7.in_proj", "proj", "blocks.0.ln.bias", "new"]


def test_a_line_is_covered_by_any_layer() -> None:
    """A line that nothing covers is a part that the original would miss."""
    assert is_covered(RULES[0], {"blocks.3.in_proj": torch.zeros(1)})
    assert not is_covered(RULES[1], {"blocks.3.in_proj": torch.zeros(1)})
