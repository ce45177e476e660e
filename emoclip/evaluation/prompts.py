# SPDX-License-Identifier: Apache-2.0
"""Prompt sets: the text that stands for each class before the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from emoclip.config_loading import read_yaml


_BUILT_IN = ("synthetic_descriptions", "emoclip_descriptions")


def class_texts(prompt_set: str, class_names: Sequence[str]) -> dict[str, str]:
    """Class name -> text in the order of `class_names`.

    Args:
        prompt_set: `synthetic_descriptions` (of the rendered faces), `emoclip_descriptions` (the paper's, of MAFW's
            classes), or the path of a YAML file with lines `class name: text`. It may describe further classes.
        class_names: The classes to tell apart.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the set is unknown, describes a class not at all, or gives something other than a text.
    """
    descriptions = prompt_set_texts(prompt_set)
    missing = [name for name in class_names if name not in descriptions]
    if missing:
        raise ValueError(
            f"The prompt set {prompt_set!r} must describe every class of the manifest; it has no text for "
            f"{', '.join(missing)}, got texts for {', '.join(map(str, descriptions))}."
        )
    texts = {name: descriptions[name] for name in class_names}
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"The text for the class {name!r} in {prompt_set!r} must not be empty, got {text!r}.")
    return texts


def prompt_set_name(prompt_set: str) -> str:
    """Short name for tables and files: the set's own, or the YAML file's without folder and ending."""
    return prompt_set if prompt_set in _BUILT_IN else Path(prompt_set).stem


def prompt_set_texts(prompt_set: str) -> Mapping[str, str]:
    """Class name -> text for every class that a prompt set describes; `class_texts` checks and selects.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the set is unknown or the file holds no mapping.
    """
    if prompt_set == "synthetic_descriptions":
        from emoclip.synthetic.descriptions import synthetic_class_descriptions

        return synthetic_class_descriptions()
    if prompt_set == "emoclip_descriptions":
        from modeling_emoclip.labels_emoclip import EMOCLIP_CLASS_DESCRIPTIONS

        return EMOCLIP_CLASS_DESCRIPTIONS
    if Path(prompt_set).suffix not in (".yaml", ".yml"):
        raise ValueError(f"A prompt set must be one of {', '.join(_BUILT_IN)} or a YAML file, got {prompt_set!r}.")
    content = read_yaml(prompt_set)
    if not isinstance(content, dict):
        raise ValueError(f"{prompt_set} must hold lines `class name: text`, got {content!r}.")
    return content
