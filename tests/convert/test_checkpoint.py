# SPDX-License-Identifier: Apache-2.0
"""Reading of checkpoint files: every form they come in, and none that runs code."""

import argparse
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from emoclip.convert import load_checkpoint
from emoclip.convert.saving import save_state_dict


STATE = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor(1.5)}


def same(state: dict) -> bool:
    return set(state) == set(STATE) and all(torch.equal(state[name], tensor) for name, tensor in STATE.items())


@pytest.mark.parametrize("archive", [STATE, {"model": STATE, "epoch": 3, "args": {"lr": 0.1}}, {"state_dict": STATE}])
def test_state_dicts_alone_or_in_a_training_archive(archive: dict, tmp_path: Path) -> None:
    """EmotionCLIP saves the model beside options, optimiser and schedule."""
    torch.save(archive, tmp_path / "model.pth")
    assert same(load_checkpoint(tmp_path / "model.pth"))


def test_safetensors(tmp_path: Path) -> None:
    """What careful people convert to first."""
    save_file(STATE, tmp_path / "model.safetensors")
    assert same(load_checkpoint(tmp_path / "model.safetensors"))


def test_torchscript_as_openai_publishes_clip(tmp_path: Path) -> None:
    """The official download is no pickle of a state dict."""

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Linear(3, 2, bias=False)
            self.b = torch.nn.Parameter(STATE["b"].clone())
            self.a.weight.data = STATE["a.weight"].clone()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.a(x) + self.b

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Small()), tmp_path / "model.pt")
    assert same({name: tensor.detach() for name, tensor in load_checkpoint(tmp_path / "model.pt").items()})


def test_a_pickle_that_wants_code_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Loading it would run whatever its author wrote."""
    torch.save({"model": STATE, "args": argparse.Namespace(lr=0.1)}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"wants code to be run: .*argparse.Namespace.* save its state dict alone"):
        load_checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
@pytest.mark.parametrize("kept", [0, 10, 300])
def test_a_cut_file_is_named(name: str, kept: int, tmp_path: Path) -> None:
    """A download that broke off."""
    path = save_state_dict(STATE, tmp_path / name)
    path.write_bytes(path.read_bytes()[:kept] if kept < path.stat().st_size else path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{name} (cannot be read|wants code)"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["model.pth", "model.bin", "model.safetensors"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning", "it is a web page, .* by a browser"),
        (b"\n <html><head>", "it is a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "Git-LFS pointer .*`git lfs pull`",
        ),
        (bytes(range(7, 200)) * 9, "; download it again"),
        (b"not a checkpoint at all", "; download it again"),
        (b"PK\x03\x04" + b"\0" * 99, "; download it again"),
        (pickle.dumps([1, 2], 4)[:9], "; download it again"),
    ],
)
def test_what_is_no_checkpoint_is_not_taken_for_code(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    """Somebody told to trust the origin of a web page would run it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} cannot be read.*{message}"):
        load_checkpoint(tmp_path / name)


def test_safetensors_are_told_by_their_content(tmp_path: Path) -> None:
    """Other programs name them .bin or .pth."""
    save_file(STATE, tmp_path / "model.bin")
    assert same(load_checkpoint(tmp_path / "model.bin"))


@pytest.mark.parametrize(
    ("content", "kind"), [([1, 2], "list"), ({}, "dict"), ({0: torch.zeros(2)}, "dict"), (torch.zeros(2), "Tensor")]
)
def test_what_is_no_state_dict_is_refused(content: object, kind: str, tmp_path: Path) -> None:
    """The features of a data set look like a checkpoint from outside."""
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=f"must hold a state dict.* holds {kind}"):
        load_checkpoint(tmp_path / "model.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder is no checkpoint either."""
    for path in (tmp_path, tmp_path / "no.pth"):
        with pytest.raises(FileNotFoundError, match="must be a file, got"):
            load_checkpoint(path)
