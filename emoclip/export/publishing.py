# SPDX-License-Identifier: Apache-2.0
"""Putting a model folder on the Hub. Every check comes before the first request."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, get_token
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id


# Files that run code when they are opened; whoever downloads a model must not have to trust them.
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
# What a folder needs so that it opens anywhere, and says what it is.
NEEDED = ("config.json", "README.md")
WEIGHTS = (".safetensors", ".onnx", ".xml")
UNSTATED = (None, "", "unknown")
# How the Hub spells licences; it refuses a card with another word only after the repository was made.
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class Plan:
    """What would go to the Hub.

    Args:
        folder: The model folder.
        repo: `user/name`.
        private: Whether only the owner may see it.
        card: Text of `README.md` as it will stand there.
        sizes: File name -> bytes.
    """

    folder: Path
    repo: str
    private: bool
    card: str
    sizes: dict[str, int]


def plan_push(folder: str | Path, repo: str, *, private: bool = True, licence: str | None = None) -> Plan:
    """Return what may be published of a model folder; asks nobody.

    Args:
        folder: A complete model folder.
        repo: `user/name` on the Hub.
        private: Whether only the owner may see it.
        licence: Terms of the weights as the Hub spells them, written into the card.

    Raises:
        FileNotFoundError: The folder is no complete model folder.
        ValueError: The name is none, a file is a pickle, the licence is no name of one, or a public model states none.
    """
    folder = Path(folder)
    validate_repo_id(repo)
    if repo.count("/") != 1:
        raise ValueError(f"The repository must be user/name or organisation/name, got {repo!r}.")
    files = _files(folder)
    _check_files(folder, files)
    card = ModelCard.load(folder / "README.md")
    if licence is not None:
        card.data.license = licence
    if not private and card.data.license in UNSTATED:
        raise ValueError(
            f"A public model must state its licence, the card of {folder} says {card.data.license!r}; pass --licence, "
            "which follows from the training data."
        )
    if card.data.license and not LICENCE.fullmatch(str(card.data.license)):
        raise ValueError(
            f"The licence must be spelt as the Hub does, the card of {folder} says {card.data.license!r}; pass --licence "
            "(other, cc-by-nc-4.0, ...)."
        )
    return Plan(folder, repo, private, str(card), {name: (folder / name).stat().st_size for name in files})


def push(plan: Plan, *, revision: str | None = None, message: str | None = None) -> str:
    """Send a planned folder in one commit and return the address of the repository.

    Args:
        plan: As `plan_push` gives it.
        revision: Branch to commit to, made if it is not there.
        message: Of the commit.

    Raises:
        PermissionError: Nobody is logged in.
        ValueError: The repository exists with another visibility.
        OSError: The Hub cannot be reached or refuses.
    """
    check_target(plan.repo)
    api = HfApi()
    _make_repository(api, plan.repo, plan.private)
    if revision is not None:
        api.create_branch(plan.repo, branch=revision, exist_ok=True)
    from huggingface_hub import CommitOperationAdd

    operations = [
        CommitOperationAdd(name, plan.card.encode("utf-8") if name == "README.md" else str(plan.folder / name))
        for name in plan.sizes
    ]
    commit = api.create_commit(
        plan.repo, operations, commit_message=message or "Upload an EmoCLIP model", revision=revision
    )
    return str(commit.repo_url)


def check_target(repo: str) -> None:
    """Say why nothing can be pushed to a repository; asks nobody.

    Raises:
        PermissionError: Nobody is logged in.
        ValueError: The name is none.
    """
    validate_repo_id(repo)
    if get_token() is None:
        raise PermissionError("Publishing needs a token with write access, none is stored; run: hf auth login")


def _files(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise FileNotFoundError(f"The model folder must exist, got {folder}; check the path.")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder) for path in paths]
    return [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]


def _check_files(folder: Path, files: list[str]) -> None:
    missing = [name for name in NEEDED if name not in files]
    if not any(name.endswith(WEIGHTS) for name in files):
        missing.append("model.safetensors")
    if missing:
        raise FileNotFoundError(
            f"A model folder must hold {', '.join(missing)}, {folder} does not; write it by training, `emoclip convert` "
            "or `emoclip.export.save_hub_folder`."
        )
    # OpenVINO keeps the weights of x.xml in x.bin.
    pickles = [name for name in files if name.endswith(PICKLES) and f"{name.removesuffix('.bin')}.xml" not in files]
    if pickles:
        raise ValueError(f"Weights must be safetensors, got the pickle {pickles[0]} in {folder}; remove it.")
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"config.json must be JSON, the one in {folder} is not ({error}).") from error


def _make_repository(api: HfApi, repo: str, private: bool) -> None:
    with suppress(RepositoryNotFoundError):
        found = api.model_info(repo)
        if bool(found.private) != private:
            state = "private" if found.private else "public"
            raise ValueError(
                f"{repo} exists and is {state}; pass --{state} if it may stay so, or choose another name. The visibility of "
                "an existing repository is changed in its settings on the Hub."
            )
        return
    api.create_repo(repo, private=private)


__all__ = ["Plan", "check_target", "plan_push", "push"]
