# SPDX-License-Identifier: Apache-2.0
"""The three models, each of the class that the real one has."""

import numpy as np
import pytest
import torch

from emoclip.dialogue.persons import PersonDetector, letterbox_shift, whole_pixels
from emoclip.dialogue.punctuation import CONTEXT, WINDOW, PunctuationModel
from emoclip.dialogue.sentiment import SentimentModel


def test_sentiment_is_the_raw_logits_of_every_sentence(classifier_folder):
    """The loss takes logits; padding beside a longer sentence must not change them."""
    model = SentimentModel(str(classifier_folder), batch_size=2)
    texts = ["i am so glad you came", "stop", "we wait here"]
    logits = model.logits(texts)
    assert logits.shape == (3, 7)
    np.testing.assert_allclose(logits, np.concatenate([model.logits([text]) for text in texts]), atol=1e-5)
    expected = torch.from_numpy(logits).softmax(-1)[:, 4].numpy()
    np.testing.assert_allclose(model.neutral_scores(logits), expected)
    assert model.neutral_scores(logits)[2] > 0.5 > model.neutral_scores(logits)[0]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("positive", "neutral", "negative"), r"at least 7 classes apart, .* has 3"),
        (tuple("abcdefg"), "class `neutral`"),
    ],
)
def test_classifiers_that_do_not_fit_are_refused(make_classifier, labels, told):
    """The loss compares seven sentiments, and the selection needs the neutral one."""
    with pytest.raises(ValueError, match=told):
        SentimentModel(str(make_classifier(labels)))


def test_marks_are_set_behind_their_words_across_windows(punctuation_folder):
    """Windows overlap, and one with too many tokens for the model is halved; every word comes back once, in order."""
    model = PunctuationModel(str(punctuation_folder))
    words = ("we wait here and there i am so glad you came please go away now " * 30).split()
    assert len(words) > 2 * WINDOW - CONTEXT
    marks = {"there": "?", "came": ".", "now": "."}
    assert model(words) == [word + marks.get(word, "") for word in words]


def test_a_model_that_sets_no_stops_is_refused(classifier_folder):
    """Nothing would ever be cut."""
    with pytest.raises(ValueError, match=r"must have the label '\.'"):
        PunctuationModel(str(classifier_folder))


def test_persons_are_found_in_every_frame(make_detector):
    """Boxes lie within the frame, in its own pixels; frames in batches are as frames alone."""
    frames = [np.full((36, 64, 3), level, np.uint8) for level in (0, 90, 250)]
    folder = str(make_detector(("cat", "person")))
    found = PersonDetector(folder, min_score=0.0, batch_size=2)(frames)
    alone = PersonDetector(folder, min_score=0.0)([frames[2]])
    assert len(found) == 3
    assert found[2] == alone[0]
    for left, top, right, bottom in (box for boxes in found for box in boxes):
        assert 0 <= left < right <= 64
        assert 0 <= top < bottom <= 36


def test_other_classes_are_no_persons(make_detector):
    """A model that knows persons and cats must not give the cats."""
    detector = PersonDetector(str(make_detector(("cat", "person"))), min_score=0.0)
    told = {"boxes": torch.tensor([[1.2, 2.0, 9.9, 8.1], [0.0, 0.0, 5.0, 5.0]]), "labels": torch.tensor([1, 0])}
    assert detector._persons(told, (20, 30)) == [[1.0, 2.0, 10.0, 9.0]]
    with pytest.raises(ValueError, match="must know the class `person`"):
        PersonDetector(str(make_detector(("cat", "dog"))))


@pytest.mark.parametrize(
    ("sides", "shift"), [((640, 360), (0, 12)), ((455, 256), (0, 8.53)), ((640, 480), (0, 0)), ((1280, 720), (0, 24))]
)
def test_the_slip_of_the_original_is_known(sides, shift):
    """12 pixels at the detector's scale for 16:9, none for 4:3 (methods of the original, worked out by hand)."""
    assert letterbox_shift(*sides) == pytest.approx(shift, abs=0.1)


def test_boxes_outside_the_frame_are_none():
    """A box of no pixel would make an empty mask pass for a person."""
    assert whole_pixels([-3.5, 1.2, 4.1, 5.0], 10, 10) == [0.0, 1.0, 5.0, 5.0]
    assert whole_pixels([11, 1, 14, 5], 10, 10) is None
