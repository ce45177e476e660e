# SPDX-License-Identifier: Apache-2.0
"""PEFT's LoRA on the model: attaches by default, saves, merges and comes back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def base_folder(tiny_config: Callable, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    EmoCLIPModel(tiny_config()).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def tuned(folder: Path, inputs: dict, **arguments) -> PeftModel:
    """An adapter after three steps, so that it changes something."""
    torch.manual_seed(1)
    model = get_peft_model(EmoCLIPModel.from_pretrained(folder), LoraConfig(r=3, **arguments))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(3):
        model(**inputs, return_loss=True).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def test_default_targets_are_the_attention_of_both_towers(base_folder: Path, tiny_inputs: Callable) -> None:
    """`LoraConfig()` without targets is what every tutorial writes; PEFT refuses a kind of model that it does not know."""
    model = tuned(base_folder, tiny_inputs())
    adapted = {name.partition(".lora_A")[0] for name, _ in model.named_parameters() if "lora_A" in name}
    prefixes = {name.partition("base_model.model.")[2].partition(".encoder")[0] for name in adapted}
    assert prefixes == {"vision_model", "text_model"}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj", "k_proj", "v_proj", "out_proj"}
    assert len(adapted) == 2 * 2 * 4
    trainable = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert all("lora_" in name for name in trainable)


def test_no_pooling_over_time_is_a_default_target(tiny_config: Callable) -> None:
    """The residual transformer's projection out has the name of the towers', and was adapted alone of all its layers."""
    model = get_peft_model(EmoCLIPModel(tiny_config({"pooling": "residual_transformer"})), LoraConfig(r=3))
    assert not [name for name, _ in model.named_parameters() if "temporal" in name and "lora_" in name]
    assert len([name for name, _ in model.named_parameters() if "lora_A" in name]) == 2 * 2 * 4


def test_reentrant_checkpointing_gives_the_same_gradients(base_folder: Path, tiny_inputs: Callable) -> None:
    """With frozen weights below, it needs inputs that require gradients, as the documentation says."""
    gradients = []
    for reentrant in (False, True):
        torch.manual_seed(1)
        model = get_peft_model(EmoCLIPModel.from_pretrained(base_folder), LoraConfig(r=3, init_lora_weights=False))
        model.train()
        if reentrant:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
            model.enable_input_require_grads()
        model(**tiny_inputs(), return_loss=True).loss.backward()
        gradients.append({name: one.grad for name, one in model.named_parameters() if one.requires_grad})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_adapter_is_saved_alone_and_reloads_on_the_folder(
    base_folder: Path, tiny_inputs: Callable, tmp_path: Path
) -> None:
    """A few hundred kilobytes instead of the whole model."""
    inputs = tiny_inputs()
    model = tuned(base_folder, inputs, modules_to_save=["temporal"])
    model.save_pretrained(tmp_path / "adapter")
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    again = PeftModel.from_pretrained(EmoCLIPModel.from_pretrained(base_folder), tmp_path / "adapter").eval()
    with torch.no_grad():
        expected = model(**inputs).logits_per_video
        torch.testing.assert_close(again(**inputs).logits_per_video, expected)
        plain = EmoCLIPModel.from_pretrained(base_folder)(**inputs).logits_per_video
    assert (plain - expected).abs().max() > 1e-3


def test_merged_model_is_a_plain_folder(base_folder: Path, tiny_inputs: Callable, tmp_path: Path) -> None:
    """Users of the result need no PEFT."""
    inputs = tiny_inputs()
    model = tuned(base_folder, inputs)
    with torch.no_grad():
        expected = model(**inputs).logits_per_video
        merged = model.merge_and_unload()
        merged.save_pretrained(tmp_path / "merged")
        loaded = EmoCLIPModel.from_pretrained(tmp_path / "merged")
        torch.testing.assert_close(loaded(**inputs).logits_per_video, expected, rtol=1e-4, atol=1e-4)


def test_adapter_of_transformers_own_way(base_folder: Path, tiny_inputs: Callable, tmp_path: Path) -> None:
    """`model.add_adapter` and `from_pretrained` on the adapter's folder."""
    torch.manual_seed(1)
    model = EmoCLIPModel.from_pretrained(base_folder)
    model.add_adapter(LoraConfig(r=3, init_lora_weights=False))
    model.eval().save_pretrained(tmp_path / "adapter")
    again = EmoCLIPModel.from_pretrained(base_folder)
    again.load_adapter(str(tmp_path / "adapter"))
    inputs = tiny_inputs()
    with torch.no_grad():
        torch.testing.assert_close(again(**inputs).logits_per_video, model(**inputs).logits_per_video)
