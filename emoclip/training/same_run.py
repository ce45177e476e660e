# SPDX-License-Identifier: Apache-2.0
"""What makes two runs the same: configuration, data, files that the configuration names, processes, number format."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from accelerate import Accelerator

from emoclip.config_loading import config_to_dict, load_config
from emoclip.data.source import source_fingerprint
from emoclip.evaluation.prompts import prompt_set_texts
from emoclip.provenance import file_sha256
from emoclip.training.config import FREE_ON_RESUME, TrainConfig


# Of a model's folder: what says what it computes; cards and logs do not.
_MODEL_FILES = (".safetensors", ".bin", ".json", ".txt", ".model")


def run_identity(accelerator: Accelerator, config: TrainConfig, fingerprint: str) -> dict[str, Any]:
    """What a resumed run must share beside the configuration: the data, files, the order of clips, the number format."""
    return {
        "data_fingerprint": fingerprint,
        "files": file_digests(config),
        "num_processes": accelerator.num_processes,
        "precision": accelerator.mixed_precision,
    }


def file_digests(config: TrainConfig) -> dict[str, str]:
    """Key of the configuration -> checksum of what it names, for texts, validation clips, base weights and tokenizer.

    What is not on this machine is left out; of models on the Hub the downloaded commit stands for the files.
    """
    texts = {"model.class_descriptions": config.model.class_descriptions}
    if config.task.kind == "class_texts":
        texts["task.class_texts"] = config.task.class_texts
    elif config.task.fill_captions is not None:
        texts["task.fill_captions"] = config.task.fill_captions
    if config.validation is not None and not config.task.has_head and config.validation.metric in ("uar", "war"):
        texts["validation.prompt_set"] = config.validation.prompt_set
    found = {key: _texts_digest(name) for key, name in texts.items() if name is not None}
    if config.validation is not None and config.validation.manifest is not None:
        found["validation.manifest"] = source_fingerprint(config.validation.manifest)
    for key, name in (("model.name", config.model.name), ("model.tokenizer", config.model.tokenizer)):
        digest = None if name is None or (key == "model.name" and config.model.init == "scratch") else _model(name)
        if digest is not None:
            found[key] = digest
    return found


def _texts_digest(prompt_set: str) -> str:
    return hashlib.sha256(json.dumps(dict(prompt_set_texts(prompt_set)), sort_keys=True).encode()).hexdigest()


def _model(name: str) -> str | None:
    """Of a folder the checksum of its files, of a name on the Hub the commit in the cache; None where neither is there."""
    folder = Path(name)
    if folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.suffix in _MODEL_FILES and path.is_file())
        return hashlib.sha256(" ".join(f"{path.name} {file_sha256(path)}" for path in files).encode()).hexdigest()
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(name, "config.json") if name.count("/") == 1 else None
    return Path(cached).parent.name if isinstance(cached, str) else None


def check_same_run(config: TrainConfig, folder: Path, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Compare a folder with `config.yaml` (a checkpoint or a run) and its record with the run that wants to go on.

    Raises:
        ValueError: something differs that changes weights; the message names every key with both values.
    """
    theirs, ours = flatten(_saved_config(folder / "config.yaml")), flatten(config_to_dict(config))
    differing = [key for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    differing = [key for key in differing if key not in FREE_ON_RESUME]
    if differing:
        listed = ", ".join(f"{key} ({theirs.get(key)!r} there, {ours.get(key)!r} now)" for key in differing)
        raise ValueError(
            f"{folder} belongs to another configuration: {listed}. Restore these values, or start anew in another output_dir."
        )
    if state["data_fingerprint"] != identity["data_fingerprint"]:
        raise ValueError(
            f"{folder} was trained on other data: {config.data.manifest} has changed since. Restore the manifest, or start anew "
            "in another output_dir."
        )
    _check_files(ours, folder, state.get("files", {}), identity.get("files", {}))
    for key in ("num_processes", "precision"):
        if key in identity and state[key] != identity[key]:
            raise ValueError(
                f"{folder} was made with {key}={state[key]}, got {identity[key]} now; go on with the same, or start anew in "
                "another output_dir."
            )


def _check_files(values: Mapping[str, Any], folder: Path, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    changed = [f"{key} ({values.get(key)})" for key in sorted(theirs.keys() & ours.keys()) if theirs[key] != ours[key]]
    if changed:
        raise ValueError(
            f"{folder} was made with other contents of {', '.join(changed)}, which have changed since. Restore them, or start anew "
            "in another output_dir."
        )


def _saved_config(path: Path) -> dict[str, Any]:
    """The values of a saved configuration; keys that have come since have their defaults."""
    try:
        return config_to_dict(load_config(TrainConfig, path))
    except ValueError:
        # Of keys that are gone, or values that are refused by now, the comparison tells.
        return yaml.safe_load(path.read_text(encoding="utf-8"))


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object that training wrote.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} must hold a JSON object, but it is damaged ({error}); resume from elsewhere."
        ) from error


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


__all__ = ["check_same_run", "file_digests", "flatten", "read_record", "run_identity"]
