# SPDX-License-Identifier: Apache-2.0
"""What is evaluated: a model as it is, with another pooling over time, with other frames, or untrained."""

import copy
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch

from emoclip.analysis.source_model import load_model
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.encoders import EmoCLIPEncoder, Encoder, HeadEncoder, XCLIPEncoder
from emoclip.evaluation.foreign_models import load_plain_clip, load_xclip, model_kind
from emoclip.hub_commit import hub_commit
from emoclip.provenance import file_sha256
from modeling_emoclip import (
    EmoCLIPForVideoClassification,
    EmoCLIPModel,
    EmoCLIPProcessor,
    EmoCLIPVideoProcessor,
)


# The prompt set of a model whose classes are fixed, in tables.
HEAD = "head"


@dataclass(frozen=True)
class System:
    """A model ready to be evaluated.

    Args:
        name: Short name for tables.
        model: In evaluation mode.
        processor: Its `EmoCLIPProcessor`; of X-CLIP its video processor alone.
        source: Folder or Hub id, and what was changed.
        revision: What fixes the weights.
        encoder: The model behind the face that evaluation uses.
        prompt_sets: Of this system alone; None takes the run's.
        places: The source with the places of its name open, such as `outputs/fold{fold}/model`; empty where it has none.
    """

    name: str
    model: Any
    processor: Any
    source: str
    revision: str
    encoder: Encoder
    prompt_sets: tuple[str, ...] | None = None
    places: str = ""

    @property
    def class_descriptions(self) -> dict[str, str]:
        """Class name -> the text that the model's own configuration gives for it."""
        return dict(getattr(self.model.config, "class_descriptions", None) or {})


def load_system(
    spec: SystemConfig,
    default_model: str | None = None,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    **places: str | int,
) -> System:
    """The system that a configuration describes, its weights in float32.

    Args:
        spec: The description. Its model may be an EmoCLIP (with or without a head), plain CLIP or X-CLIP.
        default_model: Folder or Hub id if the description names none; None is the embedded default.
        dtype: Number format of its matrix products; None is float32.
        device: Where it computes; None is the CPU.
        places: Values for the places in the model's name: `fold=3` for `outputs/fold{fold}/model`.

    Raises:
        FileNotFoundError: If the model's folder does not exist.
        ValueError: If it holds no model of these kinds, or one without the weights that the pooling needs.
    """
    name = spec.model or default_model
    spec = replace(spec, model=filled(name, **places))
    kind, classes = model_kind(spec.model) if spec.model else ("emoclip", [])
    if kind == "xclip":
        system = _xclip_system(spec, dtype)
    elif EmoCLIPForVideoClassification.__name__ in classes:
        system = _head_system(spec, dtype)
    else:
        system = _text_system(spec, kind, dtype)
    cast(torch.nn.Module, system.model).to(device or torch.device("cpu"))
    if name is not None and spec.model is not None and name != spec.model:
        system = replace(system, places=system.source.replace(spec.model, name))
    return system


class Origin:
    """Which models a table is of: one, or one for each fold or class under a name with places."""

    def __init__(self) -> None:
        self._revisions: dict[str, str] = {}
        self._places = ""

    def add(self, system: System) -> None:
        """Take note of a model; its weights are not kept."""
        self._revisions[system.source] = system.revision
        self._places = system.places

    @property
    def model(self) -> str:
        """The one model, or the name of all with its places open."""
        return next(iter(self._revisions)) if len(self._revisions) == 1 else self._places

    @property
    def revision(self) -> str:
        """What fixes the weights; of several models their number and one checksum of all revisions."""
        if len(self._revisions) == 1:
            return next(iter(self._revisions.values()))
        digest = hashlib.sha256("\n".join(f"{k} {v}" for k, v in sorted(self._revisions.items())).encode())
        return f"{len(self._revisions)} models, sha256:{digest.hexdigest()}"


