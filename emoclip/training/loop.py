# SPDX-License-Identifier: Apache-2.0
"""One training run: build, resume, loop, save."""

import contextlib
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate.logging import get_logger
from accelerate.utils import set_seed
from tqdm import tqdm

from emoclip.config_loading import config_to_dict
from emoclip.features import FrameFeatureStore
from emoclip.training.accelerator import build_accelerator, seed_process
from emoclip.training.checkpoint import abandon_later, load_checkpoint, save_checkpoint
from emoclip.training.checkpoint_probe import CheckpointProbe
from emoclip.training.compute import peak_memory, prepare_compute
from emoclip.training.config import TrainConfig
from emoclip.training.data import Batch, CaptionedClips
from emoclip.training.frozen_features import frozen_features
from emoclip.training.meter import Meter, MeteredStep, find_problem
from emoclip.training.metrics_log import MetricsLog, tracker_arguments
from emoclip.training.objective import Tensors
from emoclip.training.optimization import added_rate, build_optimizer, set_rates
from emoclip.training.processes import HostExchange
from emoclip.training.regime import build_objective, build_regime, check_contrast
from emoclip.training.result import save_model
from emoclip.training.rows import TrainingRows, training_rows
from emoclip.training.same_run import flatten, run_identity
from emoclip.training.selection import MeanLoss, Selection
from emoclip.training.sharding import fit_sharding
from emoclip.training.signals import Stopper
from emoclip.training.skipped import MAX_EMPTY_STEPS, Skipped
from emoclip.training.source import run_fingerprint
from emoclip.training.step import Updater
from emoclip.training.stream_clips import StreamedClips
from emoclip.training.validation import Validation
from emoclip.training.word_prediction import WordPrediction, inverse_document_frequency
from modeling_emoclip.video_encoder_emoclip import EmoCLIPVideoEncoder


logger = get_logger(__name__)


