# SPDX-License-Identifier: Apache-2.0
"""Every clip against the texts of every prompt set, the compound classes among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.embeddings import EmbeddingTable
from emoclip.evaluation.predictions import ZERO_SHOT, PredictionTable
from emoclip.evaluation.prompts import MODEL_DESCRIPTIONS, STYLES, class_trees, prompt_set_name
from emoclip.evaluation.protocol_config import CompoundConfig, PromptSensitivityConfig
from emoclip.evaluation.protocols.context import HEAD, Context, Rows, per_set
from emoclip.evaluation.systems import Origin, System
from modeling_emoclip.prompts_emoclip import ENSEMBLE_STYLES
from modeling_emoclip.text_classes_emoclip import Compound, Tree, parse_class, texts_of


# A way of making the classes' texts: prompt set, how compounds are made, and the name in tables.
Way = tuple[str, str, str]
WEIGHTED = "weighted"
NEUTRAL = "neutral"


def labelled_rows(context: Context) -> np.ndarray:
    """Row numbers of the judged clips that have a single true class.

    Raises:
        ValueError: If none has, or there are fewer than two classes.
    """
    if len(context.class_names) < 2:
        raise ValueError(f"There must be at least 2 classes to tell apart, the manifest has {context.class_names}.")
    rows = context.test_rows
    labelled = context.clips.with_value(rows, "label")
    if not len(labelled):
        data = context.config.clips
        raise ValueError(
            f"At least one clip must have a label, got none among {len(rows)} rows of {data.manifest} "
            f"(split {data.split}); choose another split."
        )
    return labelled


def check_zero_shot(context: Context) -> None:
    """Checks clips and texts before the first clip is decoded.

    Raises:
        ValueError: If no clip has a label, or classes do not match.
    """
    labelled_rows(context)
    check_prompt_sets(context)


def check_prompt_sets(context: Context, compound: str = "average") -> None:
    """Checks the texts of every prompt set before the first clip is decoded.

    Raises:
        ValueError: If two have one name in tables, or classes do not match.
    """
    for spec in context.config.systems:
        sets = spec.prompt_sets or context.config.prompt_sets
        for prompt_set in sets:
            if compound == "concatenate" and prompt_set in ENSEMBLE_STYLES:
                continue
            if spec.name in context.shared:
                context.trees(context.shared[spec.name], prompt_set, context.class_names, compound)
            elif prompt_set != MODEL_DESCRIPTIONS:
                class_trees(prompt_set, context.class_names, compound=compound)
        check_names(sets)


def check_names(prompt_sets: Sequence[str]) -> None:
    """Checks that prompt sets have different names in tables.

    Raises:
        ValueError: If two have one.
    """
    by_name: dict[str, list[str]] = {}
    for prompt_set in prompt_sets:
        by_name.setdefault(prompt_set_name(prompt_set), []).append(prompt_set)
    for name, own in by_name.items():
        if len(own) > 1:
            raise ValueError(
                f"Prompt sets must differ in name, got {', '.join(own)}, which are all {name} in tables; name a file otherwise, or word "
                "a template otherwise."
            )


def zero_shot_tables(context: Context) -> list[PredictionTable]:
    """One table per system and prompt set, all prompt sets of the first system first."""
    rows = labelled_rows(context)
    return [
        table
        for spec in context.config.systems
        for table in system_tables(context, spec, rows, context.class_names, protocol=ZERO_SHOT)
    ]


def embedding_tables(context: Context) -> list[EmbeddingTable]:
    """Embeddings of the judged clips and of the first prompt set's texts, for every system that matches texts."""
    rows, labels = labelled_rows(context), context.clips.column("label")
    tables = []
    for spec in context.config.systems:
        system = context.shared.get(spec.name)
        if system is None or system.encoder.class_names is not None or not context.is_main:
            continue
        prompt_set = context.prompt_sets(system)[0]
        trees = context.trees(system, prompt_set, context.class_names)
        pairs = [(name, text) for name, tree in trees.items() for text in texts_of(tree)]
        numbers, features = next(context.parts(spec)).features.take(rows)
        tables.append(
            EmbeddingTable(
                clip_ids=context.clip_ids(numbers),
                references=[labels[number] for number in numbers],
                video_embeds=system.encoder.clip_embeds(features).numpy(),
                class_names=context.class_names,
                system=spec.name,
                model=system.source,
                revision=system.revision,
                manifest_sha256=context.clips.about.sha256,
                texts=[text for _, text in pairs],
                text_classes=[name for name, _ in pairs],
                text_embeds=system.encoder.embed_texts([text for _, text in pairs]).numpy(),
            )
        )
    return tables


def system_tables(
    context: Context,
    spec: SystemConfig,
    rows: np.ndarray,
    class_names: Sequence[str],
    ways: Sequence[Way] | None = None,
    *,
    protocol: str,
) -> list[PredictionTable]:
    """Tables of one system: one per way of making the texts.

    Args:
        context: The run.
        spec: The system.
        rows: Row numbers of the clips, which all have a label.
        class_names: Those of the manifest's classes that are told apart.
        ways: Prompt sets and how compounds are made; None takes the prompt sets.
        protocol: For the tables.
    """
    labels = context.clips.column("label")
    ids = {context.class_names.index(name): place for place, name in enumerate(class_names)}
    wanted = set(rows.tolist())
    collected: dict[str, Rows] = {}
    origin = Origin()
    for part in context.parts(spec):
        system = part.system
        origin.add(system)
        if not context.is_main:
            continue
        for prompt_set, compound, name in _ways(context, part.system.prompt_sets, ways):
            trees = _trees(context, system, prompt_set, compound, class_names)
            for fold in part.folds:
                numbers, features = part.features.take([n for n in fold.test.tolist() if n in wanted])
                if numbers:
                    scores = context.scores(system, features, trees, class_names)
                    references = [ids[labels[number]] for number in numbers]
                    collected.setdefault(name, Rows()).add(numbers, fold.number, references, scores)
    return [found.table(context, origin, spec.name, name, class_names, protocol) for name, found in collected.items()]


