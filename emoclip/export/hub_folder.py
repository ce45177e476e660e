# SPDX-License-Identifier: Apache-2.0
"""The Hub folder: everything `AutoModel` and `AutoProcessor` need with `trust_remote_code=True`, and a card.

`save_pretrained` alone is not enough: it adds only the class that was saved to the `auto_map`, so a model saved by itself
cannot be opened as a processor. Here every configuration file carries the whole map, and every code file lies beside it.
"""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import modeling_emoclip

from .card import model_card


if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

# Auto class of transformers -> our class. `AutoVideoProcessor` itself runs only where torchvision is installed.
AUTO_CLASSES = {
    "AutoConfig": "EmoCLIPConfig",
    "AutoModel": "EmoCLIPModel",
    "AutoModelForVideoClassification": "EmoCLIPForVideoClassification",
    "AutoProcessor": "EmoCLIPProcessor",
    "AutoVideoProcessor": "EmoCLIPVideoProcessor",
}
MAPPED_FILES = ("config.json", "processor_config.json", "video_preprocessor_config.json", "tokenizer_config.json")


def save_hub_folder(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    output: str | Path,
    *,
    card: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a complete Hub folder and return its path.

    The folder appears at once: it is written beside its final place under a temporary name and renamed, so that a run that
    is stopped half-way leaves neither half a model nor a damaged old one.

    Args:
        model: An `EmoCLIPModel`; saved as safetensors in the type it has.
        processor: The `EmoCLIPProcessor` the model was trained with.
        output: The folder to create. Parent folders are created too.
        card: Text of `README.md` with its YAML header; `None` writes `model_card(model.config)`.
        overwrite: Replace an existing model folder. A folder that holds anything else is never replaced.

    Raises:
        FileExistsError: `output` exists and `overwrite` is false, or is something other than a model folder.
    """
    output = Path(output)
    _check_replaceable(output, overwrite)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.mkdir()
        model.save_pretrained(partial)
        processor.save_pretrained(partial)
        copy_code(partial)
        for name in MAPPED_FILES:
            _write_auto_map(partial / name)
        (partial / "README.md").write_text(card or model_card(model.config), encoding="utf-8")
        _put_in_place(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return output


def auto_map() -> dict[str, str]:
    """Return auto class -> `file.Class` for every class that `modeling_emoclip` offers."""
    entries = {}
    for auto_class, class_name in AUTO_CLASSES.items():
        found = getattr(modeling_emoclip, class_name, None)
        if found is not None:
            entries[auto_class] = f"{found.__module__.split('.')[-1]}.{class_name}"
    return entries


def copy_code(folder: str | Path) -> list[Path]:
    """Copy the code files of `modeling_emoclip` flat into `folder` and return the copies in order of name.

    `__init__.py` stays behind: transformers makes its own package around the files it fetches.
    """
    source = Path(modeling_emoclip.__file__ or "").parent
    files = [path for path in sorted(source.glob("*.py")) if path.name != "__init__.py"]
    return [Path(shutil.copyfile(path, Path(folder) / path.name)) for path in files]


def _check_replaceable(output: Path, overwrite: bool) -> None:
    if not output.exists():
        return
    if not overwrite:
        raise FileExistsError(f"The output folder must not exist yet, got {output}; choose another or pass overwrite.")
    if (output / ".git").exists():
        raise FileExistsError(f"A clone of a repository is never replaced, got {output}; write beside it and copy.")
    is_model_folder = (output / "config.json").is_file()
    if not is_model_folder and not (output.is_dir() and not any(output.iterdir())):
        raise FileExistsError(
            f"Only a model folder (with config.json) may be overwritten, got {output}; choose another."
        )


def _write_auto_map(path: Path) -> None:
    """Put the whole map into one configuration file, and into the video processor's part of it, where there is one."""
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    content["auto_map"] = auto_map()
    if isinstance(content.get("video_processor"), dict):
        content["video_processor"]["auto_map"] = auto_map()
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _put_in_place(partial: Path, output: Path) -> None:
    """Rename `partial` to `output`; an old folder is set aside first, because a full folder cannot be renamed over."""
    aside = partial.with_suffix(".replaced")
    if output.exists():
        output.rename(aside)
    partial.rename(output)
    shutil.rmtree(aside, ignore_errors=True)
