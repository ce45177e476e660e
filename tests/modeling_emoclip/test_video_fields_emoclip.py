# SPDX-License-Identifier: Apache-2.0
"""Fields of the video processor are checked and brought into one form; what each error says is tested with the processor."""

import pytest

from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.video_fields_emoclip import EmoCLIPVideoProcessorKwargs, check_fields


def fields(**changes) -> dict:
    names = EmoCLIPVideoProcessorKwargs.__annotations__
    return {name: getattr(EmoCLIPVideoProcessor, name) for name in names} | changes


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (300, {"shortest_edge": 300}),
        ({"shortest_edge": 300}, {"shortest_edge": 300}),
        ({"width": 300, "height": 224}, {"height": 224, "width": 300}),
    ],
)
def test_sizes_are_brought_into_one_form(size, expected):
    """Two spellings of one size would make two processors differ that are the same."""
    values = fields(size=size)
    check_fields(values)
    assert values["size"] == expected


def test_every_field_has_a_default():
    """A field that is declared and not set fails only when a processor is saved."""
    check_fields(fields())


def test_a_squash_smaller_than_the_crop_is_refused():
    """A picture frame of black would be shown to the model."""
    with pytest.raises(ValueError, match="at most the size of 200x300, got 224x224"):
        check_fields(fields(size={"height": 200, "width": 300}))


@pytest.mark.parametrize(
    "boxes", [None, [0, 0, 1, 1], {"haar": [0, 0, 1]}, {"haar": [0.5, 0, 0.5, 1]}, {"any": [0, 0, 9, 1]}]
)
def test_face_boxes_that_are_none_are_refused(boxes):
    """A framing with its numbers mixed up would crop every face wrongly, and silently."""
    with pytest.raises(ValueError, match="`face_boxes` must"):
        EmoCLIPVideoProcessor(face_boxes=boxes)


def test_face_boxes_are_kept():
    """Whole numbers as well as fractions."""
    assert EmoCLIPVideoProcessor(face_boxes={"any": [0, 0.25, 1, 1]}).face_boxes == {"any": [0.0, 0.25, 1.0, 1.0]}
