# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.dialogue.persons import PersonDetector
from emoclip.dialogue.punctuation import PunctuationModel
from emoclip.dialogue.sentiment import SentimentModel
from emoclip.dialogue.speech import SpeechModel


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (SentimentModel, "sentiment"),
        (PersonDetector, "person"),
        (PunctuationModel, "punctuation"),
        (SpeechModel, "speech"),
    ],
)
def test_a_model_that_is_not_there_is_named(model, what):
    """Of four models, all that was said was that the Hub could not be reached."""
    with pytest.raises(
        FileNotFoundError, match=rf"The {what} model must be .*got 'models/nowhere'; check the spelling"
    ):
        model("models/nowhere")
