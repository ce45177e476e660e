# SPDX-License-Identifier: Apache-2.0
"""Which model scores: a folder, a Hub id, a loaded model, or the embedded default; and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

import modeling_emoclip
from emoclip.default_model import path as default_folder
from modeling_emoclip.prototypes_emoclip import PrototypeEncoder

from .encoding import VideoEncoder
from .prototype_store import prototype_encoder
from .weights import weights_digest, weights_version


DEFAULT_NAME = "embedded default"
DEFAULT_STATEMENT = (
    "Model: the embedded default, a small model trained on rendered (drawn) faces only. It knows nothing of real faces, "
    "so its scores on real video mean nothing; name a model of your own for real use."
)
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to score, with its processor.

    Args:
        model: An `EmoCLIPModel`, of the installed package or of a folder's own code.
        processor: Its `EmoCLIPProcessor`.
        name: Folder, Hub id or class name, as it is printed.
        statement: One or two sentences on what the model is.
        class_descriptions: Class name -> the text that the model's configuration gives for it; may be empty.
    """

    model: Any
    processor: Any
    name: str
    statement: str
    class_descriptions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def prototypes(self) -> PrototypeEncoder:
        """Turns words into vectors and keeps what it has read."""
        return prototype_encoder(self.model, self.processor)

    def encoder(self, precision: str = "auto", *, compile: bool = False) -> VideoEncoder:
        """Return what embeds frames and windows; it is kept until weights change.

        Args:
            precision: See `chosen_dtype`.
            compile: Compile the image tower.
        """
        wanted = (precision, compile, weights_version(self.model))
        kept = self._encoders.get("one")
        if kept is None or kept[0] != wanted:
            made = VideoEncoder(self.model, self.processor.video_processor, precision=precision, compile=compile)
            self._encoders["one"] = (wanted, made)
        return self._encoders["one"][1]

    @cached_property
    def _encoders(self) -> dict[str, tuple[tuple, VideoEncoder]]:
        return {}

    def digest(self) -> str:
        """Return `weights_digest`, which for a large model takes a second; it is kept until weights change."""
        version = weights_version(self.model)
        if self._digests.get("version") != version:
            self._digests.update(version=version, digest=weights_digest(self.model))
        return self._digests["digest"]

    @cached_property
    def _digests(self) -> dict[str, Any]:
        return {}


def load_model(model: Any = None, processor: Any = None, *, device: torch.device | None = None) -> LoadedModel:
    """Return a model with its processor, ready to score.

    Args:
        model: `None` for the embedded default, the path of a Hub folder, a Hub id, a loaded model, or a `LoadedModel`,
            which comes back as it is.
        processor: Needed with a loaded model that was not loaded from a folder or the Hub; else its own is used.
        device: Where a model that is loaded here computes, the CPU by default; one that is loaded already stays where it is.

    Raises:
        FileNotFoundError: The folder does not exist, or the embedded default is not installed.
        ValueError: What is there is no EmoCLIP model, or a loaded model has no processor.
    """
    if isinstance(model, LoadedModel):
        return model
    if model is None:
        model = default_folder()
    if isinstance(model, str | Path):
        return _load_by_name(model, processor, device or torch.device("cpu"))
    if not hasattr(model, "get_frame_features"):
        raise ValueError(
            f"`model` must be an EmoCLIP model, a folder or a Hub id, got {type(model).__name__}; "
            "load one with EmoCLIPModel.from_pretrained."
        )
    processor = processor or _processor_beside(model)
    name = getattr(model, "name_or_path", "") or type(model).__name__
    return LoadedModel(model, processor, name, f"Model: {name}.", _descriptions_of(model))


@contextmanager
def scoring(model: torch.nn.Module) -> Iterator[None]:
    """Within this block the model is in evaluation mode and nothing records gradients; the mode of each part is restored after."""
    training = [module for module in model.modules() if module.training]
    if training:
        model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True


def _load_by_name(name: str | Path, processor: Any, device: torch.device) -> LoadedModel:
    check_emoclip(name)
    model = _read_weights(name).eval().to(device)
    processor = processor or modeling_emoclip.EmoCLIPProcessor.from_pretrained(name)
    descriptions = _descriptions_of(model)
    if not _is_default(name):
        return LoadedModel(model, processor, str(name), f"Model: {name}.", descriptions)
    return LoadedModel(model, processor, DEFAULT_NAME, DEFAULT_STATEMENT, descriptions)


def _read_weights(name: str | Path) -> Any:
    """The model, with one sentence where its files do not fit or are damaged."""
    try:
        return modeling_emoclip.EmoCLIPModel.from_pretrained(name)
    except RuntimeError as error:
        raise ValueError(
            f"The weights of a model must be whole and fit its config.json, those of {name} are not "
            f"({str(error).splitlines()[0]}); copy or download the folder again."
        ) from error


def _descriptions_of(model: Any) -> dict[str, str]:
    """The texts that the model's own configuration gives for class names."""
    return dict(getattr(model.config, "class_descriptions", None) or {})


def check_emoclip(name: str | Path) -> dict[str, Any]:
    """Return the fields of a model's configuration, before its weights are read.

    Weights of a folder or repository of another kind would load as random numbers.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: It is of another kind.
    """
    if not Path(name).exists() and not (isinstance(name, str) and HUB_ID.fullmatch(name)):
        raise FileNotFoundError(f"The model folder must exist, got {name}; check the path or give a Hub id.")
    config = _config_of(name)
    if not config:
        raise FileNotFoundError(
            f"`model` must be a folder with a config.json or a Hub id that can be reached, got {str(name)!r}; "
            "check the spelling and the network."
        )
    if config.get("model_type") != modeling_emoclip.EmoCLIPConfig.model_type:
        raise ValueError(
            f"`model` must be an EmoCLIP model, got {str(name)!r} of the type {config.get('model_type')!r}; "
            "build one from CLIP with EmoCLIPModel.from_clip and save it with its processor."
        )
    return config


def _config_of(name: str | Path) -> dict[str, Any]:
    """The fields of a config.json, or none; transformers tells of a missing one now by an error, now by no fields."""
    try:
        return modeling_emoclip.EmoCLIPConfig.get_config_dict(name)[0]
    except OSError:
        return {}


def _is_default(name: str | Path) -> bool:
    try:
        return Path(name).resolve() == default_folder().resolve()
    except FileNotFoundError:
        return False


def _processor_beside(model: Any) -> Any:
    name = getattr(model, "name_or_path", "")
    if not name:
        raise ValueError(
            f"`processor` must be given with a model that was not loaded from a folder, got a bare "
            f"{type(model).__name__}; pass processor=EmoCLIPProcessor(...)."
        )
    return modeling_emoclip.EmoCLIPProcessor.from_pretrained(name)
