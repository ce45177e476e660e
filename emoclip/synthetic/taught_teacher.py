# SPDX-License-Identifier: Apache-2.0
"""A small BLIP-2 Flan-T5 that has learned to say what moves in a face, from pictures and their captions.

It stands for the real one where the question is whether distillation works, which a teacher of random weights cannot answer. It is
taught by the model's own loss, the cross-entropy of the caption given picture and instruction; some pictures are held back, and what it
says about them before and after tells whether it has learned. With the picture of another face in the place of its own the loss shows
how much of that it sees, and how much is the manner of all captions.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm


RECORD = "teaching.json"
# Of T5's loss.
_IGNORED = -100
_WARM_UP = 0.1
_HELD_OUT_BATCH = 100


@dataclass(frozen=True)
class Lessons:
    """How a teacher is taught.

    Args:
        steps: of AdamW, whose rate goes up for a tenth of them and then down by a cosine.
        batch_size: pictures in a step, drawn anew in each epoch.
        lr: highest rate.
        words_first: share of the steps in which the decoder alone learns.
        held_out: so many of the last pictures are never taught, and measure what was learned.
    """

    steps: int = 2000
    batch_size: int = 16
    lr: float = 2e-3
    words_first: float = 0.05
    held_out: int = 500

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.held_out < 2:
            raise ValueError(f"`held_out` must be at least 2, so that pictures can be exchanged, got {self.held_out}.")
        if self.lr <= 0:
            raise ValueError(f"`lr` must be above 0, got {self.lr}.")
        if not 0 <= self.words_first < 1:
            raise ValueError(f"`words_first` must be from 0 to below 1, got {self.words_first}.")


class CaptionLoss:
    """BLIP-2's own loss of captions, given pictures and one instruction.

    Args:
        model: `Blip2ForConditionalGeneration` with a T5.
        tokenizer: Its.
        pixels: uint8 (N, 3, side, side), grey levels; the model gets them in [0, 1], as `teacher_processor` gives them.
        captions: N texts.
        instruction: Said with every picture.

    Raises:
        ValueError: There are not as many captions as pictures.
    """

    def __init__(self, model: Any, tokenizer: Any, pixels: torch.Tensor, captions: Sequence[str], instruction: str):
        if len(pixels) != len(captions):
            raise ValueError(f"Every picture must have a caption, got {len(pixels)} and {len(captions)}.")
        self.model, self.pixels = model, pixels
        self.labels = tokenizer(list(captions), padding=True, return_tensors="pt")["input_ids"]
        self.labels[self.labels == tokenizer.pad_token_id] = _IGNORED
        placeholders = [model.config.image_token_id] * model.config.num_query_tokens
        self.prompt = torch.tensor([*placeholders, *tokenizer(instruction)["input_ids"]])

    def __call__(self, captions: torch.Tensor, pictures: torch.Tensor | None = None) -> tuple[torch.Tensor, int]:
        """Mean over the tokens of the captions of these numbers, and how many tokens they have.

        Args:
            captions: int64 (B,).
            pictures: int64 (B,), of the pictures that go with them; by default their own.
        """
        labels = self.labels[captions]
        lengths = (labels != _IGNORED).sum(dim=1)
        pixels = self.pixels[captions if pictures is None else pictures]
        result = self.model(
            pixel_values=pixels.float() / 255,
            input_ids=self.prompt.expand(len(pixels), -1),
            labels=labels[:, : int(lengths.max())].contiguous(),
        )
        return result.loss, int(lengths.sum())

    @torch.no_grad()
    def over(self, captions: torch.Tensor, pictures: torch.Tensor | None = None) -> float:
        """Mean over all tokens of many captions."""
        pictures = captions if pictures is None else pictures
        parts = zip(captions.split(_HELD_OUT_BATCH), pictures.split(_HELD_OUT_BATCH), strict=True)
        losses = [self(*part) for part in parts]
        return sum(float(loss) * tokens for loss, tokens in losses) / sum(tokens for _, tokens in losses)


def words_of(captions: Iterable[str]) -> set[str]:
    """The words of captions as they are written, for the teacher's tokenizer: one token each keeps a caption short."""
    return {word for caption in captions for word in re.findall(r"[A-Za-z]+", caption)}


