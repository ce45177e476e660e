# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch

from emoclip.analysis.framing import cut_picture, framing, framing_matrix, picture_side, subject_picture
from modeling_emoclip import EmoCLIPVideoProcessor


def test_a_box_lands_where_the_training_pictures_have_it():
    """Corners of the box in the frame must be the corners of the framing in the picture."""
    place = (0.1, 0.2, 0.7, 0.8)
    matrix = framing_matrix((40.0, 60.0, 100.0, 120.0), 0.0, place, 200)
    corners = matrix @ np.array([[40, 100], [60, 120], [1, 1]], dtype=float)
    assert corners.T.ravel().tolist() == pytest.approx([20, 40, 140, 160])


def test_without_a_field_the_box_has_a_margin():
    """As data sets of faces are cropped: 0.3 of the box on every side."""
    assert framing({}, "haar") == pytest.approx((0.1875, 0.1875, 0.8125, 0.8125))
    boxes = {"haar": [0, 0, 1, 1], "any": [0.1, 0.1, 0.9, 0.9]}
    assert framing(boxes, "haar") == (0, 0, 1, 1)
    assert framing(boxes, "yunet") == (0.1, 0.1, 0.9, 0.9)


def test_pictures_come_at_the_size_the_processor_wants():
    """Cutting and resizing at once; beyond the frame its border goes on instead of black bars."""
    processor = EmoCLIPVideoProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32})
    side = picture_side(processor, 99)
    assert side == 40
    frame = np.full((60, 80, 3), (10, 200, 30), np.uint8)
    picture = cut_picture(
        cv2, frame, framing_matrix((-20.0, 10.0, 20.0, 50.0), 0.0, (0, 0, 1, 1), side), side, processor
    )
    assert picture.shape == (3, 32, 32)
    assert picture.float().mean(dim=(1, 2)).tolist() == pytest.approx([10, 200, 30], abs=1)
    assert picture_side(EmoCLIPVideoProcessor(do_resize=False), 99) == 99


def test_models_that_prompt_by_subject_see_the_frame_and_where_the_person_is():
    """They were trained on whole frames with the boxes of persons."""
    processor = EmoCLIPVideoProcessor(size={"shortest_edge": 30}, crop_size={"height": 30, "width": 30})
    frame = torch.zeros(3, 60, 80, dtype=torch.uint8)
    picture, mask = subject_picture(frame, (35.0, 10.0, 45.0, 20.0), processor)
    assert picture.shape == (3, 30, 30)
    # Half the size, the middle 30 of 40 columns: the person's columns 25 to 55 are 7 to 23, rows 5 to 60 are 2 to 30.
    rows, columns = mask.nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 29, 7, 22)