def compound_tables(context: Context, config: CompoundConfig) -> list[PredictionTable]:
    """Tables of compound classes: per system, prompt set and mode, over all classes and over those but neutral."""
    rows, labels = labelled_rows(context), context.clips.column("label")
    modes = (*config.modes, *((WEIGHTED,) if config.weights else ()))
    tables = []
    for classes in config.ways:
        names = [name for name in context.class_names if classes == "all" or name != NEUTRAL]
        chosen = np.array([n for n in rows.tolist() if context.class_names[labels[n]] in names], dtype=np.int64)
        for spec in context.config.systems:
            sets = spec.prompt_sets or context.config.prompt_sets
            ways = [(name, mode, f"{prompt_set_name(name)}.{mode}") for name in sets for mode in modes]
            # An ensemble has no one text that could be joined with others.
            ways = [way for way in ways if not (way[1] == "concatenate" and way[0] in ENSEMBLE_STYLES)]
            tables += system_tables(context, spec, chosen, names, ways, protocol="compound")
    return tables


def sensitivity_tables(context: Context, config: PromptSensitivityConfig) -> list[PredictionTable]:
    """Tables of the first system with every template and every set of descriptions."""
    rows = labelled_rows(context)
    sets = (*(STYLES if config.templates is None else config.templates), *config.descriptions)
    check_names(sets)
    spec = context.config.systems[0]
    ways = [(name, "average", prompt_set_name(name)) for name in sets]
    return system_tables(context, per_set(spec, sets), rows, context.class_names, ways, protocol="prompt_sensitivity")


def check_sensitivity(context: Context, config: PromptSensitivityConfig) -> None:
    """Checks all texts before the first clip is decoded.

    Raises:
        ValueError: If a set is unknown, two have one name, or classes do not match.
    """
    sets = (*(STYLES if config.templates is None else config.templates), *config.descriptions)
    system = context.shared.get(context.config.systems[0].name)
    for prompt_set in sets:
        # Texts of a model that is loaded fold by fold are not known yet.
        if system is not None or prompt_set != MODEL_DESCRIPTIONS:
            own = system.class_descriptions if system else {}
            class_trees(prompt_set, context.class_names, model_descriptions=own)
    check_names(sets)


def check_compound(context: Context, config: CompoundConfig) -> None:
    """Checks that the manifest has compound classes and that all have texts.

    Raises:
        FileNotFoundError: If a prompt file does not exist.
        ValueError: If there are none, weights are given for other classes, or a component has no text.
    """
    unknown = sorted(set(config.weights) - set(context.class_names))
    if unknown:
        raise ValueError(f"`compound.weights` must be of classes of the manifest, got {', '.join(unknown)}.")
    if not any("_" in name or " " in name for name in context.class_names):
        raise ValueError(
            f"The compound protocol needs a manifest with compound classes such as fear_surprise, got "
            f"{', '.join(context.class_names)}; prepare the data set with its compound task."
        )
    for mode in config.modes:
        check_prompt_sets(context, mode)
    for spec in context.config.systems if config.weights else ():
        system = context.shared.get(spec.name)
        if system is not None and system.encoder.class_names is not None:
            continue
        for prompt_set in spec.prompt_sets or context.config.prompt_sets:
            # Texts of a model that is loaded fold by fold are not known yet.
            if system is not None or prompt_set != MODEL_DESCRIPTIONS:
                _weighted_trees(system.class_descriptions if system else {}, prompt_set, config.weights)


def _ways(context: Context, own: Sequence[str] | None, ways: Sequence[Way] | None) -> Sequence[Way]:
    if own == (HEAD,):
        return [(HEAD, "average", HEAD)]
    if ways is not None:
        return ways
    return [(name, "average", prompt_set_name(name)) for name in own or context.config.prompt_sets]


def _trees(
    context: Context, system: System, prompt_set: str, mode: str, class_names: Sequence[str]
) -> dict[str, Tree]:
    """The texts; in the weighted mode the classes that have weights are made of their components by these."""
    compound = "average" if mode == WEIGHTED else mode
    trees = context.trees(system, prompt_set, class_names, compound)
    if mode == WEIGHTED and context.config.protocols.compound is not None:
        weighted = _weighted_trees(system.class_descriptions, prompt_set, context.config.protocols.compound.weights)
        trees |= {name: tree for name, tree in weighted.items() if name in trees}
    return trees


def _weighted_trees(own: dict[str, str], prompt_set: str, weights: dict[str, dict[str, float]]) -> dict[str, Tree]:
    """Class -> its components by their weights; `own` are the texts of the model's configuration."""
    return {
        name: _weighted(class_trees(prompt_set, list(w), model_descriptions=own), w) for name, w in weights.items()
    }


def _weighted(parts: dict[str, Tree], weights: dict[str, float]) -> Tree:
    return parse_class(Compound(tuple(parts.values()), tuple(weights[name] for name in parts)))


__all__ = [
    "check_compound",
    "check_prompt_sets",
    "check_sensitivity",
    "check_zero_shot",
    "compound_tables",
    "labelled_rows",
    "sensitivity_tables",
    "system_tables",
    "zero_shot_tables",
]
