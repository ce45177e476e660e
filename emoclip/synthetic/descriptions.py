# SPDX-License-Identifier: Apache-2.0
"""The project's own class descriptions for the rendered world: texts for zero-shot recognition, never used in training.

Each tells the action units of its class and, where only time separates two classes, the course. No sentence or clause of the
caption generator is used.
"""

_ALARM = "Eyebrows raised and furrowed, eyes open wide, lips parted and pulled sideways."
_GLOOM = "Inner brows raised and furrowed into a slant, mouth corners drooping, the chin pushed up and dimpled."

# In the order of MAFW.
SYNTHETIC_CLASS_DESCRIPTIONS = {
    "anger": "Eyebrows lowered in a frown over narrowed eyes, the lips pressed into a thin, tight line.",
    "disgust": "A nose wrinkled and scrunched up, an upper lip curled high, the mouth pulled down at its corners.",
    "fear": f"{_ALARM} This comes only once, suddenly or in a single wave, then slowly fades away.",
    "happiness": "Lips smile with their corners turned up, cheeks raised high, eyes crinkled.",
    "neutral": "A face at rest: brows level, mouth closed, every muscle relaxed.",
    "sadness": f"{_GLOOM} All of this builds slowly, growing bit by bit, until it is suddenly gone.",
    "surprise": "Eyebrows lifted high, eyes open wide, the jaw dropped so that the mouth gapes.",
    "contempt": "A mouth smiling on one side only, its corner pulled up and tucked in beside a dimple.",
    "anxiety": f"{_ALARM} This keeps coming and going, returns several times, again and again.",
    "helplessness": "Head hanging down, gaze on the ground, lids almost shut, mouth corners pulled down.",
    "disappointment": f"{_GLOOM} All of this appears at once, in an instant, then slowly wears off, fading gradually.",
}


def synthetic_class_descriptions() -> dict[str, str]:
    """Class name -> description, in the order of MAFW; a new dictionary each time."""
    return dict(SYNTHETIC_CLASS_DESCRIPTIONS)
