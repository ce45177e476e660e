# SPDX-License-Identifier: Apache-2.0
"""Lists of words that a visitor may start from."""

from modeling_emoclip.labels_emoclip import MAFW_CLASS_NAMES, MAFW_COMPOUND_CLASSES, SEVEN_CLASS_NAMES


OWN_LIST = "My own list (kept in this browser)"
# Plutchik, "A general psychoevolutionary theory of emotion" (1980): the eight basic emotions, and the dyads of neighbours.
PLUTCHIK = (
    "joy",
    "trust",
    "fear",
    "surprise",
    "sadness",
    "disgust",
    "anger",
    "anticipation",
    "love",
    "submission",
    "awe",
    "disapproval",
    "remorse",
    "contempt",
    "aggressiveness",
    "optimism",
)


def preset_words(name: str) -> str:
    """Return the words of a preset, one a line.

    Raises:
        ValueError: There is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"A preset must be one of {', '.join(PRESETS)}, got {name!r}.")
    return "\n".join(PRESETS[name])


def _compounds() -> tuple[str, ...]:
    """MAFW's 43 classes: the single ones by name, the compound ones as sums of their parts."""
    return tuple(" + ".join(parts) for parts in MAFW_COMPOUND_CLASSES.values())


PRESETS = {
    "7 basic": SEVEN_CLASS_NAMES,
    "11 of MAFW": MAFW_CLASS_NAMES,
    "43 of MAFW, compound ones too": _compounds(),
    "Plutchik's 8 and their dyads": PLUTCHIK,
}


__all__ = ["OWN_LIST", "PRESETS", "preset_words"]
