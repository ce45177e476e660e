# SPDX-License-Identifier: Apache-2.0
"""One training run: build, resume, loop, save."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from tqdm import tqdm

from emoclip.config_loading import config_to_dict, dump_config
from emoclip.console import require
from emoclip.data.manifest import fingerprint, read_manifest
from emoclip.export.card import model_card
from emoclip.export.hub_folder import save_hub_folder
from emoclip.precision import autocast_dtype
from emoclip.provenance import command_line, git_commit
from emoclip.training.build import build_model
from emoclip.training.checkpoint import flatten, load_checkpoint, save_checkpoint
from emoclip.training.config import TrainConfig
from emoclip.training.data import CaptionedClips
from emoclip.training.metrics_log import MetricsLog
from emoclip.training.optimization import build_optimizer, clamp_logit_scale, rate_factor, select_trainable, set_rates
from emoclip.training.word_prediction import WordPrediction, inverse_document_frequency
from modeling_emoclip import EmoCLIPModel


logger = get_logger(__name__)


class TrainingRun:
    """Everything a run needs, built once; `train` does the work.

    The order of clips, their frame windows and captions are pure functions of (seed, epoch, clip), and the rate is one of the
    step; a checkpoint therefore holds weights, optimiser and the step, and a resumed run ends with the weights of an
    uninterrupted one.

    Args:
        config: the run.
        checkpoint: where to go on, or None.

    Raises:
        ValueError: the configuration does not fit the data, the model or the checkpoint.
    """

    def __init__(self, config: TrainConfig, checkpoint: Path | None = None):
        self.config = config
        self.accelerator = build_accelerator(config)
        set_seed(config.seed)
        model, self.processor = build_model(config.model)
        select_trainable(model, config.optimizer)
        self.data = CaptionedClips(
            config, self.processor, self.accelerator.process_index, self.accelerator.num_processes
        )
        self.fingerprint = fingerprint(config.data.manifest)
        head = self._build_word_prediction(model)
        optimizer = build_optimizer(model, config.optimizer, head)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.word_prediction = None if head is None else self.accelerator.prepare(head)
        if config.data.cache_features:
            self.data.use_features(self._encode_frames)
        all_steps = config.epochs * len(self.data)
        self.total_steps = min(all_steps, config.max_steps or all_steps)
        self.step = 0
        if checkpoint is not None:
            self.step = load_checkpoint(self.accelerator, config, checkpoint, self.fingerprint)

    def _build_word_prediction(self, model: EmoCLIPModel) -> WordPrediction | None:
        """The auxiliary head, if the configuration asks for one."""
        if not self.config.optimizer.word_prediction:
            return None
        tokenizer = self.processor.tokenizer
        texts = [caption for captions in self.data.captions for caption in captions]
        weights = inverse_document_frequency(
            tokenizer(texts, truncation=True)["input_ids"], len(tokenizer), tokenizer.all_special_ids
        )
        return WordPrediction(model.config.projection_dim, weights)

    @torch.no_grad()
    def _encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """Frame embeddings (1, G, D) by the frozen tower, in the number format of training."""
        model = self.accelerator.unwrap_model(self.model)
        with self.accelerator.autocast():
            return model.get_frame_features(pixels.to(self.accelerator.device))

    def train(self) -> Path:
        """Run the remaining steps and write the Hub folder; return its path."""
        config = self.config
        if config.tracker != "none":
            self.accelerator.init_trackers("emoclip", config=_loggable(config))
        log = MetricsLog(self.accelerator, config.output_dir / "metrics.jsonl", self.step)
        self.model.train()
        progress = tqdm(
            total=self.total_steps,
            initial=self.step,
            unit="step",
            desc=config.output_dir.name,
            disable=not self.accelerator.is_main_process,
        )
        with progress:
            meter = _Meter()
            while self.step < self.total_steps:
                self._train_epoch(meter, log, progress)
        return self._save_model()

    def _train_epoch(self, meter: "_Meter", log: MetricsLog, progress: tqdm) -> None:
        epoch, first_batch = divmod(self.step, len(self.data))
        for inputs, errors in self.data.epoch(epoch, first_batch):
            for clip_id, message in errors.items():
                logger.warning(f"skipped clip {clip_id}: {message}", main_process_only=False)
            if self._everywhere(inputs is not None) and inputs is not None:
                meter.add(self._update(inputs), len(inputs["input_ids"]))
            self.step += 1
            progress.update()
            self._after_step(epoch, meter, log, progress)
            if self.step >= self.total_steps:
                return

    def _everywhere(self, condition: bool) -> bool:
        """Whether a condition holds in every process; a step that one process skips would leave the others waiting."""
        if self.accelerator.num_processes == 1:
            return condition
        counts = torch.tensor(int(condition), device=self.accelerator.device)
        return int(self.accelerator.reduce(counts, reduction="sum")) == self.accelerator.num_processes

    def _update(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """One optimiser step; the contrastive loss, detached."""
        optimizer_config = self.config.optimizer
        set_rates(self.optimizer, rate_factor(optimizer_config, self.step, self.total_steps, len(self.data)))
        inputs = {name: tensor.to(self.accelerator.device, non_blocking=True) for name, tensor in inputs.items()}
        # The towers are causal or pooled at end-of-text, so right padding needs no mask and keeps the fused kernels.
        inputs.pop("attention_mask")
        if bool(inputs["frame_mask"].all()):
            inputs.pop("frame_mask")
        output = self.model(**inputs, return_loss=True)
        loss = output.loss
        if self.word_prediction is not None:
            words = self.word_prediction(output.video_embeds, output.text_embeds, inputs["input_ids"])
            loss = loss + optimizer_config.word_prediction * words
        self.accelerator.backward(loss)
        if optimizer_config.max_grad_norm is not None:
            heads = () if self.word_prediction is None else self.word_prediction.parameters()
            self.accelerator.clip_grad_norm_([*self.model.parameters(), *heads], optimizer_config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        clamp_logit_scale(self.accelerator.unwrap_model(self.model).logit_scale, optimizer_config.max_logit_scale)
        return output.loss.detach()

    def _after_step(self, epoch: int, meter: "_Meter", log: MetricsLog, progress: tqdm) -> None:
        config = self.config
        is_last = self.step == self.total_steps
        every = config.checkpoint_every or len(self.data)
        is_checkpoint = self.step % every == 0 or is_last
        if is_checkpoint:
            self._check_finite(meter)
        if self.step % config.log_every == 0 or is_last:
            self._check_finite(meter)
            scalars = {name: self._mean(value) for name, value in meter.read().items()}
            if "clips_per_second" in scalars:
                scalars["clips_per_second"] *= self.accelerator.num_processes
            scale = self.accelerator.unwrap_model(self.model).logit_scale.detach().exp().item()
            log.write(self.step, {"epoch": epoch, **scalars, "lr": self._added_rate(), "logit_scale": scale})
            progress.set_postfix({name: f"{value:.4g}" for name, value in scalars.items()})
        if is_checkpoint:
            save_checkpoint(self.accelerator, config, self.step, self.fingerprint)

    def _check_finite(self, meter: "_Meter") -> None:
        """Raise before a broken model is logged or saved; looks at the losses and, since the last step, at the weights."""
        loss = meter.worst_loss()
        weights = all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters())
        if not weights or not loss < float("inf"):
            raise ValueError(
                f"The loss must stay finite, got {loss} near step {self.step}"
                f"{'' if weights else ' and weights that are not finite'}; the last checkpoint is kept. Lower optimizer.lr or "
                "set optimizer.max_grad_norm."
            )

    def _mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        if self.accelerator.num_processes == 1:
            return value
        tensor = torch.tensor(value, device=self.accelerator.device)
        return float(self.accelerator.reduce(tensor, reduction="mean"))

    def _added_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _save_model(self) -> Path:
        output = self.config.output_dir / "model"
        if self.accelerator.is_main_process:
            model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
            card = model_card(
                model.config, licence=read_manifest(self.config.data.manifest).licence.lower(), training=self._story()
            )
            save_hub_folder(model.eval(), self.processor, output, card=card, overwrite=True)
        self.accelerator.wait_for_everyone()
        return output

    def _story(self) -> str:
        """What the card says of the training."""
        config = self.config
        start = config.model.name if config.model.init != "scratch" else "random weights"
        return (
            f"Started from {start}. Trained for {self.step:,} steps on {len(self.data.clip_ids):,} captioned clips of "
            f"`{config.data.manifest}` (sha256 `{self.fingerprint}`), seed {config.seed}, commit "
            f"`{git_commit() or 'unknown'}`.\n\n```bash\n{command_line()}\n```\n\n"
            f"The resolved configuration:\n\n```yaml\n{dump_config(config)}```"
        )


class _Meter:
    """Mean loss and clips per second since it was last read; losses stay on their device until then."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._clips = 0
        self._start = time.perf_counter()

    def add(self, loss: torch.Tensor, clips: int) -> None:
        """Take note of one step."""
        self._losses.append(loss)
        self._clips += clips

    def worst_loss(self) -> float:
        """The largest loss since the last reading, NaN if one was NaN; 0 if there was no step."""
        return torch.stack(self._losses).max().item() if self._losses else 0.0

    def read(self) -> dict[str, float]:
        """The figures since the last call; empty if there was no step."""
        if not self._losses:
            return {}
        seconds = time.perf_counter() - self._start
        scalars = {"loss": torch.stack(self._losses).mean().item(), "clips_per_second": self._clips / seconds}
        self._reset()
        return scalars


def build_accelerator(config: TrainConfig) -> Accelerator:
    """The accelerator with the configured precision and tracker.

    Raises:
        ImportError: the tracker is not installed.
    """
    precision = config.mixed_precision
    if config.tracker != "none":
        require(config.tracker, "train")
    device = process_state().device
    if precision == "auto":
        precision = "bf16" if autocast_dtype(device) is torch.bfloat16 else "no"
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision=precision,
        log_with=None if config.tracker == "none" else config.tracker,
        project_dir=str(config.output_dir),
    )


def process_state() -> PartialState:
    """Which process this is and its device; started here, because without `cpu` Accelerate runs one process on CPUs."""
    wants_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    return PartialState(cpu=wants_cpu or not torch.accelerator.is_available())


def _loggable(config: TrainConfig) -> dict[str, Any]:
    """Hyperparameters as trackers take them: flat, and text where they are no numbers."""
    flat = flatten(config_to_dict(config))
    return {key: value if isinstance(value, int | float | bool) else str(value) for key, value in flat.items()}


__all__ = ["TrainingRun", "build_accelerator"]