class TrainingRun:
    """Everything a run needs, built once; `train` does the work.

    The order of clips, their frame windows and captions are pure functions of (seed, epoch, clip), and the rate is one of the
    step; a checkpoint therefore holds weights, optimiser and the step, for streams the position too, and a resumed run ends with the
    weights of an uninterrupted one.

    Args:
        config: the run.
        checkpoint: where to go on, or None.
        is_rehearsal: leave out what takes long and writes: embedding the frames (`data.cache_features`). Not to be trained.

    Raises:
        ValueError: the configuration does not fit the data, the model or the checkpoint.
    """

    def __init__(self, config: TrainConfig, checkpoint: Path | None = None, *, is_rehearsal: bool = False):
        self.config = config
        self.accelerator = build_accelerator(config)
        check_contrast(config, self.accelerator.num_processes)
        self.exchange = HostExchange()
        set_seed(config.seed)
        # A stream knows its clips only as they come.
        chosen = None if config.data.streaming else training_rows(config.data)
        model, self.processor, self.adapter = build_regime(config, chosen)
        self.data = self._build_data(chosen)
        if self.data.num_sentiments:
            model.config.num_sentiments = self.data.num_sentiments
        self.validation = self._build_validation()
        self.fingerprint = run_fingerprint(config.data)
        self.identity = run_identity(self.accelerator, config, self.fingerprint)
        head = self._build_word_prediction(model)
        prepare_compute(model, config.compute)
        optimizer = build_optimizer(
            model, config.optimizer, head, config.lora.lr if config.lora else None, config.compute.kernels
        )
        self.model_class: type[EmoCLIPVideoEncoder] = type(model)
        scalars = fit_sharding(self.accelerator, model, optimizer)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.heads = [] if head is None else [self.accelerator.prepare(head)]
        self.objective = build_objective(
            config, model, self.accelerator.process_index, self.accelerator.num_processes, self.heads
        )
        self.updater = Updater(
            config, self.accelerator, self.model, self.optimizer, self.objective, self.heads, scalars
        )
        if isinstance(self.data, CaptionedClips) and config.data.cache_features and not is_rehearsal:
            self.data.use_features(self._frozen_features(self.data))
        self.steps_per_epoch = self._count_steps_per_epoch()
        all_steps = config.epochs * self.steps_per_epoch
        self.total_steps = min(all_steps, config.max_steps or all_steps)
        self.selection = Selection(config.output_dir, higher_is_better=config.selection == "validation")
        self.mean_loss = MeanLoss()
        self.skipped = Skipped(min(self.steps_per_epoch, self.total_steps, MAX_EMPTY_STEPS))
        self.stopper = Stopper()
        self.step = 0
        self.validation_is_due = False
        seed_process(config.seed, self.accelerator.process_index)
        if checkpoint is not None:
            self._resume(checkpoint, is_rehearsal=is_rehearsal)

    def _resume(self, checkpoint: Path, *, is_rehearsal: bool) -> None:
        state = load_checkpoint(self.accelerator, self.config, checkpoint, self.identity)
        self.step = int(state["step"])
        self.validation_is_due = bool(state.get("validation_is_due"))
        self.mean_loss.load_state(state, self.accelerator.process_index)
        self.skipped.load_state(state)
        writes = self.accelerator.is_main_process and not is_rehearsal
        self.selection.load_state(state, checkpoint.parent.parent, copies=writes)
        self.data.load_state(state["data"])
        # Only once all of it is loaded in every process may the course that is given up go.
        self.accelerator.wait_for_everyone()
        if writes:
            abandon_later(self.config.output_dir, checkpoint)

    def _build_data(self, chosen: TrainingRows | None) -> CaptionedClips | StreamedClips:
        place = (self.accelerator.process_index, self.accelerator.num_processes)
        if chosen is None:
            return StreamedClips(self.config, self.processor, *place)
        return CaptionedClips(self.config, self.processor, *place, chosen)

    def _build_validation(self) -> Validation | None:
        config = self.config
        if config.validation is None:
            return None
        way = CheckpointProbe if config.validation.is_probe else Validation
        return way(config, config.validation, self.processor, self.accelerator)

    def _build_word_prediction(self, model: EmoCLIPVideoEncoder) -> WordPrediction | None:
        """The auxiliary head, if the configuration asks for one."""
        if not self.config.optimizer.word_prediction:
            return None
        if isinstance(self.data, StreamedClips):
            raise ValueError(
                "`optimizer.word_prediction` looks at all captions first, so data.streaming must be false."
            )
        tokenizer = self.processor.tokenizer
        texts = self.data.texts()
        weights = inverse_document_frequency(
            tokenizer(texts, truncation=True)["input_ids"], len(tokenizer), tokenizer.all_special_ids
        )
        return WordPrediction(model.config.projection_dim, weights)

    def _count_steps_per_epoch(self) -> int:
        accumulate = self.config.contrast.accumulate
        if len(self.data) < accumulate:
            raise ValueError(
                f"`contrast.accumulate` must be at most the {len(self.data)} batches of an epoch, got {accumulate}."
            )
        # What fills no whole group goes with the batches that fill no whole batch.
        steps = len(self.data) // accumulate if self.config.data.drop_last else -(-len(self.data) // accumulate)
        return steps

    def _frozen_features(self, data: CaptionedClips) -> FrameFeatureStore:
        return frozen_features(
            self.config.data,
            data.rows,
            self.accelerator.unwrap_model(self.model),
            self.processor.video_processor,
            precision=self.accelerator.mixed_precision,
            show_progress=self.accelerator.is_main_process,
        )

    def train(self) -> Path | None:
        """Run the remaining steps and write the Hub folder; return its path, or None where a signal stopped the run.

        Raises:
            ChildProcessError: a process that decodes clips died; names the clip.
            OSError: a checkpoint could not be written.
            ValueError: a loss or the weights are not finite; names the clips.
        """
        config = self.config
        if config.tracker != "none":
            self.accelerator.init_trackers(
                "emoclip", config=_loggable(config), init_kwargs=tracker_arguments(config.tracker, self.step)
            )
        log = MetricsLog(self.accelerator, config.output_dir / "metrics.jsonl", self.step)
        self.model.train()
        progress = tqdm(
            total=self.total_steps,
            initial=self.step,
            unit="step",
            desc=config.output_dir.name,
            disable=not self.accelerator.is_main_process,
        )
        try:
            with progress, self.stopper.listening():
                meter = Meter()
                if self.validation_is_due:
                    with meter.paused():
                        self._validate(log)
                while self.step < self.total_steps:
                    if self._train_epoch(meter, log, progress):
                        return None
        except RuntimeError as error:
            # PyTorch tells of a dead worker wherever the process is just then.
            death = self.data.death(error)
            if death is None:
                raise
            raise ChildProcessError(death) from error
        finally:
            self.data.close()
        return save_model(self)

    def _train_epoch(self, meter: Meter, log: MetricsLog, progress: tqdm) -> bool:
        """Train to the end of the epoch; return whether a signal stopped it before the run's end."""
        epoch, steps_done = divmod(self.step, self.steps_per_epoch)
        batches = self.data.epoch(epoch, steps_done * self.config.contrast.accumulate)
        # Closed at once, also by an error, because its workers end with it.
        with contextlib.closing(batches):
            while self.step < min(self.total_steps, (epoch + 1) * self.steps_per_epoch):
                start = time.perf_counter()
                group = list(islice(batches, self.config.contrast.accumulate))
                stops = self._take_step(group, time.perf_counter() - start, meter)
                self.step += 1
                progress.update()
                stops = self._after_step(meter, log, progress, stops=stops)
                if stops and (self.step < self.total_steps or self.validation_is_due):
                    return True
        return False

    def _take_step(self, group: list[Batch], data_seconds: float, meter: Meter) -> bool:
        """Train on some batches; return whether any process was asked to stop."""
        errors = {clip_id: message for batch in group for clip_id, message in batch.errors.items()}
        lacks = {clip_id: message for batch in group for clip_id, message in batch.unfit.items()}
        for clip_id, message in {**errors, **lacks}.items():
            logger.warning(f"skipped clip {clip_id}: {message}", main_process_only=False)
        stops, (num_errors, num_unfit), usable = self._agree(group)
        self.skipped.add_clips(num_errors, errors)
        self.skipped.add_unfit(num_unfit, lacks)
        self.skipped.add_step(trained=bool(usable))
        if usable:
            set_rates(self.optimizer, self.config.optimizer, self.step, self.total_steps, self.steps_per_epoch)
            loss = self.updater.update([(self._to_device(batch.inputs), counts) for batch, counts in usable])
            clip_ids = tuple(clip_id for batch, _ in usable for clip_id in batch.clip_ids)
            meter.add(MeteredStep(self.step + 1, loss, clip_ids, data_seconds))
            self.mean_loss.add(loss)
        return stops

    def _agree(self, group: list[Batch]) -> tuple[bool, tuple[int, int], list[tuple[Batch, list[int]]]]:
        """Whether any process was asked to stop; how many clips could not be read, and not be taught; batches with the rows of each process."""
        skipped = [sum(len(batch.errors) for batch in group), sum(len(batch.unfit) for batch in group)]
        own = [int(self.stopper.requested), *skipped, *(len(batch.clip_ids) for batch in group)]
        stops, errors, unfit, *columns = (list(column) for column in zip(*self.exchange.all(own), strict=True))
        usable = [
            (batch, counts) for batch, counts in zip(group, columns, strict=True) if self.objective.can_train(counts)
        ]
        return any(stops), (sum(errors), sum(unfit)), usable

    def try_step(self, group: list[Batch]) -> None:
        """Do what a step does except for its update."""
        _, _, usable = self._agree(group)
        if not usable:
            return
        self.updater.backward([(self._to_device(batch.inputs), counts) for batch, counts in usable])
        self.optimizer.zero_grad()

    def _to_device(self, inputs: dict[str, torch.Tensor] | None) -> Tensors:
        inputs = dict(inputs or {})
        # The towers are causal or pooled at end-of-text, so right padding needs no mask and keeps the fused kernels.
        inputs.pop("attention_mask", None)
        if "frame_mask" in inputs and bool(inputs["frame_mask"].all()):
            inputs.pop("frame_mask")
        return {name: tensor.to(self.accelerator.device, non_blocking=True) for name, tensor in inputs.items()}

    def _after_step(self, meter: Meter, log: MetricsLog, progress: tqdm, *, stops: bool) -> bool:
        """Check, log, validate, choose and save, where it is time to; return whether the run stops here, which it then saves at once."""
        config = self.config
        is_last = self.step == self.total_steps
        is_epoch_end = self.step % self.steps_per_epoch == 0 or is_last
        is_logged = self.step % config.log_every == 0 or is_last
        if self.validation is not None and (is_last or self._is_time(self.validation.config.every)):
            self.validation_is_due = True
            # It takes long: a scheduler that waits for the run is answered first, and the resumed run begins with it.
            stops = stops or any(flag for (flag,) in self.exchange.all([int(self.stopper.requested)]))
        is_checkpoint = is_last or stops or self._is_time(config.checkpoint_every)
        if is_checkpoint or is_logged or is_epoch_end or self.validation_is_due:
            self._check_health(meter)
        if is_logged:
            self._log(meter, log, progress)
        with meter.paused():
            if self.validation_is_due and not stops:
                self._validate(log)
            if is_epoch_end:
                loss = self._mean(self.mean_loss.read())
                if config.selection == "train_loss" and self.selection.is_better(loss):
                    self.selection.take(self.step, loss, self._weights())
            if is_checkpoint:
                self._save()
        return stops

    def _save(self) -> None:
        losses = self.mean_loss.state(self.exchange.all_real)
        progress = {**self.selection.state(), **losses, **self.skipped.state()}
        save_checkpoint(
            self.accelerator,
            self.config,
            self.step,
            self.identity,
            progress={**progress, "validation_is_due": self.validation_is_due},
            data_state=self.data.state(),
        )

    def _epoch(self) -> int:
        """The epoch of the last step."""
        return (self.step - 1) // self.steps_per_epoch

    def _is_time(self, every: int | None) -> bool:
        return self.step % (every or self.steps_per_epoch) == 0

    def _check_health(self, meter: Meter) -> None:
        """Stop all processes where one of them is ill."""
        problem = find_problem(meter, self.model.parameters(), self.config.max_loss)
        ill = [rank for rank, (flag,) in enumerate(self.exchange.all([int(problem is not None)])) if flag]
        if problem is not None:
            raise ValueError(problem)
        if ill:
            raise ValueError(f"The loss or the weights of process {ill[0]} must stay finite, see its message.")

    def _validate(self, log: MetricsLog) -> None:
        self.validation_is_due = False
        if self.validation is None:
            return
        figures = self.validation(self.accelerator.unwrap_model(self.model))
        log.write(
            self.step, {"epoch": self._epoch(), **{f"validation_{name}": value for name, value in figures.items()}}
        )
        value = figures[self.validation.config.metric]
        if self.config.selection == "validation" and self.selection.is_better(value):
            self.selection.take(self.step, value, self._weights())

    def _weights(self) -> dict[str, torch.Tensor] | None:
        """The weights, in the main process; every process must call it."""
        weights = self.accelerator.get_state_dict(self.model)
        return weights if self.accelerator.is_main_process else None

    def _log(self, meter: Meter, log: MetricsLog, progress: tqdm) -> None:
        scalars = {name: self._mean(value) for name, value in meter.read().items()}
        if "clips_per_second" in scalars:
            scalars["clips_per_second"] *= self.accelerator.num_processes
        scale = getattr(self.accelerator.unwrap_model(self.model), "logit_scale", None)
        multiplier = {} if scale is None else {"logit_scale": scale.detach().exp().item()}
        scalars["peak_memory_gb"] = peak_memory() / 1024**3
        figures = {**scalars, "lr": added_rate(self.optimizer), **multiplier, **self.skipped.scalars()}
        log.write(self.step, {"epoch": self._epoch(), **figures})
        progress.set_postfix({name: f"{value:.4g}" for name, value in scalars.items()})

    def _mean(self, value: float) -> float:
        """The mean of a number over the processes."""
        if self.accelerator.num_processes == 1:
            return value
        tensor = torch.tensor(value, device=self.accelerator.device, dtype=torch.float64)
        return float(self.accelerator.reduce(tensor, reduction="mean"))


def _loggable(config: TrainConfig) -> dict[str, Any]:
    """Hyperparameters as trackers take them: flat, and text where they are no numbers."""
    flat = flatten(config_to_dict(config))
    return {key: value if isinstance(value, int | float | bool) else str(value) for key, value in flat.items()}


__all__ = ["TrainingRun"]
