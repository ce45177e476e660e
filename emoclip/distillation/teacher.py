# SPDX-License-Identifier: Apache-2.0
"""The frozen teacher: what an LLM makes of a picture under an instruction, as one vector."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from emoclip.console import require
from emoclip.distillation.blip2_encoder import Blip2Encoder
from emoclip.distillation.config import TeacherConfig
from emoclip.distillation.instructions import Instruction, tokenize_instruction
from emoclip.hub_commit import hub_commit
from emoclip.precision import autocast_dtype
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.loss_emoclip import pool_teacher_states
from modeling_emoclip.preprocessing_emoclip import BILINEAR


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# T5's tokenizer says 512 where it says anything; relative positions have no end of their own.
DEFAULT_MAX_TOKENS = 512
# Only the LLM is worth quantising; the rest is small, or kept in float32 by transformers as well.
NOT_QUANTISED = ["vision_model", "qformer", "language_projection"]


class Teacher:
    """BLIP-2 with a Flan-T5, ready to embed pictures.

    Args:
        config: Which one, and how it runs.
        device: Where; quantised weights choose for themselves.

    Raises:
        ImportError: 8 or 4 bits are asked for and bitsandbytes is not installed.
        OSError: There is no such folder or id.
        ValueError: It is another kind of model, or an instruction is too long.
    """

    def __init__(self, config: TeacherConfig, device: torch.device):
        self.config = config
        self.device = device
        self.instructions = read_instructions(config)
        self.model: Any = _load_model(config, device)

    @property
    def width(self) -> int:
        """Width of the features."""
        return int(self.model.config.text_config.d_model)

    @torch.inference_mode()
    def encode(self, pixel_values: torch.Tensor, instructions: list[Instruction], seed: int = 0) -> list[torch.Tensor]:
        """Features of pictures under each instruction, each (B, D) float32 on the CPU, not normalised.

        The picture is looked at once for all instructions; the mean is over all positions: picture, instruction and end token.

        Args:
            pixel_values: (B, 3, height, width) from `teacher_processor`.
            instructions: Of this teacher.
            seed: Of the dropout, where the configuration turns it on.
        """
        with torch.random.fork_rng(enabled=self.config.dropout):
            if self.config.dropout:
                torch.manual_seed(seed)
            soft = self.model.soft_tokens(pixel_values.to(self.device))
            embedding = self.model.word_embedding
            states = (self.model.encode(soft, instruction.embeds(embedding)) for instruction in instructions)
            return [pool_teacher_states(state).cpu() for state in states]


def read_config(config: TeacherConfig) -> Any:
    """The model's configuration, without its weights.

    Raises:
        FileNotFoundError: There is no such folder or id.
        ValueError: It is no BLIP-2 with a T5.
    """
    try:
        found = AutoConfig.from_pretrained(config.name, revision=config.revision)
    except OSError as error:
        raise FileNotFoundError(
            f"A teacher must be a folder with a config.json or a Hub id that can be reached, got {config.name!r}; check the "
            "spelling and the network."
        ) from error
    kind = getattr(found, "model_type", None)
    llm = getattr(getattr(found, "text_config", None), "model_type", None)
    if (kind, llm) != ("blip-2", "t5"):
        raise ValueError(
            f"A teacher must be a BLIP-2 with a Flan-T5, such as Salesforce/blip2-flan-t5-xl, got {config.name} of the type "
            f"{kind!r} with {llm!r}."
        )
    if config.hidden_act is not None:
        found.text_config.dense_act_fn = config.hidden_act
    return found


def read_instructions(config: TeacherConfig) -> list[Instruction]:
    """The teacher's instructions as tokens, which needs no weights.

    Raises:
        OSError: There is no such tokenizer.
        ValueError: An instruction is too long.
    """
    tokenizer = AutoTokenizer.from_pretrained(config.tokenizer or config.name, revision=config.revision)
    most = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else DEFAULT_MAX_TOKENS
    most -= read_config(config).num_query_tokens
    return [tokenize_instruction(name, tokenizer, most) for name in config.instructions]


def teacher_processor(config: TeacherConfig, num_frames: int) -> EmoCLIPVideoProcessor:
    """Frames as the teacher takes them: squashed by Pillow's bilinear filter, grey levels in [0, 1].

    The original gives the teacher the same pixels as CLIP, without mean and deviation; `normalize` gives it those that it was
    trained with.
    """
    side = read_config(config).vision_config.image_size
    return EmoCLIPVideoProcessor(
        num_frames=num_frames,
        frame_sampling="uniform",
        size={"height": side, "width": side},
        resample=BILINEAR,
        do_center_crop=False,
        do_normalize=config.normalize,  # BLIP-2's mean and deviation are CLIP's, the processor's defaults
    )


def source_fingerprint(config: TeacherConfig) -> str:
    """What fixes the weights: the commit on the Hub, or of a folder the names and contents of its files."""
    folder = Path(config.name)
    if not folder.is_dir():
        read_config(config)  # which puts into the cache what the revision stands for
        return hub_commit(config.name, config.revision) or config.revision or "unknown"
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".bin", ".model"):
            found = path.stat()
            digest.update(f"{path.name} {_content(path, found.st_size, found.st_mtime_ns)} ".encode())
    return digest.hexdigest()


@cache
def _content(path: Path, size: int, changed: int) -> str:
    """SHA-256 of a file, all of it, for a part that was tuned may lie anywhere; once in a process, as long as it is not changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_model(config: TeacherConfig, device: torch.device) -> Blip2Encoder:
    options: dict[str, Any] = {"config": read_config(config), "revision": config.revision}
    if config.precision in ("8bit", "4bit"):
        require("bitsandbytes", "quantize")
        options |= {"quantization_config": _quantization(config.precision), "device_map": {"": device}}
        options["dtype"] = autocast_dtype(device) or torch.float32
    else:
        automatic = autocast_dtype(device) or torch.float32
        options["dtype"] = DTYPES.get(config.precision, automatic)
    model: Any = Blip2Encoder.from_pretrained(config.name, **options)
    model.requires_grad_(False)
    model.eval()
    if config.dropout:
        # The original's `train()` reaches all but the image tower.
        model.qformer.train()
        model.language_model.train()
    return model if config.precision in ("8bit", "4bit") else model.to(device)


def _quantization(precision: str) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_8bit=precision == "8bit",
        load_in_4bit=precision == "4bit",
        llm_int8_skip_modules=NOT_QUANTISED,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_type="nf4",
    )


__all__ = ["Teacher", "read_config", "read_instructions", "source_fingerprint", "teacher_processor"]
