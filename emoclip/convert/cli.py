# SPDX-License-Identifier: Apache-2.0
"""The command `emoclip convert`: released checkpoints to Hub folders, and back.

emoclip convert emoclip EmoCLIP.pth my-emoclip
emoclip convert emotionclip emotionclip_latest.pt my-emotionclip
emoclip convert expclip ExpCLIP_L14_model.pth my-expclip --base openai/clip-vit-large-patch14 --download
emoclip convert emoclip my-emoclip EmoCLIP.pth --to-original
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from emoclip.console import run_command, write_line


EPILOG = """examples:
  emoclip convert emoclip EmoCLIP.pth my-emoclip
  emoclip convert emotionclip emotionclip_latest.pt my-emotionclip
  emoclip convert expclip ExpCLIP_L14_model.pth my-expclip --base openai/clip-vit-large-patch14 --download
  emoclip convert emoclip my-emoclip EmoCLIP.pth --to-original

Where each released file is: docs/convert.md. A pickle that wants code is refused."""


def main(argv: list[str] | None = None) -> int:
    """Return the exit code of the command: 0 done, 2 bad input, 130 stopped by Ctrl-C."""
    return run_command(_main, argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `emoclip convert`."""
    parser = argparse.ArgumentParser(
        prog="emoclip convert",
        description="Convert a checkpoint of the original repositories to a Hub folder, or back.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("method", choices=("emoclip", "emotionclip", "expclip"))
    add("checkpoint", metavar="CHECKPOINT", help="the original's file; with --to-original a model folder or Hub id")
    add("output", type=Path, metavar="OUT", help="folder to write; with --to-original a .pth or .safetensors file")
    add(
        "--base",
        metavar="B",
        help="CLIP beneath: a file of OpenAI's, a folder or a Hub id (Exp-CLIP, downstream weights)",
    )
    add("--tokenizer", metavar="T", help="folder or Hub id of the tokenizer (the base's, else CLIP's from the Hub)")
    add("--temporal-heads", type=int, default=8, metavar="N", help="attention heads of the temporal part (8)")
    add("--licence", default="unknown", metavar="L", help="licence of the weights for the card, as the Hub spells it")
    add("--download", action="store_true", help="fetch CHECKPOINT, a released file name, if it is not there")
    add("--to-original", action="store_true", help="write the original's state dict of one of our models")
    add("--overwrite", action="store_true", help="replace the output if it exists")
    return parser


def _main(argv: list[str] | None) -> None:
    args = build_parser().parse_args(argv)
    if args.to_original:
        _write_original(args)
    else:
        _write_folder(args)


def _write_folder(args: argparse.Namespace) -> None:
    _check_free(args.output, args.overwrite)
    # The heavy imports come after what can be refused without them.
    from transformers.utils.logging import disable_progress_bar

    from emoclip.convert import base as bases
    from emoclip.convert import download as downloads
    from emoclip.convert.checkpoint import load_checkpoint
    from emoclip.export import save_hub_folder
    from modeling_emoclip import EmoCLIPProcessor, EmoCLIPVideoProcessor

    disable_progress_bar()
    path = downloads.download(args.method, args.checkpoint) if args.download else Path(args.checkpoint)
    state = load_checkpoint(path)
    base = bases.load_base(args.base) if args.base else None
    model = _convert(args, state, base)
    tokenizer = bases.load_tokenizer(args.tokenizer, args.base)
    if hasattr(model, "text_model"):
        bases.check_tokenizer(tokenizer, model.config)
    processor = EmoCLIPProcessor(EmoCLIPVideoProcessor.from_config(model.config), tokenizer)
    fingerprint = downloads.sha256(path)
    card = _card(model, args, fingerprint)
    save_hub_folder(model, processor, args.output, card=card, overwrite=args.overwrite)
    count = sum(parameter.numel() for parameter in model.parameters())
    write_line(f"{type(model).__name__}: {count:,} parameters from {len(state)} tensors, sha256 {fingerprint}")
    write_line(f"Written: {args.output}")


def _convert(args: argparse.Namespace, state: dict[str, Any], base: Any) -> Any:
    from emoclip.convert.conversion import convert_downstream, convert_original, without_prefix

    cleaned = without_prefix(state)
    if args.method == "emoclip" and base is None and "mlp.2.weight" in cleaned:
        return convert_downstream(cleaned, temporal_heads=args.temporal_heads)
    if base is None:
        return convert_original(cleaned, args.method, temporal_heads=args.temporal_heads)
    return convert_original(
        cleaned,
        args.method,
        base_state_dict=base.state_dict,
        temporal_heads=args.temporal_heads,
        **base.options,
    )


def _card(model: Any, args: argparse.Namespace, fingerprint: str) -> str:
    from emoclip.export import model_card

    names = {"emoclip": "EmoCLIP", "emotionclip": "EmotionCLIP", "expclip": "Exp-CLIP"}
    base = f" on the CLIP weights of `{args.base}`" if args.base else ""
    training = (
        f"Converted by `emoclip convert {args.method}` from the original checkpoint `{Path(args.checkpoint).name}` (sha256 "
        f"`{fingerprint}`){base}. How it was trained is said in the paper; terms of use follow from its training data."
    )
    return model_card(
        model.config,
        title=f"{names[args.method]}, converted",
        folder=str(args.output),
        licence=args.licence,
        training=training,
    )


def _write_original(args: argparse.Namespace) -> None:
    from emoclip.convert.saving import check_format, save_state_dict

    check_format(args.output)
    _check_free(args.output, args.overwrite)
    from transformers.utils.logging import disable_progress_bar

    from emoclip.convert.conversion import to_original
    from modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel

    disable_progress_bar()
    kind: Any = EmoCLIPForVideoClassification if _has_head(args.checkpoint) else EmoCLIPModel
    state = to_original(kind.from_pretrained(args.checkpoint), args.method)
    save_state_dict(state, args.output)
    write_line(f"{len(state)} tensors of {args.method}")
    write_line(f"Written: {args.output}")


def _has_head(folder: str) -> bool:
    """Whether the folder holds the classification model, by what its configuration says was saved."""
    from transformers.utils.hub import cached_file

    try:
        path = cached_file(folder, "config.json")
    except OSError as error:
        raise FileNotFoundError(
            f"The model must be a folder or a Hub id that can be reached, got {folder}."
        ) from error
    content = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    return content.get("architectures") == ["EmoCLIPForVideoClassification"]


def _check_free(output: Path, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise FileExistsError(f"The output must not exist yet, got {output}; choose another or pass --overwrite.")


if __name__ == "__main__":
    raise SystemExit(main())
