# SPDX-License-Identifier: Apache-2.0
import pytest
from datasets import Dataset

from emoclip.training.sentiment import sentiment_logits


def rows(*values):
    return Dataset.from_dict(
        {"clip_id": [f"clip {number}" for number in range(len(values))], "sentiment_logits": list(values)}
    )


def test_logits_of_all_rows_in_order():
    """A shifted row would weigh the negatives of another text."""
    assert sentiment_logits(rows([0.5, 1.0], [2.0, -1.0]), "x").tolist() == [[0.5, 1.0], [2.0, -1.0]]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (([1.0, 2.0], [1.0]), r"'clip 1' of films has 1 and the first one 2"),
        (([1.0, 2.0], None), r"'clip 1' of films has 0"),
        ((None, [1.0]), r"'clip 0' of films has 0"),
        (([1.0], [float("nan")]), r"must be finite, those of 'clip 1' in films"),
    ],
)
def test_rows_without_usable_logits_are_named(values, told):
    """The loss would be no number, far from where the fault is."""
    with pytest.raises(ValueError, match=told):
        sentiment_logits(rows(*values), "films")


def test_a_manifest_without_sentiment_is_refused():
    """Plain contrast in place of the guided one would pass unseen."""
    with pytest.raises(ValueError, match=r"`data\.sentiment` needs the column `sentiment_logits`"):
        sentiment_logits(Dataset.from_dict({"clip_id": ["a"]}), "films")
