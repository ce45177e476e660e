# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip convert` from released file to folder and back, with the stored small models."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForVideoClassification, CLIPConfig, CLIPModel, CLIPTokenizer

from emoclip.cli import main
from emoclip.convert import convert_original, load_checkpoint
from modeling_emoclip import EmoCLIPProcessor


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP's tokenizer with 64 tokens, as many as the stored models know."""
    folder = tmp_path_factory.mktemp("tokenizer")
    letters = "abcdefghijklmnopqrstuvwxyz.,!"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "0", "1", "2", "3"]
    vocabulary = {token: number for number, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base_folder(tokenizer_folder: Path, expclip_parts: tuple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CLIP model under the stored Exp-CLIP as transformers saves it, with its tokenizer."""
    folder = tmp_path_factory.mktemp("clip")
    head, base = expclip_parts
    model = convert_original(head, "expclip", base_state_dict=base)
    parts = {name: getattr(model.config, name).to_dict() for name in ("text_config", "vision_config")}
    clip = CLIPModel(CLIPConfig(**parts, projection_dim=model.config.projection_dim))
    clip.load_state_dict(model.state_dict(), strict=False)
    clip.save_pretrained(folder)
    CLIPTokenizer.from_pretrained(tokenizer_folder).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("method", ["emoclip", "emotionclip"])
def test_a_released_file_becomes_a_folder_that_scores_and_goes_back(
    method: str, golden: Callable, tokenizer_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The whole way a user goes: file, folder, score, file."""
    state = golden(method).state
    torch.save({"model": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "release.pth")
    folder = tmp_path / "model"
    command = ["convert", method, str(tmp_path / "release.pth"), str(folder), "--tokenizer", str(tokenizer_folder)]
    assert main([*command, "--temporal-heads", "8"]) == 0
    assert f"Written: {folder}" in capsys.readouterr().out
    model, processor = AutoModel.from_pretrained(folder), EmoCLIPProcessor.from_pretrained(folder)
    subject = {"subject_boxes": [[[[0, 0, 40, 30]]]]} if method == "emotionclip" else {}
    inputs = processor(text=["joy", "fear"], videos=np.zeros((9, 40, 52, 3), np.uint8), **subject)
    with torch.no_grad():
        assert model(**inputs).logits_per_video.shape == (1, 2)
    assert {tensor.dtype for tensor in load_checkpoint(folder / "model.safetensors").values()} == {torch.float32}
    card = (folder / "README.md").read_text()
    assert f"emoclip convert {method}" in card and "release.pth" in card

    assert main(["convert", method, str(folder), str(tmp_path / "again.pth"), "--to-original"]) == 0
    restored = load_checkpoint(tmp_path / "again.pth")
    assert set(restored) == set(state)
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


def test_a_head_is_joined_to_its_base(base_folder: Path, expclip_parts: tuple, tmp_path: Path) -> None:
    """The tokenizer comes with the base."""
    torch.save(expclip_parts[0], tmp_path / "head.pth")
    command = ["convert", "expclip", str(tmp_path / "head.pth"), str(tmp_path / "model"), "--base", str(base_folder)]
    assert main(command) == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["expression_projection_dim"] == 96
    assert config["preprocessing"]["do_normalize"] is False
    assert EmoCLIPProcessor.from_pretrained(tmp_path / "model").video_processor.size == {"height": 32, "width": 32}


def test_downstream_weights_become_the_classification_model(
    golden: Callable, tokenizer_folder: Path, short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """With their head they need no base; words are not scored, for there is no text tower."""
    whole = golden("emoclip")
    width = whole.sizes["embed_dim"]
    state = {
        name.replace("backbone.visual.", "backbone.", 1): tensor
        for name, tensor in whole.state.items()
        if name.startswith(("backbone.visual.", "temporal."))
    }
    state |= {"mlp.0.weight": torch.ones(3, width), "mlp.0.bias": torch.zeros(3)}
    state |= {"mlp.2.weight": torch.ones(4, 3), "mlp.2.bias": torch.zeros(4)}
    torch.save(state, tmp_path / "probe.pth")
    folder = tmp_path / "model"
    command = ["convert", "emoclip", str(tmp_path / "probe.pth"), str(folder), "--tokenizer", str(tokenizer_folder)]
    assert main(command) == 0
    assert json.loads((folder / "config.json").read_text())["custom_pipelines"] == {}
    capsys.readouterr()
    assert main(["analyze", str(short_clip), "--emotions", "joy,fear", "--model", str(folder)]) == 2
    assert f"needs a text tower, got none in {folder}" in capsys.readouterr().err
    assert AutoModelForVideoClassification.from_pretrained(folder).config.num_labels == 4
    assert main(["convert", "emoclip", str(folder), str(tmp_path / "again.safetensors"), "--to-original"]) == 0
    restored = load_checkpoint(tmp_path / "again.safetensors")
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.pth", "new"], "checkpoint must be a file, got no.pth"),
        (["head.pth", "taken"], "must not exist yet, got taken"),
        (["head.pth", "new"], "must be one of emoclip, got one of expclip"),
        (["head.pth", "new", "--download"], "no stable address"),
        (["head.pth", "new", "--base", "no-such-base"], "must be a CLIP file, folder or Hub id that can be reached"),
        (["no-such-model", "new.pth", "--to-original"], "must be a folder or a Hub id that can be reached"),
        (["head.pth", "new.bin", "--to-original"], "must end in one of .pth"),
    ],
)
def test_bad_calls_end_with_one_sentence(
    arguments: list[str],
    message: str,
    expclip_parts: tuple,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """A traceback tells a user nothing, and nothing may be left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    torch.save(expclip_parts[0], "head.pth")
    assert main(["convert", "emoclip", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.pth", "taken"]


def test_a_tokenizer_of_another_vocabulary_is_refused(
    golden: Callable, tiny_model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Its ids would mean other words, and every score would look plausible."""
    torch.save(golden("emoclip").state, tmp_path / "release.pth")
    command = ["convert", "emoclip", str(tmp_path / "release.pth"), str(tmp_path / "model")]
    assert main([*command, "--tokenizer", str(tiny_model_folder)]) == 2
    assert "must have the model's 64 tokens" in capsys.readouterr().err
    assert main(command) == 2
    assert "checkpoints carry no vocabulary" in capsys.readouterr().err
