# SPDX-License-Identifier: Apache-2.0
"""LoRA and DoRA in the towers, by PEFT: attached in place, so that the model stays the model; saved as adapter and merged."""

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import nn

from emoclip.console import require
from emoclip.training.task_config import LoraSettings
from emoclip.training.whole_folder import whole_folder


if TYPE_CHECKING:
    from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder

# In the names of all parameters that LoRA and DoRA add.
LORA_MARK = "lora_"
# Parts beside the towers that are trained whole; the adapter's file carries them.
_WHOLE_PARTS = ("temporal", "expression_projection", "classifier")


def attach_lora(model: "EmoCLIPVideoEncoder", settings: LoraSettings, base: str | None) -> Any:
    """Put adapters into the towers of a model, in place; return PEFT's view of it, for saving.

    Random values come from PyTorch's global generator. The towers' own weights are frozen; the rest of the model trains as before.

    Args:
        model: whose layers are replaced.
        settings: where and how large.
        base: name of what the adapter belongs to, for its file.

    Raises:
        ImportError: PEFT is not installed.
        ValueError: a target occurs nowhere in a tower.
    """
    peft = require("peft", "train")
    towers = [f"{tower}_model" for tower in ("vision", "text") if settings.towers in (tower, "both")]
    _check_targets(model, towers, settings.targets)
    pattern = rf"({'|'.join(towers)})\..*({'|'.join(map(re.escape, settings.targets))})"
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=pattern,
        use_dora=settings.dora,
    )
    adapter = peft.get_peft_model(model, config)
    # Afterwards, for PEFT replaces it by the name of the model's folder, which one built from parts has not.
    config.base_model_name_or_path = base
    return adapter


def save_adapter(adapter: Any, output: Path) -> None:
    """Write the adapter as a folder of PEFT: the low-rank weights, and whole the parts beside the towers that were trained.

    `peft.PeftModel.from_pretrained(base_model, output)` puts both into the base. The logit scale, a number of its own and no layer, is
    in the merged model only.
    """
    peft = require("peft", "train")
    model = adapter.base_model.model
    config = copy.deepcopy(adapter.peft_config["default"])
    whole = [name for name in _WHOLE_PARTS if hasattr(model, name) and _has_weights(getattr(model, name))]
    config.modules_to_save = whole or None
    config.inference_mode = True
    state = peft.get_peft_model_state_dict(adapter)
    for name in whole:
        part = getattr(model, name).state_dict()
        state |= {f"base_model.model.{name}.{key}": tensor.detach().cpu().clone() for key, tensor in part.items()}
    with whole_folder(output, "The adapter") as partial:
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, partial / "adapter_model.safetensors")
        config.save_pretrained(partial)


def merged_copy(adapter: Any) -> "EmoCLIPVideoEncoder":
    """A copy of the model whose towers have the update added to their weights, without any trace of PEFT."""
    return copy.deepcopy(adapter).merge_and_unload()


def _check_targets(model: nn.Module, towers: list[str], targets: tuple[str, ...]) -> None:
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    for tower in towers:
        inside = [name for name in names if name.startswith(f"{tower}.")]
        if not inside:
            raise ValueError(
                f"`lora.towers` must name towers that the model has, got one for {tower}, which it has not."
            )
        for target in targets:
            if not any(name.endswith(target) for name in inside):
                ends = sorted({".".join(name.split(".")[-2:]) for name in inside})
                raise ValueError(
                    f"`lora.targets` must be ends of names of linear layers, {target!r} occurs nowhere in the {tower}; it has "
                    f"{', '.join(ends)}."
                )


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


__all__ = ["LORA_MARK", "attach_lora", "merged_copy", "save_adapter"]
