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


def test_emotionclips_recipe_has_the_numbers_of_its_code():
    """Options of the released `options.py`, `main.py` and `src/`: learning rates, AdamW, warm-up, loss and sampling."""
    from emoclip.training.config import TrainConfig

    config = load_config(TrainConfig, ROOT / "configs/train/emotionclip_paper_code.yaml")
    optimizer = config.optimizer
    assert (optimizer.name, optimizer.groups, optimizer.lr, optimizer.matrix_lr) == (
        "adamw",
        "emotionclip",
        5e-5,
        1e-8,
    )
    assert (optimizer.betas, optimizer.eps, optimizer.weight_decay) == ((0.98, 0.9), 1e-6, 0.1)
    assert (optimizer.schedule, optimizer.warmup_steps, optimizer.max_grad_norm) == ("emotionclip", 10_000, None)
    assert (optimizer.min_logit_scale, optimizer.max_logit_scale) == (1.0, 100.0)
    assert (optimizer.train_vision, optimizer.train_text) == ("all", "all")
    assert (config.seed, config.epochs, config.data.batch_size, config.mixed_precision) == (2022, 25, 128, "fp16")
    assert (config.data.drop_last, config.data.num_workers, config.contrast.negatives) == (True, 8, "global_no_grad")
    assert (config.data.random_crop, config.data.horizontal_flip, config.data.rotation_degrees) == (
        "frame",
        False,
        0.0,
    )
    assert config.data.subject_masks and config.data.sentiment and config.model.identical_layers
    fields = config.model.config
    told = (fields["subject_prompting"], fields["sentiment_beta"], fields["sentiment_kl_direction"])
    assert told == ("sap", 10.0, "released")
    assert fields["temporal_config"] == {
        "pooling": "residual_transformer", "num_hidden_layers": 6, "num_attention_heads": 8, "head_dim": 64,
        "intermediate_size": 2048, "max_position_embeddings": 8, "dropout": 0.1,
    }  # fmt: skip
    processor = config.model.processor
    assert (processor["num_frames"], processor["frame_sampling"]) == (8, "emotionclip")
    assert (processor["size"], processor["crop_size"]) == ({"shortest_edge": 256}, {"height": 224, "width": 224})
    assert processor["image_mean"] == [0.485, 0.456, 0.406] and processor["image_std"] == [0.229, 0.224, 0.225]


def test_expclips_recipe_has_the_numbers_of_its_code():
    """Of `runner.sh`, `train.py` and `models/`: optimiser, loss, teacher, instruction and pixels."""
    from emoclip.distillation.config import DistillConfig

    config = load_config(DistillConfig, ROOT / "configs/distill/expclip_paper_code.yaml")
    fit = config.fit
    assert (fit.optimizer, fit.lr, fit.momentum, fit.weight_decay, fit.schedule) == (
        "sgd",
        1e-3,
        0.9,
        1e-4,
        "constant",
    )
    assert (fit.batch_size, fit.epochs, config.seed, fit.logit_scale) == (512, 5, 1, None)
    assert (fit.teacher_weight, fit.caption_weight, fit.center_teacher) == (1.0, 0.0, False)
    assert (config.head.type, config.head.init, config.head.dim) == ("linear", "torch", None)
    (teacher,) = config.teachers
    assert (teacher.name, teacher.instructions) == ("Salesforce/blip2-flan-t5-xxl", ("action_describer",))
    assert (teacher.normalize, teacher.hidden_act) == (False, "gelu")
    assert (config.model.init, config.model.name) == ("clip", "openai/clip-vit-base-patch32")
    assert config.model.config["temporal_config"] == {"pooling": "mean"}
    processor = config.model.processor
    assert (processor["num_frames"], processor["frame_sampling"]) == (16, "expclip_paper_code")
    assert (processor["size"], processor["resample"]) == ({"height": 224, "width": 224}, 2)
    assert (processor["do_center_crop"], processor["do_normalize"]) == (False, False)
    assert (config.data.level, config.data.frames_per_clip, config.data.split) == ("frame", 1, "train")
