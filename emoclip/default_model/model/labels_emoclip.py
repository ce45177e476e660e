# SPDX-License-Identifier: Apache-2.0
"""Class orders, class descriptions and prompt templates as Python data, for only Python files travel to the Hub.

Descriptions and neutral captions are those that EmoCLIP's code gives the model (`class_descriptions.yml`), slips included;
the paper (arXiv 2310.16640, Tables VII and VIII) prints the same, but for a full stop after sadness. Templates and ensembles
are Exp-CLIP's (arXiv 2405.19100). Class orders are those of the data sets' own label files where they have numbers.
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

# The 43 classes of MAFW's compound task: 11 single ones, and combinations with their numbers of clips (MAFW paper, Figure
# 3, whose misprint "HL,DI" is helplessness and disappointment). Components stand in MAFW's order.
MAFW_COMBINATION_COUNTS = {
    "anger_disgust": 883,
    "sadness_helplessness": 542,
    "fear_surprise": 392,
    "surprise_anxiety": 232,
    "fear_anxiety": 218,
    "disgust_contempt": 208,
    "happiness_surprise": 206,
    "sadness_anxiety": 185,
    "anxiety_helplessness": 156,
    "disgust_anxiety": 131,
    "helplessness_disappointment": 98,
    "fear_sadness": 96,
    "anger_sadness": 90,
    "sadness_anxiety_helplessness": 76,
    "anxiety_helplessness_disappointment": 59,
    "anger_anxiety": 54,
    "happiness_contempt": 52,
    "fear_surprise_anxiety": 45,
    "disgust_helplessness": 39,
    "disgust_surprise": 37,
    "anger_disgust_anxiety": 36,
    "anger_surprise": 33,
    "sadness_disappointment": 32,
    "sadness_surprise": 26,
    "sadness_helplessness_disappointment": 22,
    "disgust_anxiety_helplessness": 19,
    "fear_sadness_anxiety": 19,
    "anger_disgust_contempt": 18,
    "disgust_sadness": 17,
    "anger_helplessness": 13,
    "disgust_helplessness_disappointment": 12,
    "disgust_disappointment": 12,
}


def _order_of_combination(name: str) -> tuple[int, list[int]]:
    """Fewer components first, then MAFW's order; the data set itself gives combinations no numbers."""
    numbers = [MAFW_CLASS_NAMES.index(part) for part in name.split("_")]
    return len(numbers), numbers


# Class -> its components, one for the single classes.
MAFW_COMPOUND_CLASSES = {
    **{name: (name,) for name in MAFW_CLASS_NAMES},
    **{name: tuple(name.split("_")) for name in sorted(MAFW_COMBINATION_COUNTS, key=_order_of_combination)},
}

# RAF-DB's compound classes in the order of its labels 1 to 11.
RAFDB_COMPOUND_CLASSES = {
    "happily surprised": ("happiness", "surprise"),
    "happily disgusted": ("happiness", "disgust"),
    "sadly fearful": ("sadness", "fear"),
    "sadly angry": ("sadness", "anger"),
    "sadly surprised": ("sadness", "surprise"),
    "sadly disgusted": ("sadness", "disgust"),
    "fearfully angry": ("fear", "anger"),
    "fearfully surprised": ("fear", "surprise"),
    "angrily surprised": ("anger", "surprise"),
    "angrily disgusted": ("anger", "disgust"),
    "disgustedly surprised": ("disgust", "surprise"),
}

# The order in which Exp-CLIP numbers classes, for every data set; its first 7 are also DFEW's, FERV39k's and AFEW's.
EXPCLIP_CLASS_NAMES = (
    "happiness",
    "sadness",
    "neutral",
    "anger",
    "surprise",
    "disgust",
    "fear",
    "contempt",
    "anxiety",
    "helplessness",
    "disappointment",
)

_BOLD = (
    "peace, affection, esteem, anticipation, engagement, confidence, happiness, pleasure, excitement, surprise, sympathy, "
    "doubt confusion, disconnection, fatigue, embarrassment, yearning, disapproval, aversion, annoyance, anger, sensitivity, "
    "sadness, disquietment, fear, pain, suffering"
)
# MovieGraphs writes "Doubt/Conf" for EMOTIC's "Doubt/Confusion"; both are in alphabetical order.
_EMOTIC = (
    "affection, anger, annoyance, anticipation, aversion, confidence, disapproval, disconnection, disquietment, "
    "doubt/confusion, embarrassment, engagement, esteem, excitement, fatigue, fear, happiness, pain, peace, pleasure, "
    "sadness, sensitivity, suffering, surprise, sympathy, yearning"
)

# Data set -> class names in the order of its label ids.
CLASS_ORDERS: dict[str, tuple[str, ...]] = {
    "mafw": MAFW_CLASS_NAMES,
    "mafw_compound": tuple(MAFW_COMPOUND_CLASSES),
    # The captioned part of the compound set has no neutral clip; the paper's chance level is that of 42 classes.
    "mafw_compound_42": tuple(name for name in MAFW_COMPOUND_CLASSES if name != "neutral"),
    "dfew": EXPCLIP_CLASS_NAMES[:7],
    "ferv39k": EXPCLIP_CLASS_NAMES[:7],
    "afew": EXPCLIP_CLASS_NAMES[:7],
    "expclip_7": EXPCLIP_CLASS_NAMES[:7],
    "expclip_8": EXPCLIP_CLASS_NAMES[:8],
    "expclip_11": EXPCLIP_CLASS_NAMES,
    "rafdb": ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"),
    "rafdb_compound": tuple(RAFDB_COMPOUND_CLASSES),
    "affectnet_7": ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"),
    "affectnet_8": ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
    "ferplus": ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    "caer": SEVEN_CLASS_NAMES,
    "meld": ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    "bold": tuple(_BOLD.split(", ")),
    "moviegraphs": tuple(_EMOTIC.split(", ")),
    "emotic": tuple(_EMOTIC.split(", ")),
    "ravdess": ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
    "crema_d": ("anger", "disgust", "fear", "happiness", "neutral", "sadness"),
}


__all__ = [
    "CLASS_ORDERS",
    "EMOCLIP_CLASS_DESCRIPTIONS",
    "EXPCLIP_CLASS_NAMES",
    "MAFW_CLASS_NAMES",
    "MAFW_COMBINATION_COUNTS",
    "MAFW_COMPOUND_CLASSES",
    "NEUTRAL_CAPTIONS",
    "RAFDB_COMPOUND_CLASSES",
    "SEVEN_CLASS_NAMES",
]
