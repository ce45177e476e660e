# SPDX-License-Identifier: Apache-2.0
"""Resizing, cropping and masks, by hand."""

import pytest
import torch

from modeling_emoclip.frame_transform_emoclip import center_crop, draw_boxes, resize, resize_masks, resized_sides


@pytest.mark.parametrize(
    ("sides", "size", "expected"),
    [
        ((360, 640), {"shortest_edge": 224}, (224, 398)),
        ((101, 50), {"shortest_edge": 224}, (452, 224)),
        ((101, 50), {"height": 7, "width": 9}, (7, 9)),
    ],
)
def test_sides_after_resizing(sides, size, expected):
    """The long side is cut to whole pixels, as torchvision does; one more moves the crop."""
    assert resized_sides(sides, size) == expected


def test_frames_of_the_right_size_come_back_as_they_are():
    """Resizing to the same size would blur by rounding."""
    frames = torch.zeros(1, 3, 4, 6, dtype=torch.uint8)
    assert resize(frames, {"shortest_edge": 4}, 3, antialias=True) is frames


def test_crop_takes_the_middle():
    """By hand: of columns 0..6 the middle three."""
    frames = torch.arange(7.0).expand(1, 1, 4, 7)
    assert center_crop(frames, {"height": 2, "width": 3})[0, 0].tolist() == [[2, 3, 4]] * 2


class TestBoxes:
    def test_union_is_half_open_and_rounded_outwards(self):
        """By hand, scaled by one half: 1..3 to 0..2 and 5..8 to 2..4 in x."""
        mask = draw_boxes([[1, 0, 3, 2], [5, 2, 8, 4]], source=(4, 8), sides=(2, 4))
        assert mask.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]

    def test_boxes_beyond_the_border_are_cut(self):
        """Detectors answer with boxes that reach out of the picture."""
        assert draw_boxes([[-5, -5, 1, 99]], (3, 3), (3, 3)).tolist() == [[1, 0, 0]] * 3
        assert draw_boxes([[9, 9, 12, 12]], (3, 3), (3, 3)).sum() == 0

    def test_rounding_noise_adds_no_pixel(self):
        """3 times one third is not quite 1 in binary."""
        assert draw_boxes([[0, 0, 30, 30]], (90, 90), (3, 3)).sum() == 1

    @pytest.mark.parametrize("box", [[0, 0, 1], [2, 0, 1, 1], [0, 0, float("inf"), 1]])
    def test_bad_boxes_are_refused(self, box):
        """Width and height given for corners is the common slip."""
        with pytest.raises(ValueError, match=r"must be \[x1, y1, x2, y2\]"):
            draw_boxes([box], (3, 3), (3, 3))


def test_masks_are_cut_at_one_half():
    """By hand: pairs of columns whose means are 1, 0.5 and 0."""
    masks = torch.tensor([[[1, 1, 1, 0, 0, 0]] * 2], dtype=torch.uint8)
    resized = resize_masks(masks, (1, 3))
    assert resized.dtype == torch.float32
    assert resized.tolist()[0][0][0] == 1 and resized.tolist()[0][0][2] == 0
    assert torch.equal(resize_masks(masks, (2, 6)), masks.float())