def filled(name: str | None, **places: str | int) -> str | None:
    """The name with values in its places `{fold}` and `{class}`.

    Raises:
        ValueError: If a place has no value here.
    """
    if name is None:
        return None
    for place, value in places.items():
        name = name.replace(f"{{{place}}}", str(value))
    for place, remedy in (("fold", "set data.fold=all"), ("class", "it belongs in leave_one_out.model")):
        if f"{{{place}}}" in name:
            raise ValueError(f"`model` has the place {{{place}}} but there is no value for it, got {name}; {remedy}.")
    return name


def _text_system(spec: SystemConfig, kind: str, dtype: torch.dtype | None) -> System:
    model: EmoCLIPModel
    if kind == "clip":
        (model, processor), source = load_plain_clip(cast(str, spec.model)), str(spec.model)
        revision = model_revision(model, spec.model)
    else:
        loaded = load_model(spec.model)
        model, processor, source = loaded.model.float(), loaded.processor, loaded.name
        revision = model_revision(model)
    if spec.untrained:
        model, revision = untrained_model(model, spec.seed), f"untrained, seed {spec.seed}"
    if spec.pooling is not None and spec.pooling != model.config.temporal_config.pooling:
        model, source = with_pooling(model, spec.pooling), f"{source} with pooling={spec.pooling}"
    if spec.frames:
        processor = EmoCLIPProcessor(_with_frames(processor.video_processor, spec.frames), processor.tokenizer)
        source = f"{source} with {', '.join(f'{key}={value}' for key, value in spec.frames.items())}"
    model = model.eval()
    encoder = EmoCLIPEncoder(model, processor, dtype)
    return System(spec.name, model, processor, source, revision, encoder, spec.prompt_sets)


def _head_system(spec: SystemConfig, dtype: torch.dtype | None) -> System:
    _refuse_changes(spec, "a model with a head")
    model = EmoCLIPForVideoClassification.from_pretrained(spec.model).float().eval()
    video_processor = _with_frames(EmoCLIPVideoProcessor.from_pretrained(cast(str, spec.model)), spec.frames)
    encoder = HeadEncoder(model, video_processor, dtype)
    revision = model_revision(model, spec.model)
    return System(spec.name, model, video_processor, str(spec.model), revision, encoder, (HEAD,))


def _xclip_system(spec: SystemConfig, dtype: torch.dtype | None) -> System:
    _refuse_changes(spec, "X-CLIP")
    model, tokenizer, video_processor = load_xclip(cast(str, spec.model))
    video_processor = _with_frames(video_processor, spec.frames)
    encoder = XCLIPEncoder(model, tokenizer, video_processor, dtype)
    revision = model_revision(model, spec.model)
    return System(spec.name, model, video_processor, str(spec.model), revision, encoder, spec.prompt_sets)


def _refuse_changes(spec: SystemConfig, kind: str) -> None:
    if spec.untrained or spec.pooling is not None:
        raise ValueError(f"`pooling` and `untrained` change EmoCLIP and CLIP only, the system {spec.name} is {kind}.")


def _with_frames(video_processor: EmoCLIPVideoProcessor, frames: dict[str, Any]) -> EmoCLIPVideoProcessor:
    """The processor with some of its fields changed."""
    if not frames:
        return video_processor
    fields = {name: getattr(video_processor, name) for name in type(video_processor).valid_kwargs.__annotations__}
    return EmoCLIPVideoProcessor(**{**fields, **frames})


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


def model_revision(model: Any, name: str | None = None) -> str:
    """What fixes a loaded model's weights: the Hub's commit, or the checksum of a folder's weights file."""
    name = name or model.name_or_path or ""
    if commit := hub_commit(name):
        return commit
    weights = Path(name) / "model.safetensors"
    return f"sha256:{file_sha256(weights)}" if weights.is_file() else "unknown"


def _copied_config(model: EmoCLIPModel) -> Any:
    return copy.deepcopy(model.config)
