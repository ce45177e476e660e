# SPDX-License-Identifier: Apache-2.0
"""The training configuration: one frozen dataclass per concern, each checking its own values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from emoclip.training.engine_config import ComputeConfig, ContrastConfig, HubConfig, SelectionRule, ValidationConfig
from emoclip.training.task_config import LoraSettings, TaskConfig


@dataclass(frozen=True)
class ModelConfig:
    """Where the weights and the tokenizer come from.

    Args:
        init: `clip` takes the towers of a CLIP checkpoint, `emoclip` an earlier run or converted checkpoint, `scratch`
            random weights.
        name: Hub id or folder for `clip` and `emoclip`.
        tokenizer: folder or Hub id of the tokenizer; by default it comes with `name`.
        config: fields of `EmoCLIPConfig`: all of them for `scratch`, overrides otherwise.
        processor: fields of `EmoCLIPVideoProcessor`; with `emoclip` they override those of the earlier run.
        class_descriptions: prompt set (`emoclip.evaluation.prompts`) that is saved with the model, so that tools know the
            text for a class name; never trained on. null keeps what an earlier run has.
        attention: `sdpa` or `eager` attention in the towers; null is transformers' choice. On CPUs `eager` is the faster one
            for the backward pass of small towers.
        identical_layers: let the layers of a new temporal transformer start as copies of the first, as EmotionCLIP's do; rates
            as low as its own leave them so.
    """

    init: Literal["clip", "emoclip", "scratch"] = "clip"
    name: str | None = "openai/clip-vit-base-patch32"
    tokenizer: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    processor: dict[str, Any] = field(default_factory=dict)
    class_descriptions: str | None = None
    attention: Literal["sdpa", "eager"] | None = None
    identical_layers: bool = False

    def __post_init__(self) -> None:
        if self.identical_layers and self.init == "emoclip":
            raise ValueError("`identical_layers` is for new layers, got true with init=emoclip, whose are trained.")
        if self.init != "scratch" and not self.name:
            raise ValueError(f"`name` must be a Hub id or a folder with init={self.init}, got {self.name!r}.")
        if self.init == "scratch" and not self.tokenizer:
            raise ValueError(f"`tokenizer` must be a folder or a Hub id with init=scratch, got {self.tokenizer!r}.")


@dataclass(frozen=True)
class DataConfig:
    """Which clips are trained on.

    Args:
        manifest: Parquet manifest of the data set.
        split: value of the column `split` to use; null takes all rows.
        fold: cross-validation: train on all folds but this one (`test_fold`), which is left for the test (needs split=train); null
            uses the fixed split.
        left_out_class: train without the clips of this class, to recognise it unseen.
        left_out_subject: train without the clips of this person.
        mix: further manifests whose training clips are mixed in, such as stills, each a clip of one frame; classes go by name.
        batch_size: clips per process and step; a contrast needs at least 2, of all processes together or with local negatives of each;
            a head 1.
        drop_last: leave out the clips of an epoch that fill no whole batch, as the papers do, and the batches that fill no whole
            `contrast.accumulate`. Otherwise they make a last, smaller batch, if every process gets at least two, and a last step of fewer
            batches.
        num_workers: processes that decode; 0 decodes in the training process.
        cache_frames: keep resized frames in memory after the first epoch (needs num_workers=0).
        cache_features: with a frozen image tower, embed every frame once and keep the embeddings on disk, for every fold, seed and head
            (needs optimizer.train_vision=none and no LoRA in the image tower).
        features_dir: where they are kept; one folder may serve all runs.
        feature_views: versions of each frame that are kept; null is the frame and, with `horizontal_flip`, its mirror image. Rotation
            and random crops are frozen into as many versions, at least two.
        feature_storage: `float16` halves the space.
        horizontal_flip: mirror half of the clips.
        rotation_degrees: rotate each clip by up to as much either way, 6 in EmoCLIP.
        random_crop: crop each `clip`, or each `frame` (EmotionCLIP), at a random place instead of the middle (not with
            cache_frames).
        subject_masks: give the model the boxes of the manifest as masks of the subject (not with cache_frames).
        sentiment: give the loss the `sentiment_logits` of the manifest; it is then the sentiment-guided one, with the model's
            `sentiment_beta` and `sentiment_kl_direction`.
        class_balanced: draw every class equally often; needs a label for every clip.
        bucket_by_length: fill batches with clips of like length, for stills beside clips.
        streaming: read the source shard by shard instead of by random access; it may then also be a folder of shards or the id of a
            data set on the Hub. Needs at least as many shards as processes times workers.
        clips_per_epoch: after how many clips an epoch of a stream ends; null asks the source.
    """

    manifest: Path
    split: str | None = "train"
    fold: int | None = None
    left_out_class: str | None = None
    left_out_subject: str | None = None
    mix: tuple[Path, ...] = ()
    batch_size: int = 128
    drop_last: bool = True
    num_workers: int = 2
    cache_frames: bool = False
    cache_features: bool = False
    features_dir: Path = Path("outputs/features")
    feature_views: int | None = None
    feature_storage: Literal["float32", "float16"] = "float32"
    horizontal_flip: bool = True
    rotation_degrees: float = 0.0
    random_crop: Literal["none", "clip", "frame"] = "none"
    subject_masks: bool = False
    sentiment: bool = False
    class_balanced: bool = False
    bucket_by_length: bool = False
    streaming: bool = False
    clips_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if self.cache_frames and (self.random_crop != "none" or self.subject_masks):
            raise ValueError(
                "`cache_frames` keeps the middle of the frames alone, so random_crop must be none and subject_masks false, got "
                f"{self.random_crop} and {self.subject_masks}."
            )
        if not 0 <= self.rotation_degrees <= 180:
            raise ValueError(f"`rotation_degrees` must be from 0 to 180, got {self.rotation_degrees}.")
        if self.feature_views is not None and self.feature_views < 1:
            raise ValueError(f"`feature_views` must be at least 1 or null, got {self.feature_views}.")
        is_drawn = bool(self.rotation_degrees) or self.random_crop != "none"
        if self.cache_features and is_drawn and (self.feature_views or 0) < 2:
            raise ValueError(
                "`cache_features` freezes rotation and random crops into `feature_views` versions of each frame, at least 2, got "
                f"{self.feature_views}; set it, or rotation_degrees=0 and random_crop=none."
            )
        if self.fold is not None and self.fold < 1:
            raise ValueError(f"`fold` counts from 1, got {self.fold}.")
        if self.fold is not None and self.split != "train":
            raise ValueError(
                f"`fold` trains on all other folds, so `split` must be train, got {self.split}: the clips of fold {self.fold} are for the "
                "test. Leave split out, or set fold=null."
            )
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")
        if self.num_workers < 0:
            raise ValueError(f"`num_workers` must be 0 or more, got {self.num_workers}.")
        if self.cache_frames and self.num_workers:
            raise ValueError(
                f"`cache_frames` needs num_workers=0, for every worker would fill a cache of its own; got {self.num_workers}."
            )
        self._check_streaming()

    def _check_streaming(self) -> None:
        if not self.streaming and self.clips_per_epoch is not None:
            raise ValueError(f"`clips_per_epoch` is for streams, got {self.clips_per_epoch} with streaming=false.")
        if self.clips_per_epoch is not None and self.clips_per_epoch < 1:
            raise ValueError(f"`clips_per_epoch` must be at least 1 or null, got {self.clips_per_epoch}.")
        if self.streaming and not self.drop_last:
            raise ValueError(
                "`drop_last` must be true with streaming=true, got false: the passes of a stream follow one another without a gap, so "
                "that no clip is left out and no batch is smaller."
            )
        needs_rows = ("cache_frames", "cache_features", "class_balanced", "bucket_by_length", "mix")
        for name in (*needs_rows, "left_out_class", "left_out_subject"):
            if self.streaming and getattr(self, name):
                remedy = _STREAM_REMEDIES.get(name, "")
                raise ValueError(f"`{name}` needs random access, so streaming must be false; got both.{remedy}")


_STREAM_REMEDIES = {
    "class_balanced": " A stream gives every clip once an epoch: put the clips of rare classes into the manifest several times, each "
    "under an id of its own, before data_scripts/shard.py, or leave streaming=false, for which shards are copied to disk once.",
    "bucket_by_length": " A stream mixes stills and clips: make a manifest and shards of each, or leave streaming=false, for which "
    "shards are copied to disk once.",
}


@dataclass(frozen=True)
class OptimizerConfig:
    """Optimiser, parameter groups and schedule. The defaults are EmoCLIP's fine-tuning (its `train.py`).

    Args:
        name: `sgd` (with momentum 0.9) or `adamw`.
        lr: highest rate of the temporal part and the logit scale.
        backbone_lr_scale: the towers learn at `lr` times this.
        train_vision: `all` or `none` of the image tower.
        train_text: `blocks` are the transformer blocks only (EmoCLIP leaves embeddings, last norm and projection frozen).
        weight_decay: on every parameter, as the original has it; with `adamw` not on biases, norms and the logit scale.
        groups: `emoclip`: the added part at `lr`, the towers at `backbone_lr_scale` of it. `emotionclip`: norms and biases of all parts
            at `lr` without decay, matrices and the logit scale at `matrix_lr` (`emoclip.training.emotionclip_recipe`).
        matrix_lr: for `groups: emotionclip`.
        betas, eps: of `adamw`. EmotionCLIP has 0.98 and 0.9, CLIP's own swapped, and 1e-6.
        schedule: `multistep` multiplies by `gamma` at each of `milestones` (epochs); `one_cycle` rises over `warmup` (a
            share of all steps) and falls as a cosine to 0; `emotionclip` rises over `warmup_steps` and follows a cosine by epochs;
            `constant`.
        min_logit_scale, max_logit_scale: bounds of the multiplier exp(logit_scale), kept after each step; null as in EmoCLIP.
        max_grad_norm: clip the gradient norm; null as in the original.
        word_prediction: weight of the auxiliary loss for towers from scratch (`emoclip.training.word_prediction`); 0 as in
            the original.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 1e-3
    backbone_lr_scale: float = 1e-3
    train_vision: Literal["all", "none"] = "all"
    train_text: Literal["all", "blocks", "none"] = "blocks"
    weight_decay: float = 5e-4
    groups: Literal["emoclip", "emotionclip"] = "emoclip"
    matrix_lr: float = 1e-8
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: Literal["multistep", "one_cycle", "emotionclip", "constant"] = "multistep"
    milestones: tuple[int, ...] = (15, 35, 50)
    gamma: float = 0.1
    warmup: float = 0.1
    warmup_steps: int = 10_000
    min_logit_scale: float | None = None
    max_logit_scale: float | None = None
    max_grad_norm: float | None = None
    word_prediction: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lr", "gamma", "matrix_lr", "eps", "warmup_steps"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be above 0, got {getattr(self, name)}.")
        for name in ("backbone_lr_scale", "weight_decay", "word_prediction"):
            if getattr(self, name) < 0:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}.")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"`warmup` is a share of all steps, from 0 to below 1, got {self.warmup}.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"`betas` must be from 0 to below 1, got {self.betas}.")
        for name in ("min_logit_scale", "max_logit_scale", "max_grad_norm"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"`{name}` must be above 0 or null, got {value}.")
        low, high = self.min_logit_scale, self.max_logit_scale
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"`min_logit_scale` must be at most `max_logit_scale`, got {low} and {high}; the multiplier lies between them."
            )


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Args:
        output_dir: the run's folder: `model/` (the Hub folder), `checkpoints/`, `metrics.jsonl`, `config.yaml`.
        task: what a clip is taught.
        lora: low-rank adapters in the towers; null trains without.
        epochs: passes over the data.
        max_steps: stop the whole schedule after so many optimiser steps, if that comes earlier.
        contrast: negatives across processes, batches beyond memory.
        compute: gradient checkpointing, compiling, kernels.
        validation: clips to score the model on while it trains; null does not.
        selection: the weights that the run hands out: the `last` ones, those at the end of the epoch with the lowest mean
            `train_loss`, or those with the best `validation` figure.
        seed: of initialisation, order, frame windows and captions.
        mixed_precision: `auto` is bf16 where the device computes it natively, else `no`.
        checkpoint_every: steps between checkpoints; null writes one after each epoch.
        keep_checkpoints: how many of the newest are kept.
        keep_every: also keep for good every checkpoint whose step is a multiple of this; null keeps none.
        log_every: steps between two lines of `metrics.jsonl`.
        tracker: where scalars go besides `metrics.jsonl`.
        max_loss: a loss above it stops the run before it is saved; null stops at losses that are no number alone. The contrast of a
            model whose multiplier is at most 100 cannot come far above 200.
        push_to_hub: the repository that the finished model is pushed to; null keeps it here.
    """

    output_dir: Path
    model: ModelConfig
    data: DataConfig
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    validation: ValidationConfig | None = None
    selection: SelectionRule = "last"
    task: TaskConfig = field(default_factory=TaskConfig)
    lora: LoraSettings | None = None
    epochs: int = 30
    max_steps: int | None = None
    seed: int = 0
    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    checkpoint_every: int | None = None
    keep_checkpoints: int = 2
    keep_every: int | None = None
    log_every: int = 10
    tracker: Literal["none", "tensorboard", "trackio", "wandb"] = "none"
    max_loss: float | None = 200.0
    push_to_hub: HubConfig | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "keep_checkpoints", "log_every", "max_steps", "checkpoint_every", "keep_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if self.max_loss is not None and self.max_loss <= 0:
            raise ValueError(f"`max_loss` must be above 0 or null, got {self.max_loss}.")
        if self.data.cache_features and self.optimizer.train_vision != "none":
            raise ValueError(
                "`data.cache_features` needs a frozen image tower, got "
                f"optimizer.train_vision={self.optimizer.train_vision}; set it to none."
            )
        self._check_selection()
        self._check_lora()
        if self.data.sentiment and self.task.soft_targets:
            raise ValueError(
                f"`data.sentiment` and `task.soft_targets` are two contrasts, got true and {self.task.soft_targets}; choose one."
            )
        if self.data.sentiment and self.task.same_text == "positives":
            raise ValueError(
                "`data.sentiment` and `task.same_text=positives` are two contrasts, got both; choose one."
            )
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` must be from 0 to 2**32 - 1, got {self.seed}.")

    def _check_selection(self) -> None:
        if self.selection == "validation" and self.validation is None:
            raise ValueError("`selection=validation` needs clips to validate on, got none; give validation.split.")
        if self.validation is None:
            return
        self.validation.check_metric(self.task.kind)
        if self.selection == "validation" and self.validation.is_test and not self.validation.allow_test:
            raise ValueError(
                "Weights selected on the split `test` make its figures too good; choose another validation.split, or say "
                "validation.allow_test=true, which the report then tells."
            )

    def _check_lora(self) -> None:
        if self.task.has_head and self.optimizer.word_prediction:
            raise ValueError(f"`optimizer.word_prediction` needs texts, got task.kind={self.task.kind}; set it to 0.")
        if self.lora is None:
            return
        for tower, trained in (("vision", self.optimizer.train_vision), ("text", self.optimizer.train_text)):
            if self.lora.towers in (tower, "both") and trained != "none":
                raise ValueError(
                    f"LoRA leaves the weights of the {tower} tower as they are, so `optimizer.train_{tower}` must be none, got {trained}."
                )
        if self.data.cache_features and self.lora.towers != "text":
            raise ValueError(
                f"`data.cache_features` needs a frozen image tower, got lora.towers={self.lora.towers}; set it to text."
            )
        if self.task.has_head and self.lora.towers != "vision":
            raise ValueError(
                f"A model with a head has no text tower, got lora.towers={self.lora.towers}; set it to vision."
            )


# Keys that may differ between a checkpoint and the run that resumes it: they change no weight.
FREE_ON_RESUME = frozenset(
    {
        "output_dir",
        "checkpoint_every",
        "keep_checkpoints",
        "keep_every",
        "log_every",
        "tracker",
        "max_loss",
        "push_to_hub",
        "push_to_hub.repo_id",
        "push_to_hub.private",
        # Runs begun earlier may have it without gradient_checkpointing, where it is refused by now.
        "compute.checkpoint_stride",
        "data.num_workers",
        "data.features_dir",
    }
)


__all__ = [
    "FREE_ON_RESUME",
    "ContrastConfig",
    "DataConfig",
    "LoraSettings",
    "ModelConfig",
    "OptimizerConfig",
    "TaskConfig",
    "TrainConfig",
]
