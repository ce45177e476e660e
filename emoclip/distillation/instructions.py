# SPDX-License-Identifier: Apache-2.0
"""What the teacher is told to look at: Exp-CLIP's three instructions, and those that tell it nothing (section 4.2, Appendix B)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


# The paper's three, in its order; the first is its headline.
INSTRUCTIONS = {
    "action_describer": "Please play the role of a facial action describer. Objectively describe the detailed facial actions "
    "of the person in the image.",
    "expression_expert": "Please play the role of a facial expression recognition expert. Describe the facial expression of "
    "the person in the image.",
    "facial_actions": "Please describe the detailed facial actions of the person in the image.",
}
# Unrelated to the task. The paper names empty and random text without wording; its code can also put noise in the place of the
# embedded instruction.
EMPTY, RANDOM, NOISE = "empty", "random", "noise"
NAMES = (*INSTRUCTIONS, EMPTY, RANDOM, NOISE)
# Random text and noise are as long as the headline instruction and always the same.
UNRELATED_SEED = 0


@dataclass(frozen=True)
class Instruction:
    """An instruction ready for the teacher.

    Args:
        name: One of `NAMES`, or the text itself.
        token_ids: (W,), the end token last.
        is_noise: Whether Gaussian noise takes the place of the tokens' embeddings.
    """

    name: str
    token_ids: torch.Tensor
    is_noise: bool = False

    def embeds(self, embedding: torch.nn.Module) -> torch.Tensor:
        """What the encoder reads: (W, D), in the type and on the device of the embedding."""
        weight: Any = embedding.weight
        embedded = embedding(self.token_ids.to(weight.device))
        if not self.is_noise:
            return embedded
        generator = torch.Generator().manual_seed(UNRELATED_SEED)
        return torch.randn(embedded.shape, generator=generator).to(embedded)


def tokenize_instruction(name: str, tokenizer: Any, max_tokens: int) -> Instruction:
    """The tokens of an instruction.

    Args:
        name: One of `NAMES`, or any text of one's own.
        tokenizer: Of the teacher; appends its end token.
        max_tokens: How many tokens the teacher takes beside the picture's.

    Raises:
        ValueError: The instruction is longer.
    """
    token_ids = _token_ids(name, tokenizer)
    if len(token_ids) > max_tokens:
        raise ValueError(
            f"An instruction may have at most {max_tokens} tokens beside the picture's, got {len(token_ids)} in "
            f"{shown(name)!r}; shorten it."
        )
    return Instruction(name, token_ids, is_noise=name == NOISE)


def instruction_text(name: str) -> str:
    """The text that a name stands for; a text stands for itself, and `empty` for none."""
    return "" if name == EMPTY else INSTRUCTIONS.get(name, name)


def shown(text: str) -> str:
    """A text short enough for a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _token_ids(name: str, tokenizer: Any) -> torch.Tensor:
    if name not in (RANDOM, NOISE):
        return torch.tensor(_encoded(tokenizer, instruction_text(name)))
    headline = torch.tensor(_encoded(tokenizer, INSTRUCTIONS["action_describer"]))
    if name == NOISE:
        return headline
    special = set(tokenizer.all_special_ids)
    ordinary = torch.tensor([token for token in range(len(tokenizer)) if token not in special])
    generator = torch.Generator().manual_seed(UNRELATED_SEED)
    drawn = ordinary[torch.randint(len(ordinary), (len(headline) - 1,), generator=generator)]
    return torch.cat([drawn, headline[-1:]])


def _encoded(tokenizer: Any, text: str) -> list[int]:
    """Token ids, ended as T5 ends them."""
    token_ids = tokenizer(text, truncation=False, verbose=False)["input_ids"]
    return token_ids if token_ids[-1:] == [tokenizer.eos_token_id] else [*token_ids, tokenizer.eos_token_id]


__all__ = [
    "EMPTY",
    "INSTRUCTIONS",
    "NAMES",
    "NOISE",
    "RANDOM",
    "Instruction",
    "instruction_text",
    "shown",
    "tokenize_instruction",
]
