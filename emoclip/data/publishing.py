# SPDX-License-Identifier: Apache-2.0
"""Putting a data set on the Hub: as much of it as its licence allows, with a card, and nothing else.

Every check comes before the first request. The files are named by links in a temporary folder, so that none is copied.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from .card import column_names, dataset_card
from .manifest import Manifest, read_manifest
from .output import replacing
from .permission import Origin, origin_of, permit
from .uploads import ANNOTATION_COLUMNS, Upload, annotation_uploads, media_uploads, shard_uploads


# What an earlier push may have left, such as shards of another number, would be loaded beside the new.
REPLACED = ["data/*", "annotations/*", "video/*", "image/*", "frames/*", "manifest.parquet", "shards.json"]


@dataclass(frozen=True)
class Plan:
    """What would go to the Hub, and why.

    Args:
        repo: `user/name`.
        manifest: What is published.
        origin: The data set, its licence settled.
        uploads: The files, the card first.
    """

    repo: str
    manifest: Manifest
    origin: Origin
    uploads: list[Upload]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(upload.size for upload in self.uploads)


def plan_push(
    manifest_path: str | Path,
    repo: str,
    *,
    shards: str | Path | None = None,
    own_media: bool = False,
    licence: str | None = None,
) -> Plan:
    """Return what may be published of a manifest; asks nobody.

    Args:
        manifest_path: The manifest; its metadata say which data set it is, and that decides.
        repo: `user/name` on the Hub.
        shards: Folder of shards to publish instead of the single files.
        own_media: For the user's own clips: the user has the right to publish them.
        licence: For the user's own clips: the terms, as the Hub spells them.

    Raises:
        FileNotFoundError: The manifest, a clip or a shard is not there.
        PermissionError: The licence does not clearly allow it, or the user has not said that the clips are theirs.
        ValueError: The name, the manifest, the licence or the shards are wrong.
    """
    validate_repo_id(repo)
    if repo.count("/") != 1:
        raise ValueError(f"`--repo` must be user/name or organisation/name, got {repo!r}.")
    manifest = read_manifest(manifest_path, check_media=False)
    origin = permit(manifest.dataset, own_media=own_media, licence=licence)
    with_media = origin.publication.what == "media"
    if not with_media and shards is not None:
        raise PermissionError(
            f"Only annotations of {origin.title} may be published ({origin.publication.reason}), got shards, which hold media: "
            f"{shards}; leave --shards out."
        )
    if not manifest.table.num_rows:
        raise ValueError(f"A data set must have clips to be published, {manifest.path} has none.")
    if not with_media:
        uploads, configurations = annotation_uploads(manifest, origin.publication.columns)
    elif shards is not None:
        uploads, configurations = shard_uploads(manifest, Path(shards))
    else:
        uploads, configurations = media_uploads(manifest)
    columns = _columns(manifest, origin)
    card = dataset_card(manifest, origin, repo=repo, configurations=configurations, columns=columns)
    return Plan(repo, manifest, origin, [Upload("README.md", card.encode()), *uploads])


def push(plan: Plan, *, private: bool = True, revision: str | None = None) -> str:
    """Put what was planned on the Hub and return its address; a repository that is not there is made.

    Args:
        plan: From `plan_push`.
        private: Whether the repository is private; an existing one must be as said.
        revision: Branch, made if it is not there; the main one if absent.

    Raises:
        OSError: The Hub cannot be reached or refuses.
        PermissionError: There is no token.
        ValueError: The repository exists and is not as private as was said.
    """
    if get_token() is None:
        raise PermissionError(
            "Publishing needs a token that may write, none is stored; run: hf auth login, or set HF_TOKEN."
        )
    api = HfApi()
    _make_repository(api, plan.repo, private)
    if revision is not None and not revision.startswith("refs/"):
        api.create_branch(plan.repo, branch=revision, repo_type="dataset", exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="emoclip-push-") as folder:
        stage(plan.uploads, Path(folder))
        commit = api.upload_folder(
            repo_id=plan.repo,
            repo_type="dataset",
            folder_path=folder,
            revision=revision,
            commit_message=f"{plan.origin.title}: {plan.manifest.table.num_rows} clips",
            delete_patterns=REPLACED,
        )
    return str(commit.repo_url)


def write_card(manifest_path: str | Path, folder: str | Path) -> Path:
    """Write the card of any known data set, gated ones included, to `README.md` in a folder; publishes nothing.

    Raises:
        FileExistsError: There is a card already.
        ValueError: The data set is not known.
    """
    manifest = read_manifest(manifest_path, check_media=False)
    card = dataset_card(manifest, origin_of(manifest.dataset))
    path = Path(folder) / "README.md"
    if path.exists():
        raise FileExistsError(
            f"`--card-only` must be a folder without a card, {path} exists; remove it or choose another."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(card, encoding="utf-8")
    return path


def stage(uploads: Iterable[Upload], folder: Path) -> None:
    """Lay files out under the names they get on the Hub, as links where they are on disk already."""
    for upload in uploads:
        place = folder / upload.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(upload.content, bytes):
            place.write_bytes(upload.content)
            continue
        try:
            place.symlink_to(upload.content.resolve())
        except OSError:
            # Windows allows symbolic links to developers only.
            os.link(upload.content, place)


def _make_repository(api: HfApi, repo: str, private: bool) -> None:
    with suppress(RepositoryNotFoundError):
        found = api.dataset_info(repo)
        if bool(found.private) != private:
            state, flag = ("private", "--private") if found.private else ("public", "--public")
            raise ValueError(
                f"{repo} exists and is {state}; pass {flag} if it may stay so, or choose another name. An existing repository's "
                "visibility is changed in its settings on the Hub."
            )
        return
    api.create_repo(repo, repo_type="dataset", private=private)


def _columns(manifest: Manifest, origin: Origin) -> list[str]:
    names = column_names(manifest.table, origin.publication.what == "media")
    if origin.publication.what == "media":
        return names
    return [name for name in names if name in (*ANNOTATION_COLUMNS, *origin.publication.columns)]


__all__ = ["Plan", "plan_push", "push", "stage", "write_card"]
