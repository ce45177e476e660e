# SPDX-License-Identifier: Apache-2.0
"""CLIP beneath a converted head, from each of its forms."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from emoclip.convert.base import load_base


def test_a_folder_tells_what_the_tensors_do_not(tmp_path: Path) -> None:
    """Heads and activation of LAION's towers differ from OpenAI's."""
    towers = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config={**towers, "vocab_size": 99, "eos_token_id": 2},
        vision_config={**towers, "image_size": 8, "patch_size": 4, "hidden_act": "gelu", "num_attention_heads": 2},
    )
    CLIPModel(config).save_pretrained(tmp_path)
    base = load_base(str(tmp_path))
    assert base.options == {"vision_heads": 2, "text_heads": 4, "hidden_act": "gelu", "eos_token_id": None}
    assert "visual_projection.weight" in base.state_dict


def test_a_file_gives_its_tensors(tmp_path: Path) -> None:
    """OpenAI's own download."""
    torch.save({"visual.proj": torch.ones(2, 3)}, tmp_path / "clip.pt")
    assert torch.equal(load_base(str(tmp_path / "clip.pt")).state_dict["visual.proj"], torch.ones(2, 3))


def test_what_cannot_be_reached_is_named() -> None:
    """Offline, a Hub id is such a thing."""
    with pytest.raises(FileNotFoundError, match="can be reached, got openai/clip-vit-base-patch16"):
        load_base("openai/clip-vit-base-patch16")
