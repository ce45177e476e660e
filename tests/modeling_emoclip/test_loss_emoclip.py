# SPDX-License-Identifier: Apache-2.0
"""The losses against values by hand and slow formulations."""

import math

import pytest
import torch

from modeling_emoclip.loss_emoclip import contrastive_loss


def test_orthogonal_pairs_give_the_value_by_hand() -> None:
    """Two pairs, cosines 1 and 0, scale 2: each row's loss is log(1 + e^-2)."""
    embeds = torch.eye(2) * torch.tensor([[3.0], [0.5]])
    assert contrastive_loss(embeds, torch.eye(2), 2.0).item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_loss_is_symmetric_in_the_two_modalities() -> None:
    """A one-directional loss would train retrieval one way only."""
    torch.manual_seed(0)
    video, text = torch.randn(5, 7), torch.randn(5, 7)
    torch.testing.assert_close(contrastive_loss(video, text, 3.0), contrastive_loss(text, video, 3.0))


def test_equals_the_loop_over_anchors() -> None:
    """The slow formulation: each anchor's negative log share of its own pair, both ways."""
    torch.manual_seed(1)
    video, text, scale = torch.randn(4, 3), torch.randn(4, 3), 5.0
    cosine = torch.nn.functional.cosine_similarity(video[:, None], text[None], dim=-1)
    total = 0.0
    for i in range(4):
        total -= math.log(math.exp(scale * cosine[i, i]) / sum(math.exp(scale * cosine[i, j]) for j in range(4)))
        total -= math.log(math.exp(scale * cosine[i, i]) / sum(math.exp(scale * cosine[j, i]) for j in range(4)))
    assert contrastive_loss(video, text, scale).item() == pytest.approx(total / 8, rel=1e-5)


def test_loss_stays_float32_under_autocast() -> None:
    """bfloat16 logits at scale 100 are wrong by half a unit."""
    torch.manual_seed(2)
    video, text = torch.randn(6, 8), torch.randn(6, 8)
    expected = contrastive_loss(video, text, 100.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive_loss(video, text, 100.0)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((4,), (4,))])
def test_shapes_that_are_no_pairs_are_refused(shapes: tuple) -> None:
    """Cross-entropy would accept a rectangular matrix with wrong targets."""
    with pytest.raises(ValueError, match="one text per clip"):
        contrastive_loss(torch.randn(shapes[0]), torch.randn(shapes[1]), 1.0)
