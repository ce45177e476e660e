# SPDX-License-Identifier: Apache-2.0
"""The Hub folder: everything `AutoModel` and `AutoProcessor` need with `trust_remote_code=True`, and a card.

Each part's own `save_pretrained` brings the code and the whole map of classes (`modeling_emoclip.hub_emoclip`); here they
come together in one folder that appears at once.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip.data.output import unwound_by_sigterm
from modeling_emoclip.hub_emoclip import complete_folder

from .card import model_card


if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin


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
    with new_folder(output, overwrite=overwrite) as partial:
        model.save_pretrained(partial)
        processor.save_pretrained(partial)
        complete_folder(partial)
        (partial / "README.md").write_text(card or model_card(model.config), encoding="utf-8")
    return output


@contextmanager
def new_folder(output: Path, *, overwrite: bool, marker: str = "config.json") -> Iterator[Path]:
    """Give an empty folder beside `output` to fill, and rename it to `output` if the block ends without an error.

    Args:
        output: The folder to create; parents are created too.
        overwrite: Replace an existing folder that holds `marker`.
        marker: File by which a folder of this kind is known.

    Raises:
        FileExistsError: `output` exists and may not be replaced.
    """
    _check_replaceable(output, overwrite, marker)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.partial")
    with unwound_by_sigterm():
        try:
            partial.mkdir()
            yield partial
            _put_in_place(partial, output)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _check_replaceable(output: Path, overwrite: bool, marker: str) -> None:
    if not output.exists():
        return
    if not overwrite:
        raise FileExistsError(f"The output folder must not exist yet, got {output}; choose another or pass overwrite.")
    if (output / ".git").exists():
        raise FileExistsError(f"A clone of a repository is never replaced, got {output}; write beside it and copy.")
    is_model_folder = (output / marker).is_file()
    if not is_model_folder and not (output.is_dir() and not any(output.iterdir())):
        raise FileExistsError(f"Only a model folder (with {marker}) may be overwritten, got {output}; choose another.")


def _put_in_place(partial: Path, output: Path) -> None:
    """Rename `partial` to `output`; an old folder is set aside first, because a full folder cannot be renamed over."""
    aside = partial.with_suffix(".replaced")
    if output.exists():
        output.rename(aside)
    try:
        partial.rename(output)
    except OSError:
        if aside.exists():
            aside.rename(output)
        raise
    shutil.rmtree(aside, ignore_errors=True)


__all__ = ["new_folder", "save_hub_folder"]
