# SPDX-License-Identifier: Apache-2.0
"""Fused and written-out attention."""

import pytest
import torch

from modeling_emoclip.attention_emoclip import attend


@pytest.fixture
def heads() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, 3, 5, 7, generator=generator) for _ in range(3))


def test_both_ways_agree_with_a_mask(heads: tuple) -> None:
    """`attn_implementation="eager"` is how people look at weights; it must show the model that scores."""
    allowed = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(1)) > 0.4
    fused, no_weights = attend(*heads, allowed)
    plain, weights = attend(*heads, allowed, eager=True)
    torch.testing.assert_close(fused, plain)
    assert no_weights is None
    assert weights is not None and weights[~allowed.expand(2, 3, 5, 5) & allowed.any(-1, keepdim=True)].max() == 0


@pytest.mark.parametrize("eager", [False, True])
def test_a_query_that_may_see_nothing_sees_everything(heads: tuple, eager: bool) -> None:
    """A clip all of whose frames are padding would otherwise spread NaN through the batch."""
    allowed = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    allowed[1] = False
    attended, _ = attend(*heads, allowed, eager=eager)
    torch.testing.assert_close(attended, attend(*heads, eager=eager)[0])


def test_scores_are_scaled_by_the_width_of_a_head() -> None:
    """By hand: one query (4, 0, 0, 0) over two keys, scores 4 * 1 / 2 = 2 and 0."""
    query = torch.tensor([4.0, 0, 0, 0]).view(1, 1, 1, 4)
    key = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]).view(1, 1, 2, 4)
    value = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]).view(1, 1, 2, 4)
    attended, _ = attend(query, key, value)
    share = torch.tensor(2.0).sigmoid()
    torch.testing.assert_close(attended.flatten(), torch.stack([share, 1 - share, *torch.zeros(2)]))
