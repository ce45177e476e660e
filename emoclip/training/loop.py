# SPDX-License-Identifier: Apache-2.0
"""One training run: build, resume, loop, save."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from tqdm import tqdm

from emoclip.config_loading import config_to_dict
from emoclip.features import FrameFeatureStore
from emoclip.training.accelerator import build_accelerator
from emoclip.training.checkpoint import flatten, load_checkpoint, save_checkpoint
from emoclip.training.config import TrainConfig
from emoclip.training.data import Batch, CaptionedClips
from emoclip.training.frozen_features import frozen_features
from emoclip.training.meter import Meter, MeteredStep, check_healthy
from emoclip.training.metrics_log import MetricsLog
from emoclip.training.objective import Tensors
from emoclip.training.optimization import build_optimizer, set_rates
from emoclip.training.processes import HostExchange
from emoclip.training.regime import build_objective, build_regime
from emoclip.training.result import save_model
from emoclip.training.rows import data_fingerprint, training_rows
from emoclip.training.step import Updater
from emoclip.training.word_prediction import WordPrediction, inverse_document_frequency
from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder


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
        self.exchange = HostExchange()
        set_seed(config.seed)
        chosen = training_rows(config.data)
        model, self.processor, self.adapter = build_regime(config, chosen)
        self.data = CaptionedClips(
            config, self.processor, self.accelerator.process_index, self.accelerator.num_processes, chosen
        )
        self.fingerprint = data_fingerprint(config.data)
        head = self._build_word_prediction(model)
        optimizer = build_optimizer(model, config.optimizer, head, config.lora.lr if config.lora else None)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.heads = [] if head is None else [self.accelerator.prepare(head)]
        self.objective = build_objective(
            config, model, self.accelerator.process_index, self.accelerator.num_processes, self.heads
        )
        self.updater = Updater(config, self.accelerator, self.model, self.optimizer, self.objective, self.heads)
        if config.data.cache_features:
            self.data.use_features(self._frozen_features())
        self.steps_per_epoch = self._count_steps_per_epoch()
        all_steps = config.epochs * self.steps_per_epoch
        self.total_steps = min(all_steps, config.max_steps or all_steps)
        self.step = 0
        if checkpoint is not None:
            self.step = load_checkpoint(self.accelerator, config, checkpoint, self.fingerprint)

    def _build_word_prediction(self, model: EmoCLIPVideoEncoder) -> WordPrediction | None:
        """The auxiliary head, if the configuration asks for one."""
        if not self.config.optimizer.word_prediction:
            return None
        tokenizer = self.processor.tokenizer
        texts = self.data.texts()
        weights = inverse_document_frequency(
            tokenizer(texts, truncation=True)["input_ids"], len(tokenizer), tokenizer.all_special_ids
        )
        return WordPrediction(model.config.projection_dim, weights)

    def _count_steps_per_epoch(self) -> int:
        steps = len(self.data) // self.config.contrast.accumulate
        if not steps:
            raise ValueError(
                f"`contrast.accumulate` must be at most the {len(self.data)} batches of an epoch, got "
                f"{self.config.contrast.accumulate}."
            )
        return steps

    def _frozen_features(self) -> FrameFeatureStore:
        return frozen_features(
            self.config.data,
            self.data.rows,
            self.accelerator.unwrap_model(self.model),
            self.processor.video_processor,
            precision=self.accelerator.mixed_precision,
            show_progress=self.accelerator.is_main_process,
        )

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
            meter = Meter()
            while self.step < self.total_steps:
                self._train_epoch(meter, log, progress)
        return save_model(self)

    def _train_epoch(self, meter: Meter, log: MetricsLog, progress: tqdm) -> None:
        epoch, steps_done = divmod(self.step, self.steps_per_epoch)
        batches = iter(self.data.epoch(epoch, steps_done * self.config.contrast.accumulate))
        while self.step < min(self.total_steps, (epoch + 1) * self.steps_per_epoch):
            start = time.perf_counter()
            group = list(islice(batches, self.config.contrast.accumulate))
            self._take_step(group, time.perf_counter() - start, meter)
            self.step += 1
            progress.update()
            self._after_step(epoch, meter, log, progress)

    def _take_step(self, group: list[Batch], data_seconds: float, meter: Meter) -> None:
        for clip_id, message in (item for batch in group for item in batch.errors.items()):
            logger.warning(f"skipped clip {clip_id}: {message}", main_process_only=False)
        usable = list(self._usable(group))
        if not usable:
            return
        set_rates(self.optimizer, self.config.optimizer, self.step, self.total_steps, self.steps_per_epoch)
        loss = self.updater.update([(self._to_device(batch.inputs), counts) for batch, counts in usable])
        clip_ids = tuple(clip_id for batch, _ in usable for clip_id in batch.clip_ids)
        meter.add(MeteredStep(self.step + 1, loss, clip_ids, data_seconds))

    def _usable(self, group: list[Batch]) -> Iterator[tuple[Batch, list[int]]]:
        """Batches that have a loss in every process, with the number of rows of each; all processes leave out the same ones."""
        everywhere = self.exchange.all([len(batch.clip_ids) for batch in group])
        for batch, counts in zip(group, map(list, zip(*everywhere, strict=True)), strict=True):
            if self.objective.can_train(counts):
                yield batch, counts

    def _to_device(self, inputs: dict[str, torch.Tensor] | None) -> Tensors:
        inputs = dict(inputs or {})
        # The towers are causal or pooled at end-of-text, so right padding needs no mask and keeps the fused kernels.
        inputs.pop("attention_mask", None)
        if "frame_mask" in inputs and bool(inputs["frame_mask"].all()):
            inputs.pop("frame_mask")
        return {name: tensor.to(self.accelerator.device, non_blocking=True) for name, tensor in inputs.items()}

    def _after_step(self, epoch: int, meter: Meter, log: MetricsLog, progress: tqdm) -> None:
        config = self.config
        is_last = self.step == self.total_steps
        every = config.checkpoint_every or self.steps_per_epoch
        is_checkpoint = self.step % every == 0 or is_last
        is_logged = self.step % config.log_every == 0 or is_last
        if is_checkpoint or is_logged:
            check_healthy(meter, self.model.parameters(), config.max_loss)
        if is_logged:
            self._log(epoch, meter, log, progress)
        if is_checkpoint:
            save_checkpoint(self.accelerator, config, self.step, self.fingerprint)

    def _log(self, epoch: int, meter: Meter, log: MetricsLog, progress: tqdm) -> None:
        scalars = {name: self._mean(value) for name, value in meter.read().items()}
        if "clips_per_second" in scalars:
            scalars["clips_per_second"] *= self.accelerator.num_processes
        scale = getattr(self.accelerator.unwrap_model(self.model), "logit_scale", None)
        multiplier = {} if scale is None else {"logit_scale": scale.detach().exp().item()}
        log.write(self.step, {"epoch": epoch, **scalars, "lr": self._added_rate(), **multiplier})
        progress.set_postfix({name: f"{value:.4g}" for name, value in scalars.items()})

    def _mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        if self.accelerator.num_processes == 1:
            return value
        tensor = torch.tensor(value, device=self.accelerator.device)
        return float(self.accelerator.reduce(tensor, reduction="mean"))

    def _added_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])


def _loggable(config: TrainConfig) -> dict[str, Any]:
    """Hyperparameters as trackers take them: flat, and text where they are no numbers."""
    flat = flatten(config_to_dict(config))
    return {key: value if isinstance(value, int | float | bool) else str(value) for key, value in flat.items()}


__all__ = ["TrainingRun"]