def teach(
    untaught: str | Path,
    output: str | Path,
    pixels: torch.Tensor,
    captions: Sequence[str],
    instruction: str,
    *,
    lessons: Lessons | None = None,
    seed: int = 0,
    show_progress: bool = True,
) -> dict[str, Any]:
    """Write a taught copy of a teacher and return what is also kept in its `teaching.json`.

    Args:
        untaught: Folder of `save_seeing_teacher`. Its image tower stays as it is, as BLIP-2's does.
        output: Folder, which appears when all is done; what is there already is not made again.
        pixels, captions, instruction: As for `CaptionLoss`; the last `lessons.held_out` are held back.
        lessons: How.
        seed: Of the order.
        show_progress: Draw a bar, on terminals only.

    Returns:
        The lessons, and the mean loss of a held-out caption's token: `untaught`, `taught`, and `other_picture`, taught but with the
        picture of another face.

    Raises:
        FileExistsError: The folder holds one that was taught otherwise.
        ValueError: There are too few pictures.
    """
    from transformers import AutoTokenizer, Blip2ForConditionalGeneration

    lessons = lessons or Lessons()
    output = Path(output)
    number = len(captions) - lessons.held_out
    if number < lessons.batch_size:
        raise ValueError(
            f"There must be {lessons.batch_size + lessons.held_out} pictures or more, got {len(captions)}."
        )
    settings = {**asdict(lessons), "taught": number, "seed": seed, "instruction": instruction}
    if output.exists():
        return _read_record(output, settings)
    model: Any = Blip2ForConditionalGeneration.from_pretrained(untaught).eval()
    tokenizer = AutoTokenizer.from_pretrained(untaught)
    loss = CaptionLoss(model, tokenizer, pixels, captions, instruction)
    held_out = torch.arange(number, len(captions))
    before = loss.over(held_out)
    _take_lessons(loss, number, lessons, seed, show_progress)
    found = {
        "untaught": before,
        "taught": loss.over(held_out),
        "other_picture": loss.over(held_out, held_out.roll(lessons.held_out // 2)),
    }
    record = {"settings": settings, "held_out_loss": found}
    temporary = output.with_name(f".{output.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    (temporary / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    temporary.replace(output)
    return record


def _take_lessons(loss: CaptionLoss, number: int, lessons: Lessons, seed: int, show_progress: bool) -> None:
    """Teach on the first `number` pictures, without dropout: so small a model is far from knowing them by heart."""
    loss.model.vision_model.requires_grad_(False)
    parameters = [parameter for parameter in loss.model.parameters() if parameter.requires_grad]
    optimizer, schedule = _optimizer(loss.model, lessons)
    generator = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.int64)
    with tqdm(total=lessons.steps, unit="step", desc="teaching", disable=None if show_progress else True) as bar:
        for _ in range(lessons.steps):
            if len(order) < lessons.batch_size:
                order = torch.randperm(number, generator=generator)
            chosen, order = order[: lessons.batch_size], order[lessons.batch_size :]
            value, _ = loss(chosen)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{float(value.detach()):.2f}", refresh=False)
            bar.update()


def _optimizer(model: Any, lessons: Lessons) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW whose second group, what lies between image tower and decoder, waits until the decoder knows how captions sound.

    As in BLIP-2, whose LLM knows language before it sees. Else the first thing to be learned would be to shut the picture out, which to a
    decoder without words is noise.
    """
    groups: list[list[torch.nn.Parameter]] = [[], []]
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_decoder = name.startswith(("language_model.decoder", "language_model.shared", "language_model.lm_head"))
        groups[0 if is_decoder else 1].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": group} for group in groups], lr=lessons.lr, weight_decay=0.01, fused=True
    )
    waiting = int(lessons.words_first * lessons.steps)
    rates: list[Callable[[int], float]] = [partial(_rate, begin=begin, steps=lessons.steps) for begin in (0, waiting)]
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rates)


def _rate(step: int, *, begin: int, steps: int) -> float:
    """Share of the highest rate: none before `begin`, up for a tenth of all steps, then down by a cosine."""
    up = max(1, int(_WARM_UP * steps))
    if step < begin:
        return 0.0
    if step < begin + up:
        return (step - begin + 1) / up
    return 0.5 * (1 + math.cos(math.pi * (step - begin - up) / max(1, steps - begin - up)))


def _read_record(output: Path, settings: dict[str, Any]) -> dict[str, Any]:
    path = output / RECORD
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if record.get("settings") != settings:
        raise FileExistsError(
            f"{output} holds a teacher that was taught otherwise; choose another folder or remove it."
        )
    return record


__all__ = ["CaptionLoss", "Lessons", "teach", "words_of"]
