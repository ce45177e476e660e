# SPDX-License-Identifier: Apache-2.0
"""`emoclip push` to a Hub on this computer, by the real client."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from emoclip import cli
from emoclip.export import save_hub_folder
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


@pytest.fixture(scope="module")
def folder(tiny_model_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("model") / "folder"
    model, processor = (
        EmoCLIPModel.from_pretrained(tiny_model_folder),
        EmoCLIPProcessor.from_pretrained(tiny_model_folder),
    )
    return save_hub_folder(model, processor, output)


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def push(hub, *arguments, token="hf_x"):
    """Runs the command in a process of its own: the client reads the Hub's address once."""
    environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_TOKEN": token} if token else {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    command = [sys.executable, "-m", "emoclip.cli", "push", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)


def test_folder_arrives_whole_with_its_licence_in_the_card(hub, folder):
    """What others load must be every file, and the card must say the terms that were given."""
    result = push(hub, folder, "me/faces", "--public", "--licence", "cc-by-4.0", "--json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    repository = hub.repositories["me/faces"]
    assert set(content["files"]) == set(repository.files) == {path.name for path in folder.iterdir()}
    assert not repository.private
    assert b"license: cc-by-4.0" in repository.files["README.md"]
    assert repository.files["model.safetensors"] == (folder / "model.safetensors").read_bytes()


def test_nobody_logged_in_sends_nothing(hub, folder, tmp_path):
    """The remedy is the command that logs in."""
    environment_home = {"HF_HOME": str(tmp_path)}
    os.environ.pop("HF_TOKEN", None)
    environment = os.environ | environment_home | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "emoclip.cli", "push", str(folder), "me/nobody"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert result.returncode == 2
    assert "hf auth login" in result.stderr
    assert "me/nobody" not in hub.repositories


def test_dry_run_lists_and_sends_nothing(folder, capsys):
    """Needs no network: this process has none."""
    assert cli.main(["push", str(folder), "me/faces", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "model.safetensors" in printed
    assert "private: me/faces" in printed
    assert "Nothing was sent." in printed


@pytest.mark.parametrize(
    ("damage", "arguments", "message"),
    [
        (lambda path: None, ["me/faces", "--public"], "must state its licence"),
        (lambda path: None, ["me/faces", "--licence", "your own"], "licence must be spelt as the Hub does"),
        (lambda path: None, ["faces"], "must be user/name"),
        (lambda path: None, ["me/fa ces"], "fa ces"),
        (lambda path: (path / "old.pt").write_bytes(b"x"), ["me/faces"], "got the pickle old.pt"),
        (lambda path: (path / "model.safetensors").unlink(), ["me/faces"], "must hold model.safetensors"),
        (lambda path: (path / "README.md").unlink(), ["me/faces"], "must hold README.md"),
        (lambda path: (path / "config.json").write_text("{"), ["me/faces"], "must be JSON"),
    ],
)
def test_what_must_not_go_is_refused_before_any_request(damage, arguments, message, copied, capsys):
    """A model without terms, a pickle, half a folder."""
    damage(copied)
    assert cli.main(["push", str(copied), *arguments, "--dry-run"]) == 2
    assert message in capsys.readouterr().err


def test_missing_folder_is_named(capsys):
    assert cli.main(["push", "no/such/folder", "me/faces", "--dry-run"]) == 2
    assert "must exist, got no/such/folder" in capsys.readouterr().err
