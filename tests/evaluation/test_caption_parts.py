# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.evaluation.caption_parts import split_caption


@pytest.mark.parametrize(
    ("caption", "parts"),
    [
        (
            "A man sits in a car, his eyes wide, his mouth open.",
            ("his eyes wide, his mouth open", "A man sits in a car"),
        ),
        ("Frowning; she waits!", ("Frowning", "she waits")),
        ("A slip of paper lies there.", ("", "A slip of paper lies there")),
        ("", ("", "")),
    ],
)
def test_clauses_go_to_one_side_each(caption, parts):
    """No word may be lost or count on both sides; "slip" is no lip."""
    assert split_caption(caption) == parts
