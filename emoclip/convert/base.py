# SPDX-License-Identifier: Apache-2.0
"""The CLIP model and the tokenizer beneath a converted checkpoint, from a file, a folder or the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, CLIPModel

from .checkpoint import load_checkpoint


# Whose vocabulary every released model uses, whatever its size.
DEFAULT_TOKENIZER = "openai/clip-vit-base-patch32"


@dataclass(frozen=True)
class Base:
    """CLIP's tensors, and what its configuration tells beside them."""

    state_dict: dict[str, torch.Tensor]
    options: dict[str, Any]


def load_base(name: str) -> Base:
    """Return CLIP from a file of OpenAI's, or from a folder or Hub id of transformers'.

    Raises:
        FileNotFoundError: There is no such file, folder or id, or the Hub cannot be reached.
        ValueError: The file is damaged.
    """
    if Path(name).is_file():
        return Base(load_checkpoint(name), {})
    try:
        clip = CLIPModel.from_pretrained(name, dtype=torch.float32)
    except OSError as error:
        raise FileNotFoundError(
            f"`--base` must be a CLIP file, folder or Hub id that can be reached, got {name} ({_first_line(error)})."
        ) from error
    text: Any = clip.config.text_config
    vision: Any = clip.config.vision_config
    options = {
        "vision_heads": vision.num_attention_heads,
        "text_heads": text.num_attention_heads,
        "hidden_act": vision.hidden_act,
        # OpenAI's configurations say 2, which stands for the largest id.
        "eos_token_id": None if text.eos_token_id == 2 else text.eos_token_id,
    }
    return Base(dict(clip.state_dict()), options)


def load_tokenizer(name: str | None, base: str | None) -> Any:
    """Return the tokenizer of `name`, else of the base where that is no file, else CLIP's from the Hub.

    Raises:
        FileNotFoundError: It cannot be reached.
    """
    source = name or (base if base and not Path(base).is_file() else DEFAULT_TOKENIZER)
    try:
        return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"The tokenizer must be a folder or a Hub id that can be reached, got {source} ({_first_line(error)}); "
            "checkpoints carry no vocabulary, so name a folder that has CLIP's by --tokenizer."
        ) from error


def check_tokenizer(tokenizer: Any, config: Any) -> None:
    """Check that a tokenizer speaks the model's vocabulary.

    Raises:
        ValueError: It has another number of tokens or another end-of-text token.
    """
    text = config.text_config
    ours, theirs = (text.vocab_size, text.eos_token_id), (len(tokenizer), tokenizer.eos_token_id)
    if ours != theirs:
        raise ValueError(
            f"The tokenizer must have the model's {ours[0]} tokens with the end of text at {ours[1]}, got {theirs[0]} and "
            f"{theirs[1]}; name the one that the model was trained with by --tokenizer."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


__all__ = ["DEFAULT_TOKENIZER", "Base", "check_tokenizer", "load_base", "load_tokenizer"]
