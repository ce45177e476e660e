# SPDX-License-Identifier: Apache-2.0
"""Prompt sets: the texts that stand for each class before the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emoclip.config_loading import read_yaml
from modeling_emoclip.prompts_emoclip import ENSEMBLE_STYLES, PROMPT_TEMPLATES
from modeling_emoclip.text_classes_emoclip import (
    COMPOUND_CLASSES,
    Compound,
    Ensemble,
    Prompt,
    Style,
    Tree,
    parse_class,
    texts_of,
)


_BUILT_IN = ("synthetic_descriptions", "emoclip_descriptions")
# The texts of the model's own configuration.
MODEL_DESCRIPTIONS = "model_descriptions"
STYLES = (*PROMPT_TEMPLATES, *ENSEMBLE_STYLES)


def class_trees(
    prompt_set: str,
    class_names: Sequence[str],
    *,
    compound: str = "average",
    model_descriptions: Mapping[str, str] | None = None,
) -> dict[str, Tree]:
    """Class name -> its texts, as one prompt, an ensemble or a compound, in the order of `class_names`.

    Args:
        prompt_set: A template, an ensemble, a text with `{}`, or what `class_texts` takes. A class that a set of descriptions
            does not describe may be a compound whose components it does.
        class_names: The classes to tell apart.
        compound: `average` or `concatenate`, for compound classes.
        model_descriptions: The texts of `model_descriptions`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the set is unknown, has no text for a class, or gives something other than texts.
    """
    if prompt_set in STYLES or "{}" in prompt_set:
        style = Style(prompt_set, compound)
        return {name: parse_class(name, style) for name in class_names}
    if prompt_set == MODEL_DESCRIPTIONS:
        if not model_descriptions:
            raise ValueError(
                f"`{MODEL_DESCRIPTIONS}` are the texts that a model's configuration gives for classes, this model has none; "
                "choose another prompt set."
            )
        descriptions: Mapping[str, Any] = model_descriptions
    else:
        descriptions = prompt_set_texts(prompt_set)
    return _described(prompt_set, descriptions, class_names, compound)


def class_texts(prompt_set: str, class_names: Sequence[str]) -> dict[str, str]:
    """Class name -> text in the order of `class_names`, from a set that has one text per class.

    Args:
        prompt_set: `synthetic_descriptions` (of the rendered faces), `emoclip_descriptions` (the paper's, of MAFW's
            classes), or the path of a YAML file with lines `class name: text`. It may describe further classes.
        class_names: The classes to tell apart.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the set is unknown, describes a class not at all, or gives something other than a text.
    """
    descriptions = prompt_set_texts(prompt_set)
    _check_described(prompt_set, descriptions, class_names)
    texts = {name: descriptions[name] for name in class_names}
    for name, text in texts.items():
        _checked_text(prompt_set, name, text)
    return texts


def tree_texts(trees: Mapping[str, Tree]) -> dict[str, str]:
    """Class name -> every text that stands for it, joined by ` | `, for the record."""
    return {name: " | ".join(texts_of(tree)) for name, tree in trees.items()}


def prompt_set_name(prompt_set: str) -> str:
    """Short name for tables and files: the set's own, or the YAML file's without folder and ending."""
    if "{}" in prompt_set:
        words = "".join(letter if letter.isalnum() else " " for letter in prompt_set.replace("{}", "class")).split()
        return "_".join(words)[:60]
    return Path(prompt_set).stem if Path(prompt_set).suffix in (".yaml", ".yml") else prompt_set


def prompt_set_texts(prompt_set: str) -> Mapping[str, Any]:
    """Class name -> text for every class that a set of descriptions has; `class_trees` checks and selects.

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
        raise ValueError(
            f"A prompt set must be one of {', '.join((*_BUILT_IN, MODEL_DESCRIPTIONS, *STYLES))}, a text with {{}} or a YAML "
            f"file, got {prompt_set!r}."
        )
    content = read_yaml(prompt_set)
    if not isinstance(content, dict):
        raise ValueError(f"{prompt_set} must hold lines `class name: text`, got {content!r}.")
    wrong = [name for name in content if not isinstance(name, str)]
    if wrong:
        raise ValueError(
            f"Class names in {prompt_set} must be texts, got {wrong[0]!r}; put numbers and the words that YAML reads as yes, no or "
            "nothing in quotes."
        )
    return content


def _described(
    prompt_set: str, descriptions: Mapping[str, Any], class_names: Sequence[str], compound: str
) -> dict[str, Tree]:
    simple = {name: text for name, text in descriptions.items() if isinstance(text, str)}
    folded = {name.casefold(): text for name, text in simple.items()}
    style = Style("description", compound, folded)
    trees: dict[str, Tree] = {}
    missing = []
    for name in class_names:
        if name in descriptions:
            trees[name] = _tree(prompt_set, name, descriptions[name], style)
            continue
        tree = parse_class(name, style)
        parts = COMPOUND_CLASSES.get(name.casefold()) or tuple(sorted(name.casefold().split("_")))
        if isinstance(tree, Compound | Prompt) and len(parts) > 1 and all(part in folded for part in parts):
            trees[name] = tree
        else:
            missing.append(name)
    if missing:
        _check_described(prompt_set, descriptions, missing)
    return trees


def _tree(prompt_set: str, name: str, content: Any, style: Style) -> Tree:
    """A text as it stands, a list of texts as an ensemble, a mapping of weighted components as a compound."""
    if isinstance(content, list) and content:
        return Ensemble(tuple(Prompt(_checked_text(prompt_set, name, text)) for text in content))
    if isinstance(content, dict) and content:
        return parse_class(content, style)
    return Prompt(_checked_text(prompt_set, name, content))


def _checked_text(prompt_set: str, name: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"The text for the class {name!r} in {prompt_set!r} must not be empty, got {text!r}.")
    return text


def _check_described(prompt_set: str, descriptions: Mapping[str, Any], class_names: Sequence[str]) -> None:
    missing = [name for name in class_names if name not in descriptions]
    if missing:
        raise ValueError(
            f"The prompt set {prompt_set!r} must describe every class of the manifest; it has no text for "
            f"{', '.join(missing)}, got texts for {', '.join(map(str, descriptions))}."
        )
