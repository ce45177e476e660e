# SPDX-License-Identifier: Apache-2.0
"""A model between two: the average of a tuned model's weights and those of the model it was tuned from.

Training on one narrow set moves CLIP's towers away from what they knew of everything else. The average of both ends often keeps
most of what was gained and loses less of what was there (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

emoclip average outputs/mine/model openai/clip-vit-base-patch32 --weight 0.5 --output outputs/averaged
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoclip.console import run_command, write_line


if TYPE_CHECKING:
    import torch

    from modeling_emoclip import EmoCLIPModel

EPILOG = """examples:
  emoclip average outputs/mine/model openai/clip-vit-base-patch32 --output outputs/averaged
  emoclip average outputs/mine/model outputs/demo/stills/model --weight 0.7 --output outputs/averaged

Choose the weight on validation clips, never on those that a result is reported on."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip average`."""
    parser = argparse.ArgumentParser(
        prog="emoclip average",
        description="Average a tuned model with the one it was tuned from, weight by weight.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("tuned", metavar="TUNED", help="model folder or Hub id; parts that it alone has stay as they are")
    add("original", metavar="ORIGINAL", help="model folder or Hub id of an EmoCLIP or CLIP model with the same towers")
    add("--weight", type=float, default=0.5, metavar="W", help="of the tuned model, 0 to 1 (0.5)")
    add("--output", required=True, type=Path, metavar="OUT", help="folder to write")
    add("--overwrite", action="store_true", help="replace OUT if it exists")
    return parser


def average_weights(
    tuned: Mapping[str, torch.Tensor], original: Mapping[str, torch.Tensor], weight: float
) -> dict[str, torch.Tensor]:
    """The tuned model's tensors, those that both have averaged: `weight` of the tuned and the rest of the original.

    Averages are taken in float32, or a wider type, and given back in the tuned tensor's type; whole numbers are the tuned model's.

    Args:
        tuned: State dict; tensors that it alone has, such as a temporal part, stay as they are.
        original: State dict; tensors that it alone has are left out.
        weight: In [0, 1].

    Raises:
        ValueError: The weight is out of its range, a tensor has two shapes, or no tensor is in both.
    """
    import torch

    if not 0 <= weight <= 1:
        raise ValueError(f"`weight` must be from 0 (the original) to 1 (the tuned model), got {weight}.")
    shared = [name for name in tuned if name in original and tuned[name].is_floating_point()]
    if not shared:
        raise ValueError("The two models must have parts in common, got none.")
    unlike = [name for name in shared if tuned[name].shape != original[name].shape]
    if unlike:
        name = unlike[0]
        raise ValueError(
            f"Both models must have the same sizes, got {tuple(tuned[name].shape)} and {tuple(original[name].shape)} for {name}; "
            "average a model with the one that it was tuned from."
        )
    averaged = {name: tensor.clone() for name, tensor in tuned.items()}
    for name in shared:
        wide = torch.promote_types(tuned[name].dtype, torch.float32)
        averaged[name] = torch.lerp(original[name].to(wide), tuned[name].to(wide), weight).to(tuned[name].dtype)
    return averaged


def average_models(tuned: EmoCLIPModel, original: EmoCLIPModel, weight: float) -> EmoCLIPModel:
    """The tuned model with the weights of `average_weights`, changed in place and returned.

    Parts of the original beside its towers, such as its temporal part, take part only where the tuned model has them as well.

    Raises:
        ValueError: As `average_weights`.
    """
    tuned.load_state_dict(average_weights(tuned.state_dict(), original.state_dict(), weight))
    return tuned


def _main(argv: list[str] | None) -> None:
    arguments = build_parser().parse_args(argv)
    if arguments.output.exists() and not arguments.overwrite:
        raise FileExistsError(
            f"The output must not exist yet, got {arguments.output}; choose another or pass --overwrite."
        )
    if not 0 <= arguments.weight <= 1:
        raise ValueError(f"`--weight` must be from 0 to 1, got {arguments.weight}.")
    # Late, so that `--help` and wrong arguments answer at once.
    from transformers.utils.logging import disable_progress_bar

    from emoclip.export import model_card, save_hub_folder
    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor

    disable_progress_bar()
    tuned = EmoCLIPModel.from_pretrained(arguments.tuned)
    model = average_models(tuned, _load_any(arguments.original), arguments.weight).eval()
    processor = EmoCLIPProcessor.from_pretrained(arguments.tuned)
    training = (
        f"The weighted average of `{arguments.tuned}` ({arguments.weight:g}) and `{arguments.original}` "
        f"({1 - arguments.weight:g}); parts that the former alone has are its own. How the former was trained is said in its card, "
        "and its terms hold here too."
    )
    card = model_card(model.config, title="EmoCLIP, averaged", training=training)
    save_hub_folder(model, processor, arguments.output, card=card, overwrite=arguments.overwrite)
    write_line(f"Written: {arguments.output}")


def _load_any(name: str) -> Any:
    """An EmoCLIP model, or a CLIP model's towers in the form of one."""
    from transformers import AutoConfig

    from modeling_emoclip import EmoCLIPModel

    if AutoConfig.from_pretrained(name).model_type == "clip":
        return EmoCLIPModel.from_clip(name, temporal_config={"pooling": "mean"})
    return EmoCLIPModel.from_pretrained(name)


__all__ = ["average_models", "average_weights", "build_parser", "main"]


if __name__ == "__main__":
    raise SystemExit(main())
