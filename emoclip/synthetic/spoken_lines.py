# SPDX-License-Identifier: Apache-2.0
"""What persons of rendered films say: a line agrees with the speaker's face in sentiment, and names neither face nor emotion.

A line joins a beginning to an end, so that lines of training and of testing can differ in every combination. The sentiments are
the seven of the classifier that EmotionCLIP uses.
"""

from collections.abc import Mapping

import numpy as np


SENTIMENTS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
# Of the emotions of the rendered world, several share a sentiment.
SENTIMENT_OF: Mapping[str, str] = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "joy",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
    "contempt": "disgust",
    "anxiety": "fear",
    "helplessness": "sadness",
    "disappointment": "sadness",
}

_LINES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "anger": (
        ("Stop it right now", "How dare you", "I have had enough", "Do not lie to me", "Get out of here", "You broke it again"),
        ("and do not come back.", "after all I told you.", "in front of everybody.", "or I will call them.", "this very minute."),
    ),
    "disgust": (
        ("That smells rotten", "Take this away", "I cannot eat that", "There is mould on it", "It is crawling in there", "Yuck"),
        ("on the plate.", "from the bin.", "under the sink.", "all over the bread.", "near my food."),
    ),
    "fear": (
        ("Somebody is behind us", "Run for the door", "It is coming closer", "Hide under the table", "Hold my hand", "Lock it quickly"),
        ("before he sees us.", "and make no sound.", "it has a knife.", "I heard the steps.", "do not turn round."),
    ),
    "happiness": (
        ("What a lovely day", "I am so glad", "This is wonderful", "We won the match", "Come and dance", "The baby laughed"),
        ("with all of you.", "at our party.", "and the sun is out.", "thank you so much.", "just as we hoped."),
    ),
    "neutral": (
        ("The train leaves at nine", "The box is on the shelf", "They meet on Monday", "Turn left at the corner", "It costs two coins", "The form is blue"),
        ("from platform four.", "next to the lamp.", "in the usual room.", "as the sign says.", "on page seven."),
    ),
    "sadness": (
        ("She is gone", "We buried him today", "I miss her", "The house is empty", "He never woke up", "Nobody wrote back"),
        ("and I kept her coat.", "without a word.", "since the winter.", "after forty years.", "in the rain."),
    ),
    "surprise": (
        ("Is that really you", "Where did it come from", "You never told me", "Look who is here", "It just appeared", "Wait what"),
        ("out of nowhere.", "after ten years.", "on my doorstep.", "in the middle of it.", "I had no idea."),
    ),
    "contempt": (
        ("As if you could", "People of your kind", "Even a child knows", "You call that work", "Keep your little prize", "He thinks he matters"),
        ("with that degree.", "at my table.", "and nobody cares.", "beneath my notice.", "for what it is worth."),
    ),
    "anxiety": (
        ("What if they call", "I cannot sit still", "The results come soon", "Did I lock the door", "They are late again", "My heart is racing"),
        ("and it goes wrong.", "before the exam.", "I keep checking.", "all night long.", "what shall I say."),
    ),
    "helplessness": (
        ("There is nothing left", "I tried everything", "I do not know how", "No one can help", "It is too heavy", "They will not listen"),
        ("whatever I do.", "and I cannot move.", "it just goes on.", "I give up.", "for any of us."),
    ),
    "disappointment": (
        ("You had promised", "I expected more", "So they cancelled it", "We came for nothing", "It was only a copy", "Second place again"),
        ("and I believed you.", "after the long wait.", "on the last day.", "of all people.", "what a pity."),
    ),
}  # fmt: skip


def draw_line(emotion: str, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """Return a line that fits an emotion.

    Args:
        emotion: One of the rendered world's.
        rng: Source of the randomness.
        held_out: Draw of the combinations that are kept for testing, a fifth of them, else of the others.

    Raises:
        ValueError: The emotion is not known.
    """
    lines = spoken_lines(emotion, held_out=held_out)
    return lines[int(rng.integers(len(lines)))]


def spoken_lines(emotion: str, *, held_out: bool = False) -> list[str]:
    """Return all lines of an emotion, see `draw_line`; every beginning and every end occurs in both parts.

    Raises:
        ValueError: The emotion is not known.
    """
    if emotion not in _LINES:
        raise ValueError(f"`emotion` must be one of {', '.join(_LINES)}, got {emotion!r}.")
    begins, ends = _LINES[emotion]
    return [
        f"{begin}, {end}"
        for place, begin in enumerate(begins)
        for number, end in enumerate(ends)
        if ((place + number) % len(ends) == 0) == held_out
    ]


__all__ = ["SENTIMENTS", "SENTIMENT_OF", "draw_line", "spoken_lines"]
