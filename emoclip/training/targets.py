# SPDX-License-Identifier: Apache-2.0
"""What stands beside the clips of a batch: a text, a label or scores, taken from their rows."""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from transformers import PreTrainedTokenizerBase

from emoclip.evaluation.prompts import class_texts
from emoclip.training.task_config import TaskConfig


# Columns that targets are made of.
TARGET_COLUMNS = ("clip_id", "captions", "label", "labels", "targets")


def written_captions(captions: Iterable[str | None] | None) -> list[str]:
    """The captions that say something: not those that are empty or blank, nor `-`, EmoCLIP's mark for none (`MAFW.py`)."""
    return [caption for caption in captions or () if caption is not None and caption.strip() not in ("", "-")]


class Targets(Protocol):
    """A way to teach clips."""

    def check(self, rows: Iterable[Mapping[str, Any]], source: str) -> None:
        """Look at every row before the first step.

        Raises:
            ValueError: a row has not what is needed; names the clip and the remedy.
        """

    def lack(self, row: Mapping[str, Any]) -> str | None:
        """What one clip has not, as a sentence; None where it can be taught."""

    def draw(self, row: Mapping[str, Any], generator: torch.Generator) -> Any:
        """What one clip is taught this time."""

    def collate(self, drawn: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Tensors with a row for each clip."""


class TextTargets:
    """Texts as tokens: `input_ids` (B, L), `attention_mask` (B, L) and, where same texts are positives, `text_groups` (B,).

    Args:
        tokenizer: of the model.
        with_groups: also give a number for each text.
        texts_of_class: by class id, for `class_texts`, or to stand in for captions that are missing.
        use_captions: a clip's text is one of its own captions.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        with_groups: bool,
        texts_of_class: Sequence[str] = (),
        use_captions: bool = True,
    ):
        self.tokenizer = tokenizer
        self._with_groups = with_groups
        self._texts_of_class = list(texts_of_class)
        self._use_captions = use_captions

    def check(self, rows: Iterable[Mapping[str, Any]], source: str) -> None:
        """See `Targets`."""
        rows = list(rows)
        without = [row["clip_id"] for row in rows if not self.texts(row)]
        if without and self._use_captions:
            raise ValueError(
                f"Every training clip needs a caption, but {len(without)} of {len(rows)} in {source} have none, the first is "
                f"{without[0]!r}. Add captions, choose another split, or set task.fill_captions or task.kind=class_texts."
            )
        if without:
            raise _no_label(without, len(rows), source)

    def lack(self, row: Mapping[str, Any]) -> str | None:
        """See `Targets`."""
        if self.texts(row):
            return None
        return "it has no caption" if self._use_captions else "it has no `label`"

    def texts(self, row: Mapping[str, Any]) -> list[str]:
        """Every text that a clip may get; none where it has not what is needed."""
        captions = written_captions(row.get("captions")) if self._use_captions else []
        if captions:
            return captions
        if not self._texts_of_class or row.get("label") is None:
            return []
        return [self._texts_of_class[row["label"]]]

    def draw(self, row: Mapping[str, Any], generator: torch.Generator) -> str:
        """One of the texts of a clip."""
        texts = self.texts(row)
        return texts[int(torch.randint(len(texts), (), generator=generator))]

    def collate(self, drawn: Sequence[str]) -> dict[str, torch.Tensor]:
        """See the class."""
        tokens = self.tokenizer(list(drawn), padding=True, truncation=True, return_tensors="pt")
        batch = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
        if self._with_groups:
            # A checksum is the same in every process.
            batch["text_groups"] = torch.tensor([zlib.crc32(text.encode()) for text in drawn])
        return batch


class LabelTargets:
    """Labels for a head: `labels` (B,) int64, (B, classes) of 0 and 1, or (B, targets) float32.

    Args:
        kind: `classification`, `multi_label` or `regression`.
        num_outputs: classes or targets.

    Attributes:
        column: of the rows, that labels are taken from.
    """

    def __init__(self, kind: str, num_outputs: int):
        self._kind, self._num_outputs = kind, num_outputs
        self.column = {"classification": "label", "multi_label": "labels", "regression": "targets"}[kind]

    def check(self, rows: Iterable[Mapping[str, Any]], source: str) -> None:
        """See `Targets`."""
        rows = list(rows)
        without = [row["clip_id"] for row in rows if self.lack(row)]
        if without:
            raise _no_label(without, len(rows), source, self.column)
        if self._kind != "regression":
            return
        for row in rows:
            if len(row["targets"]) != self._num_outputs:
                raise ValueError(
                    f"`targets` must be one number for each of the {self._num_outputs} class names of {source}, clip "
                    f"{row['clip_id']!r} has {len(row['targets'])}."
                )
            if not all(number is not None and math.isfinite(number) for number in row["targets"]):
                shown = ", ".join("null" if number is None else f"{number:g}" for number in row["targets"])
                raise ValueError(
                    f"`targets` must be finite numbers, clip {row['clip_id']!r} of {source} has {shown}; leave it out of the "
                    "manifest or give it what is missing."
                )

    def lack(self, row: Mapping[str, Any]) -> str | None:
        """See `Targets`."""
        return f"it has no `{self.column}`" if row.get(self.column) in (None, []) else None

    def draw(self, row: Mapping[str, Any], generator: torch.Generator) -> Any:
        """The label; nothing is drawn."""
        return row[self.column]

    def collate(self, drawn: Sequence[Any]) -> dict[str, torch.Tensor]:
        """See the class."""
        if self._kind == "classification":
            return {"labels": torch.tensor(drawn)}
        if self._kind == "regression":
            return {"labels": torch.tensor(drawn, dtype=torch.float32)}
        labels = torch.zeros(len(drawn), self._num_outputs)
        for row, numbers in enumerate(drawn):
            labels[row, list(numbers)] = 1.0
        return {"labels": labels}


def build_targets(task: TaskConfig, class_names: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Targets:
    """What a configuration teaches.

    Raises:
        FileNotFoundError: a prompt set is a file that does not exist.
        ValueError: it has no text for a class.
    """
    if task.has_head:
        return LabelTargets(task.kind, len(class_names))
    prompt_set = task.class_texts if task.kind == "class_texts" else task.fill_captions
    texts = [] if prompt_set is None else list(class_texts(prompt_set, class_names).values())
    return TextTargets(
        tokenizer,
        with_groups=task.same_text == "positives",
        texts_of_class=texts,
        use_captions=task.kind == "captions",
    )


def _no_label(without: Sequence[str], total: int, source: str, column: str = "label") -> ValueError:
    return ValueError(
        f"Every training clip needs `{column}`, but {len(without)} of {total} in {source} have none, the first is {without[0]!r}; "
        "leave them out of the manifest or choose another task.kind."
    )


__all__ = ["TARGET_COLUMNS", "LabelTargets", "Targets", "TextTargets", "build_targets", "written_captions"]
