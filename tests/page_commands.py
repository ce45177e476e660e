# SPDX-License-Identifier: Apache-2.0
"""The commands of a page of the documentation, run as they stand there, in this process and in small."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from emoclip.console import run_command


ROOT = Path(__file__).parents[1]
# What a command begins with -> the function that runs the rest.
Run = Callable[[list[str]], int]


def page_commands(page: str) -> list[list[str]]:
    """Returns the words of every command in the blocks `bash` of a page, without remarks."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def runners() -> dict[tuple[str, ...], Run]:
    """Returns how each kind of command is run."""
    from emoclip import cli
    from emoclip.dialogue.cli import dialogue_main
    from emoclip.evaluation.cli import main as evaluate
    from emoclip.training.cli import main as train

    return {
        ("python", "data_scripts/prepare_dialogue.py"): lambda words: run_command(dialogue_main, words),
        ("accelerate", "launch", "train.py"): train,
        ("python", "evaluate.py"): evaluate,
        ("emoclip",): cli.main,
    }


def run_words(words: list[str], further: Callable[[list[str]], list[str]]) -> bool:
    """Runs a command with further words and checks that it ends well; returns whether it is of a kind that is run here."""
    for start, run in runners().items():
        if tuple(words[: len(start)]) == start:
            rest = words[len(start) :]
            told = [*rest, *further(words)]
            assert run(told) in (0, None), " ".join(words)
            return True
    return False


def save_tiny_clip(source: Path, folder: Path) -> Path:
    """Saves a plain CLIP of the sizes of a tiny EmoCLIP, with its tokenizer."""
    from transformers import AutoTokenizer, CLIPConfig, CLIPModel

    from modeling_emoclip import EmoCLIPConfig

    tiny = EmoCLIPConfig.from_pretrained(source)
    config = CLIPConfig(
        text_config=tiny.text_config.to_dict(), vision_config=tiny.vision_config.to_dict(), projection_dim=10
    )
    CLIPModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def write_set(target: Path, *, folds: bool = False, several: bool = False, source: str = "clips") -> None:
    """Writes the rendered clips of a folder under the name of a data set: five folds and no split, or labels of which a clip has several."""
    from emoclip.data.manifest import read_manifest, write_manifest

    manifest = read_manifest(target.with_name(f"{source}.parquet"))
    rows = manifest.table.to_pylist()
    for number, row in enumerate(rows):
        if folds:
            row |= {"split": "all", "test_fold": number % 5 + 1}
        if several:
            size = len(manifest.class_names)
            row |= {"split": ("train", "validation")[number % 2], "label": None}
            row["labels"] = sorted({number // 2 % size, (number // 2 + 3) % size})
    about = {name: getattr(manifest, name) for name in ("class_names", "licence", "source")}
    write_manifest(target, rows, dataset=target.stem, **about)
