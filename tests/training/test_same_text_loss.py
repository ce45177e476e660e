# SPDX-License-Identifier: Apache-2.0
"""Clips with the same text as positives: against the plain contrast, and against a formulation by hand."""

import torch

from emoclip.training.soft_targets import same_text_contrastive_loss
from modeling_emoclip.loss_emoclip import contrastive_loss


def test_different_texts_give_the_contrast_itself() -> None:
    """In caption mode nothing may change."""
    generator = torch.Generator().manual_seed(0)
    video, text = torch.randn(5, 7, generator=generator), torch.randn(5, 7, generator=generator)
    scale = torch.tensor(9.0)
    loss = same_text_contrastive_loss(video, text, scale, torch.tensor([4, 1, 3, 9, 7]))
    torch.testing.assert_close(loss, contrastive_loss(video, text, scale))


def test_target_is_spread_over_the_same_texts() -> None:
    """Written out for three clips of which two share their text."""
    generator = torch.Generator().manual_seed(1)
    video, text = torch.randn(3, 4, generator=generator), torch.randn(3, 4, generator=generator)
    text[2] = text[0]
    logits = 5.0 * torch.nn.functional.normalize(video) @ torch.nn.functional.normalize(text).T
    rows, columns = logits.log_softmax(1), logits.log_softmax(0)
    by_hand = (
        -(
            0.5 * (rows[0, 0] + rows[0, 2])
            + rows[1, 1]
            + 0.5 * (rows[2, 0] + rows[2, 2])
            + 0.5 * (columns[0, 0] + columns[2, 0])
            + columns[1, 1]
            + 0.5 * (columns[0, 2] + columns[2, 2])
        )
        / 6
    )
    loss = same_text_contrastive_loss(video, text, torch.tensor(5.0), torch.tensor([8, 2, 8]))
    torch.testing.assert_close(loss, by_hand)


def test_clips_of_a_class_do_not_push_each_other_away() -> None:
    """With perfect embeddings the diagonal target still has a loss of log 2 a pair of equals, and pulls them apart."""
    video = torch.eye(2)[[0, 0, 1, 1]].requires_grad_()
    scale, groups = torch.tensor(50.0), torch.tensor([1, 1, 2, 2])
    loss = same_text_contrastive_loss(video, video.detach(), scale, groups)
    torch.testing.assert_close(loss, torch.log(torch.tensor(2.0)))
    loss.backward()
    assert video.grad.abs().max() < 1e-6
