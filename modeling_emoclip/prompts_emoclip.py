# SPDX-License-Identifier: Apache-2.0
"""Prompt templates and ensembles: the texts that stand for a class name.

Sources: Exp-CLIP `models/Text.py` ("as coded") and its paper, appendix A ("as printed"); EmoCLIP, section IV, for the template
of the CLIP baseline, of whose ensemble only that one is published.
"""

from .labels_emoclip import EXPCLIP_CLASS_NAMES


# One text from a class name; "{}" is the name.
PROMPT_TEMPLATES = {
    "name": "{}",
    "baseline": "an expression of {}",
    "expclip_p1": "{}.",
    "expression": "an expression of {}.",
    "photo": "a photo of a face with an expression of {}.",
}

# Exp-CLIP's ten prompts as its code has them; P-4 is the first five. The last takes an adjective.
_CODED = (
    "an expression of {}.",
    "a photo of a face with an expression of {}.",
    "a photo radiating {} in a person.",
    "a photo showing someone immersed in {}.",
    "a photo capturing {} within an individual.",
    "a photo of a face displaying {}.",
    "a photo of a person embodying {}.",
    "a good photo capturing someone's {}.",
    "a cropped photo emphasizing a face expressing {}.",
    "a clean photo showcasing a person's {} expression.",
)
_ADJECTIVES = {
    "neutral": "neutral",
    "anger": "angry",
    "surprise": "surprised",
    "disgust": "disgusted",
    "fear": "fearful",
    "contempt": "contemptuous",
    "anxiety": "anxious",
    "helplessness": "helpless",
    "disappointment": "disappointed",
}
# Where the code departs from its own pattern: class -> place, counted from 0 -> text.
_EXCEPTIONS = {
    "happiness": {5: "a photo of a face exuding happiness.", 9: "a clean photo showcasing a person's happiness."},
    "sadness": {
        1: "a cropped photo emphasizing a face expressing sadness.",
        2: "a photo exuding sadness in a person.",
        8: "a photo of a face with an expression of sadness.",
        9: "a clean photo showcasing a person's sadness.",
    },
    "neutral": {7: "a good photo capturing someone's neutral state."},
}

# The ten of the paper's appendix, which differ from the code's.
EXPCLIP_PRINTED_TEMPLATES = (
    "{}.",
    "an expression of {}.",
    "a photo of a face exuding {}.",
    "a photo radiating {} in a person.",
    "a photo of a person embodying {}.",
    "a good photo capturing someone's {}.",
    "a photo showing someone immersed in {}.",
    "a photo capturing {} within an individual.",
    "a clean photo showcasing a person's {}.",
    "a photo of a face with an expression of {}.",
)

ENSEMBLE_STYLES = ("expclip_p4", "expclip_p5", "expclip_printed")


def ensemble_texts(style: str, name: str) -> tuple[str, ...]:
    """Return the texts of an ensemble for one class name.

    Args:
        style: `"expclip_p4"` or `"expclip_p5"`, five and ten as coded, or `"expclip_printed"`, ten as printed.
        name: A class name; those of Exp-CLIP in upper or lower case. For names that it does not have, the last coded text
            takes the name as a noun.

    Raises:
        ValueError: The style is not known.
    """
    if style not in ENSEMBLE_STYLES:
        raise ValueError(f"The ensemble must be one of {', '.join(ENSEMBLE_STYLES)}, got {style!r}.")
    if name.casefold() in EXPCLIP_CLASS_NAMES:
        name = name.casefold()
    if style == "expclip_printed":
        return tuple(template.replace("{}", name) for template in EXPCLIP_PRINTED_TEMPLATES)
    texts = [template.replace("{}", name) for template in _CODED[:-1]]
    adjective = _ADJECTIVES.get(name)
    texts.append(f"a clean photo showcasing a person's {f'{adjective} expression' if adjective else name}.")
    for place, text in _EXCEPTIONS.get(name, {}).items():
        texts[place] = text
    return tuple(texts[:5] if style == "expclip_p4" else texts)


# Style -> class -> texts, for the classes of the paper.
EXPCLIP_ENSEMBLES = {
    style: {name: ensemble_texts(style, name) for name in EXPCLIP_CLASS_NAMES} for style in ENSEMBLE_STYLES
}


__all__ = [
    "ENSEMBLE_STYLES",
    "EXPCLIP_ENSEMBLES",
    "EXPCLIP_PRINTED_TEMPLATES",
    "PROMPT_TEMPLATES",
    "ensemble_texts",
]
