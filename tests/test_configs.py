# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest

from emoclip.config_loading import load_config


ROOT = Path(__file__).parents[1]
# Those of the launcher are in Accelerate's own form, see `tests/training/test_accelerate_configs.py`.
LAUNCHER = ROOT / "configs" / "accelerate"
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.y*ml") if LAUNCHER not in path.parents)


def schema(path):
    """Returns the dataclass that the file fills; its folder says which."""
    kind = path.relative_to(ROOT / "configs").parts[0]
    if kind == "train":
        from emoclip.training.config import TrainConfig

        return TrainConfig
    if kind == "distill":
        from emoclip.distillation.config import DistillConfig

        return DistillConfig
    from emoclip.evaluation.config import EvaluationConfig

    return EvaluationConfig


def test_every_kind_exists():
    """An empty folder would make the other tests here pass with nothing checked."""
    assert {path.relative_to(ROOT / "configs").parts[0] for path in CONFIGS} == {"train", "distill", "eval"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_loads(path):
    """A key that was renamed in the code leaves a file that fails when somebody starts the run."""
    load_config(schema(path), path)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_starts_with_its_command(path):
    """The first line a reader needs is the command; a file that names another file's command misleads."""
    header = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        header.append(line)
    commands = re.findall(r"(?:train\.py|evaluate\.py|emoclip distill) .*--config (\S+)", "\n".join(header))
    assert str(path.relative_to(ROOT)) in commands


# What the readers write into `split`, and whether they write folds.
READERS_ROWS = {
    "data/mafw.parquet": (("all",), True),
    "data/dfew.parquet": (("all",), True),
    "data/ness_panss.parquet": (("all",), True),
    "data/afew.parquet": (("train", "validation"), False),
    "data/bold.parquet": (("train", "validation"), False),
    "data/caer_s_faces/manifest.parquet": (("train", "test"), False),
    "data/dialogue/manifest.parquet": (("train", "test"), False),
    "data/ferv39k.parquet": (("train", "test"), False),
    "data/mafw_compound.parquet": (("all",), True),
}


def selections(config):
    """Yields the manifest, split and fold of everything that a configuration reads."""
    data = getattr(config, "data", None)
    parts = [data] if data is not None else [one.data for one in config.sets.values()]
    for part in parts:
        yield str(part.manifest), part.split, part.fold
    if getattr(config, "validation", None) is not None:
        yield str(config.validation.manifest or data.manifest), config.validation.split, config.validation.fold
    for path in getattr(data, "mix", ()):
        yield str(path), "train", None


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_rows_that_a_file_names_are_there(path):
    """MAFW has folds and no split `train`: two of the combined recipe's steps ended in `No split 'train'`."""
    import pyarrow as pa

    from emoclip.data.selection import check_selection, selected

    for manifest, split, fold in selections(load_config(schema(path), path)):
        if manifest not in READERS_ROWS:
            continue
        splits, has_folds = READERS_ROWS[manifest]
        folds = [1, 2, 3, 4, 5] if has_folds else [None]
        rows = [{"split": one, "test_fold": number} for one in splits for number in folds]
        table = pa.Table.from_pylist(rows, pa.schema([("split", pa.string()), ("test_fold", pa.int64())]))
        chosen = 1 if fold == "all" else fold
        split = None if fold == "all" else split
        mask = selected(table, split, chosen, None)
        check_selection(table, manifest, split, chosen, None, mask)


def test_the_readers_write_what_is_assumed_here():
    """Of a split that a reader renames the test before would know nothing."""
    from emoclip.data.readers import READERS

    for manifest, (splits, has_folds) in READERS_ROWS.items():
        name = Path(manifest).parts[1].partition(".")[0].removesuffix("_faces").partition("_compound")[0]
        reader = READERS.get({"ness_panss": "ness"}.get(name, name))
        if reader is None or has_folds:
            continue
        told = {split for counts in (reader.counts or {}).values() for split in counts}
        assert told <= set(splits), manifest
