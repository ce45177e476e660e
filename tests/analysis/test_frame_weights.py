# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest
import torch

from emoclip.analysis.frame_weights import frame_weights, rollout


MASK = torch.tensor([[True, True, True], [True, True, False]])


def weights(pooling, attentions=None):
    return frame_weights(SimpleNamespace(pooling=pooling), attentions, MASK)


def test_pooling_without_attention_says_itself_what_weighs():
    """A mean weighs its frames alike, a middle frame is all there is."""
    assert weights("mean").tolist() == [pytest.approx([1 / 3] * 3), [0.5, 0.5, 0]]
    assert weights("middle_frame").tolist() == [[0, 1, 0], [0, 1, 0]]


def test_rollout_is_worked_out_by_hand():
    """One layer: half the attention, half the way around it."""
    layer = torch.tensor([[[[0.2, 0.8], [0.5, 0.5]]]])
    assert rollout([layer])[0].tolist() == [pytest.approx([0.6, 0.4]), pytest.approx([0.25, 0.75])]
    twice = rollout([layer, layer])[0]
    assert twice[0].tolist() == pytest.approx([0.6 * 0.6 + 0.4 * 0.25, 0.6 * 0.4 + 0.4 * 0.75])


def test_class_token_looks_at_frames_alone():
    """What it says of itself is no frame's; padding weighs nothing."""
    layer = torch.zeros(2, 1, 4, 4)
    layer[:, 0, 0] = torch.tensor([0.4, 0.1, 0.2, 0.3])
    layer[:, 0, 1:, 1:] = torch.eye(3)
    found = weights("cls_transformer", [layer])
    assert found[0].tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert found[1].tolist() == pytest.approx([1 / 3, 2 / 3, 0])


def test_weights_of_a_mean_over_outputs_add_up():
    """EmotionCLIP's head: every output counts, and each is fed by all frames."""
    layer = torch.rand(2, 2, 3, 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    found = weights("residual_transformer", [layer])
    assert found.sum(dim=1).tolist() == pytest.approx([1, 1])
    assert found[1, 2] == 0
