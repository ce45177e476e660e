# SPDX-License-Identifier: Apache-2.0
"""Two full confusion matrices of Exp-CLIP (ViT-B/16, the class name as prompt) with the UAR and WAR its log gives.

Rows are the true classes, columns the predictions, in the order happiness, sadness, neutral, anger, surprise, disgust, fear,
contempt.
"""

import numpy as np
import pytest

from emoclip.metrics import confusion_matrix, macro_f1, per_class_recall, uar, war, weighted_f1


AFEW = """
34  6  2  2  6  6  6
 0 41  0  4  1  6  9
 0 26  2 15  1 10 10
 0  2  1 37  3  6 14
 0  7  0 10 11  5 12
 0 15  0 13  0  9  3
 0  8  0 14  3  3 18
"""
FERPLUS = """
823  1  7 10  16  2  1  32
 60 82  4 49   3 17  2 165
171 69 67 66   3 21  4 682
 19  0  1 195  5  8  0  41
 63  3  3 40 230 15 15  25
  2  0  0 13   0  0  0   1
 18  3  1 29  15 11  5   4
  2  0  0  5   0  1  0   7
"""


def clips(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix, and the true and predicted class of every clip in it."""
    matrix = np.array([row.split() for row in text.strip().splitlines()], dtype=np.int64)
    references, predictions = np.indices(matrix.shape)
    return matrix, np.repeat(references.ravel(), matrix.ravel()), np.repeat(predictions.ravel(), matrix.ravel())


@pytest.mark.parametrize(
    ("text", "num_clips", "expected"), [(AFEW, 381, (38.57, 39.90)), (FERPLUS, 3137, (37.91, 44.92))]
)
def test_published_values_come_out(text, num_clips, expected):
    """Numbers in a report stand beside published ones, so they must be the same metric to the last printed digit."""
    matrix, references, predictions = clips(text)
    assert len(references) == num_clips
    assert (round(100 * uar(references, predictions), 2), round(100 * war(references, predictions), 2)) == expected
    assert np.array_equal(confusion_matrix(references, predictions), matrix)
    assert per_class_recall(references, predictions)[1] == matrix[1, 1] / matrix[1].sum()


def test_f1_agrees_with_scikit_learn():
    """Disgust of FERPlus was never recognised: its F1 is 0 and counts in the mean."""
    from sklearn.metrics import f1_score

    _, references, predictions = clips(FERPLUS)
    assert macro_f1(references, predictions) == pytest.approx(f1_score(references, predictions, average="macro"))
    assert weighted_f1(references, predictions) == pytest.approx(f1_score(references, predictions, average="weighted"))
