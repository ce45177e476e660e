# SPDX-License-Identifier: Apache-2.0
"""What is evaluated: a model as it is, with another pooling over time, or untrained."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emoclip.analysis.source_model import load_model
from emoclip.evaluation.config import SystemConfig
from emoclip.provenance import file_sha256
from modeling_emoclip import EmoCLIPModel


@dataclass(frozen=True)
class System:
    """A model ready to be evaluated.

    Args:
        name: Short name for tables.
        model: In evaluation mode.
        processor: Its `EmoCLIPProcessor`.
        source: Folder or Hub id, and what was changed.
        revision: What fixes the weights.
    """

    name: str
    model: EmoCLIPModel
    processor: Any
    source: str
    revision: str


def load_system(spec: SystemConfig, default_model: str | None = None) -> System:
    """The system that a configuration describes, in float32 on the CPU.

    Args:
        spec: The description.
        default_model: Folder or Hub id if the description names none; None is the embedded default.

    Raises:
        FileNotFoundError: If the model's folder does not exist.
        ValueError: If it holds no EmoCLIP model, or one without the weights that the pooling needs.
    """
    loaded = load_model(spec.model or default_model)
    model, source, revision = loaded.model.float(), loaded.name, model_revision(loaded.model)
    if spec.untrained:
        model, revision = untrained_model(model, spec.seed), f"untrained, seed {spec.seed}"
    if spec.pooling is not None and spec.pooling != model.config.temporal_config.pooling:
        model, source = with_pooling(model, spec.pooling), f"{source} with pooling={spec.pooling}"
    return System(spec.name, model.eval(), loaded.processor, source, revision)


def with_pooling(model: EmoCLIPModel, pooling: str) -> EmoCLIPModel:
    """A copy of the model that pools frames over time by `mean` or `middle_frame`; all other weights are equal.

    Raises:
        ValueError: If the pooling has weights of its own, which the model lacks.
    """
    config = _copied_config(model)
    config.temporal_config.pooling = pooling
    other = EmoCLIPModel(config)
    weights = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("temporal.")}
    missing, unexpected = other.load_state_dict(weights, strict=False)
    if missing or unexpected:
        raise ValueError(
            f"`pooling` must need no weights of its own, got {pooling} for a model trained with "
            f"{model.config.temporal_config.pooling}; choose mean or middle_frame, or train with that pooling."
        )
    return other


def untrained_model(model: EmoCLIPModel, seed: int) -> EmoCLIPModel:
    """A model of the same architecture with fresh random weights, a pure function of the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EmoCLIPModel(_copied_config(model))


def model_revision(model: EmoCLIPModel) -> str:
    """What fixes a loaded model's weights: the Hub's commit, or the checksum of a folder's weights file."""
    commit = getattr(model.config, "_commit_hash", None)
    if commit:
        return commit
    weights = Path(model.name_or_path or "") / "model.safetensors"
    return f"sha256:{file_sha256(weights)}" if weights.is_file() else "unknown"


def _copied_config(model: EmoCLIPModel) -> Any:
    return copy.deepcopy(model.config)
