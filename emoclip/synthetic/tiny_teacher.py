# SPDX-License-Identifier: Apache-2.0
"""A BLIP-2 Flan-T5 of the real classes, small and with random weights, saved as the real ones are.

    python -P -m emoclip.synthetic.tiny_teacher outputs/tiny_teacher [--width 160] [--image-size 56] [--seed 0]

It knows nothing; it lets the whole path of distillation run where the real weights, tens of gigabytes, cannot be had. One that can
be taught is in `seeing_teacher`.
"""

from __future__ import annotations

import argparse
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import run_command, write_line


if TYPE_CHECKING:
    from transformers import Blip2ForConditionalGeneration, T5Tokenizer

NUM_QUERIES = 8
# T5's, so that a limit is there to be met.
MAX_TOKENS = 512
WORDS = (
    "a act action actions detailed describe describer expert expression face facial feel image in is looks mouth eyes Objectively "
    "of person play Please recognition role smile the this to what"
)


def save_tiny_teacher(folder: str | Path, *, width: int = 160, image_size: int = 56, seed: int = 0) -> Path:
    """Write model and tokenizer into a folder and return it.

    Args:
        folder: Made where it is not there.
        width: Of the LLM, and so of its features; a multiple of 8.
        image_size: Side of the pictures, in pixels; a multiple of 14.
        seed: Of the weights.

    Raises:
        ValueError: A size is no such multiple.
    """
    if width < 8 or width % 8 or image_size < 14 or image_size % 14:
        raise ValueError(f"`width` must be a multiple of 8 and `image_size` one of 14, got {width} and {image_size}.")
    tokenizer = build_tokenizer()
    model = build_model(len(tokenizer), width, image_size, seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def build_tokenizer(more_words: Iterable[str] = ()) -> T5Tokenizer:
    """A T5 tokenizer of single letters and some words, so that usual instructions are as long as to a real one.

    Args:
        more_words: Become one token each as well, such as those of the captions that a teacher is to learn.
    """
    from transformers import T5Tokenizer

    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    letters = [(letter, -9.0) for letter in string.ascii_letters + string.digits + ".,'!?-"]
    words = [(f"▁{word}", -3.0) for word in dict.fromkeys([*WORDS.split(), *sorted(more_words)])]
    return T5Tokenizer(vocab=special + letters + words, extra_ids=0, model_max_length=MAX_TOKENS)


def build_model(
    vocab_size: int, width: int, image_size: int, seed: int, vision: Mapping[str, Any] | None = None
) -> Blip2ForConditionalGeneration:
    """BLIP-2 with random weights large enough that its features depend on the picture.

    Args:
        vocab_size: Of the tokenizer.
        width: Of the LLM.
        image_size: Side of the pictures, in pixels.
        seed: Of the weights.
        vision: Fields of the image tower's configuration that are to be others.
    """
    import torch
    from transformers import Blip2Config, Blip2ForConditionalGeneration, T5Config

    language: dict[str, Any] = {
        "vocab_size": vocab_size + 1,  # the last stands for the picture
        "d_model": width,
        "d_kv": 8,
        "d_ff": 2 * width,
        "num_layers": 2,
        "num_decoder_layers": 1,
        "num_heads": width // 8,
        "feed_forward_proj": "gated-gelu",
        "dense_act_fn": "gelu",  # as the released checkpoints have it
        "decoder_start_token_id": 0,
    }
    config = Blip2Config(
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": image_size,
            "patch_size": 14,
            **(vision or {}),
        },
        qformer_config={
            "hidden_size": 48,
            "intermediate_size": 80,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "vocab_size": 50,
        },
        text_config=T5Config(**language).to_dict(),
        num_query_tokens=NUM_QUERIES,
        image_token_index=vocab_size,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Blip2ForConditionalGeneration(config)
        # BLIP-2 starts its image tower and queries next to zero, so that every picture would give the same feature.
        with torch.no_grad():
            for part in (model.vision_model, model.qformer, model.language_projection):
                for parameter in part.parameters():
                    if parameter.ndim > 1:
                        parameter.normal_(std=parameter[0].numel() ** -0.5)
            model.query_tokens.normal_()
    return model.eval()


def main(argv: list[str] | None = None) -> None:
    """Write a teacher."""
    parser = argparse.ArgumentParser(description="Write a small BLIP-2 Flan-T5 with random weights.")
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument("--width", type=int, default=160)
    parser.add_argument("--image-size", type=int, default=56)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    if arguments.output.exists():
        raise FileExistsError(f"The output must not exist yet, got {arguments.output}; choose another.")
    save_tiny_teacher(arguments.output, width=arguments.width, image_size=arguments.image_size, seed=arguments.seed)
    write_line(f"Written: {arguments.output}")


__all__ = ["build_model", "build_tokenizer", "save_tiny_teacher"]


if __name__ == "__main__":
    raise SystemExit(run_command(main))
