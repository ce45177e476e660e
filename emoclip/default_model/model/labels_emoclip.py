# SPDX-License-Identifier: Apache-2.0
"""Class orders, class descriptions and prompt templates as Python data, for only Python files travel to the Hub.

Texts are those of the EmoCLIP paper (arXiv 2310.16640), Tables VII and VIII, to the letter, its slips included.
"""

# The official order of MAFW; the first seven, re-ordered or not, are the classes of the seven-class sets.
MAFW_CLASS_NAMES = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
    "contempt",
    "anxiety",
    "helplessness",
    "disappointment",
)

SEVEN_CLASS_NAMES = MAFW_CLASS_NAMES[:7]

# What the model is given for each class. The doubled "resigned" is in the published text.
EMOCLIP_CLASS_DESCRIPTIONS = {
    "anger": (
        "A facial expression showing irritation and unrest, with a wrinkled forehead, narrowed eyes, and "
        "tight lips or a frown"
    ),
    "disgust": (
        "An expression of repulsion and displeasure, with a raised upper lip, a scrunched nose, and a downturned mouth"
    ),
    "fear": (
        "An expression of tension and withdrawal, with wide-open eyes, raised eyebrows, and a slightly open "
        "mouth. The face may appear physically tense or frozen in fear"
    ),
    "happiness": (
        "An expression of contentment and pleasure, with a smile and the corners of the mouth turned up, "
        "often accompanied by crinkling around the eyes. The face may appear relaxed and at ease"
    ),
    "neutral": (
        "An expression of calm and neutrality, with a neutral mouth and no particular indication of emotion. "
        "The eyebrows are usually not raised or furrowed"
    ),
    "sadness": (
        "An expression of sadness and sorrow, with a downturned mouth or frown, and sometimes tears or a "
        "tightness around the eyes. The face may appear physically withdrawn or resigned."
    ),
    "surprise": (
        "An expression of shock and astonishment, with wide-open eyes and raised eyebrows, sometimes "
        "accompanied by a gasp or an open mouth"
    ),
    "contempt": (
        "An expression of disdain and superiority, with a slight smirk or sneer, often accompanied by a "
        "raised eyebrow or a lopsided smile"
    ),
    "anxiety": (
        "An expression of worry and apprehension, with furrowed eyebrows and a tight mouth. The eyes may "
        "appear wide and darting, and the face may appear physically tense or worried"
    ),
    "helplessness": (
        "An expression of defeat and resignation, with the eyes looking down and the mouth turned down. The "
        "eyebrows may be furrowed, and the face may appear resigned or resigned"
    ),
    "disappointment": (
        "An expression of frustration and disillusionment, with a slight frown or drooping of the mouth. The "
        "eyebrows may be lowered or furrowed, and the face may appear physically drawn or tired"
    ),
}

# Captions for neutral clips, which MAFW leaves without: two distinct ones of these five, joined by a space.
NEUTRAL_CAPTIONS = (
    "A lack of emotional expression, as if the person's face is in a resting state.",
    "The facial muscles are generally relaxed, creating a smooth and even appearance.",
    "The mouth is typically closed or slightly open, with the lips not turned up or down.",
    (
        "The eyebrows are in a neutral position, not furrowed or raised, and the eyes are generally looking "
        "straight ahead or slightly down."
    ),
    (
        "While the face may not show any specific emotions, the expression can still convey a sense of "
        "attentiveness or alertness."
    ),
)

# Ways to make a text from a class name; "{}" is the name.
PROMPT_TEMPLATES = {
    "name": "{}",
    "expression": "an expression of {}.",
    "photo": "a photo of a face with an expression of {}.",
}


__all__ = [
    "EMOCLIP_CLASS_DESCRIPTIONS",
    "MAFW_CLASS_NAMES",
    "NEUTRAL_CAPTIONS",
    "PROMPT_TEMPLATES",
    "SEVEN_CLASS_NAMES",
]
