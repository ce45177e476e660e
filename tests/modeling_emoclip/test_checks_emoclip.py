# SPDX-License-Identifier: Apache-2.0
"""Checks of inputs by themselves; what the model refuses is tested with the model."""

import pytest
import torch

from modeling_emoclip.checks_emoclip import (
    check_frame_embeds,
    check_frame_mask,
    check_pixels,
    check_sentiment_logits,
    check_subject_masks,
    check_token_ids,
)


PIXELS = torch.zeros(2, 5, 3, 16, 16)


def test_what_fits_passes() -> None:
    """A check that refuses good input is worse than none."""
    check_pixels(PIXELS, 3, 16, interpolate=False)
    check_pixels(torch.zeros(2, 5, 3, 24, 16), 3, 16, interpolate=True)
    check_subject_masks(None, PIXELS, "none")
    check_subject_masks(torch.zeros(2, 5, 16, 16), PIXELS, "sap")
    check_frame_embeds(torch.zeros(2, 5, 18), 18)
    check_frame_mask(None, PIXELS, None)
    check_frame_mask(torch.ones(2, 5), PIXELS, 5)
    check_token_ids(torch.tensor([[0, 98]]), torch.ones(1, 2), 99, 2)
    check_sentiment_logits(None, 3, 7)
    check_sentiment_logits(torch.zeros(3, 7), 3, 7)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (check_pixels, (PIXELS[0], 3, 16, False), r"got \(5, 3, 16, 16\). Give one still image as a clip"),
        (check_pixels, (torch.zeros(0, 5, 3, 16, 16), 3, 16, False), "at least 1 clip"),
        (
            check_pixels,
            (PIXELS.byte(), 3, 16, False),
            "must be floating point, got torch.uint8; .* the processor first",
        ),
        (check_pixels, (PIXELS, 3, 24, False), "must be 24 x 24 pixels, got 16 x 16"),
        (check_subject_masks, (torch.zeros(1), PIXELS, "none"), "must be None for a model without subject prompting"),
        (check_subject_masks, (None, PIXELS, "saam"), r'got None; this model prompts by subject \("saam"\)'),
        (check_frame_embeds, (torch.zeros(2, 0, 18), 18), r"got \(2, 0, 18\)"),
        (check_frame_embeds, (torch.zeros(2, 5, 18, dtype=torch.int64), 18), "floating point .* got torch.int64"),
        (
            check_frame_mask,
            (torch.tensor([[1] * 5, [0] * 5]), PIXELS, 5),
            "1 frame of every clip, got none for 1; leave",
        ),
        (check_frame_mask, (None, PIXELS, 4), "at most 4 frames .* got 5"),
        (check_frame_mask, (torch.ones(2, 4), PIXELS, None), r"= \(2, 5\), got \(2, 4\)"),
        (check_token_ids, (torch.tensor([[99]]), None, 99, 5), r"in \[0, 99\), the vocabulary, got 99"),
        (check_sentiment_logits, (torch.zeros(3, 8), 3, 7), "needs `num_sentiments`"),
    ],
)
def test_what_does_not_fit_is_refused_with_rule_value_and_remedy(check, arguments, message) -> None:
    """A broadcast would score wrong input plausibly."""
    with pytest.raises(ValueError, match=message):
        check(*arguments)


def test_values_of_ids_are_not_read_where_there_are_none() -> None:
    """Shapes are planned on the meta device, and the compiler must not break its graph."""
    check_token_ids(torch.zeros(1, 2, dtype=torch.long, device="meta"), None, 1, 2)
    check_frame_mask(torch.zeros(2, 5, dtype=torch.bool, device="meta"), PIXELS, 5)
