# SPDX-License-Identifier: Apache-2.0
"""A run that was stopped anywhere and goes on ends with the weights of an uninterrupted one, bit for bit."""

import itertools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emoclip.config_loading import load_config
from emoclip.data.sharding import write_shards
from emoclip.training.checkpoint import find_checkpoint
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from tests.training.processes.launch import PATIENCE, Launched


DROPOUT = {
    "model__config__text_config__attention_dropout": 0.3,
    "model__config__vision_config__attention_dropout": 0.2,
}
SCENARIOS = {
    "dropout": {**DROPOUT, "optimizer__word_prediction": 0.5},
    "accumulated": {**DROPOUT, "contrast": {"accumulate": 2, "chunk_size": 2}, "data__batch_size": 3},
    "kept_last_batch": {"data__drop_last": False},
    "validated": {
        "selection": "validation",
        "validation": {"split": "test", "prompt_set": "synthetic_descriptions", "every": 2, "allow_test": True},
    },
    "adapters": {
        **DROPOUT,
        "lora": {"rank": 3, "dropout": 0.2, "lr": 0.01},
        "optimizer__train_vision": "none",
        "optimizer__train_text": "none",
    },
    "stored_features": {
        **DROPOUT,
        "optimizer__train_vision": "none",
        "data__cache_features": True,
        "data__cache_frames": False,
    },
    "lowest_loss": {"selection": "train_loss"},
    "stream": {"data__streaming": True, "data__cache_frames": False},
    "stream_with_workers": {"data__streaming": True, "data__cache_frames": False, "data__num_workers": 2},
}


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def assert_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []


def run_until(config: Path, output: Path, stop_after: int | None) -> TrainingRun:
    """A run, gone on with from where it stopped last; after so many steps a real signal asks it to stop."""
    loaded = load_config(TrainConfig, config, [f"output_dir={output}"])
    run = TrainingRun(loaded, find_checkpoint(output, "auto"))
    update, calls = run.updater.update, itertools.count(1)

    def counted(batches):
        if next(calls) == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(batches)

    run.updater.update = counted
    assert (run.train() is None) == (stop_after is not None)
    return run


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_stopped_in_the_middle_of_an_epoch(write_run: Callable[..., Path], tmp_path: Path, scenario: str) -> None:
    """Twice stopped by a signal, in two different epochs, at steps that have no checkpoint of their own."""
    features = {"data__features_dir": str(tmp_path / "features")}
    config = write_run(epochs=3, log_every=1, checkpoint_every=100, **features, **SCENARIOS[scenario])
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    whole = run_until(config, straight, None)
    assert whole.steps_per_epoch >= 3
    first = run_until(config, broken, 1)
    # The signal comes in a step after the exchange of that step; the next one tells everybody.
    assert first.step == 2
    second = run_until(config, broken, whole.steps_per_epoch - 1)
    assert first.step < second.step < whole.total_steps
    last = run_until(config, broken, None)
    assert_equal(weights_of(broken), weights_of(straight))
    assert (last.selection.best_step, last.selection.best_value) == (
        whole.selection.best_step,
        whole.selection.best_value,
    )
    lines = [
        [
            {
                name: value
                for name, value in json.loads(line).items()
                if name not in ("clips_per_second", "data_wait", "peak_memory_gb")
            }
            for line in (folder / "metrics.jsonl").read_text().splitlines()
        ]
        for folder in (straight, broken)
    ]
    assert lines[0] == lines[1]


def test_a_stop_does_not_wait_for_a_validation(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """A scheduler kills after seconds, and a validation takes minutes: the run saves first, and begins with it when it goes on.

    Asked to stop in the step that ends an epoch, and in the last one of all.
    """
    config = write_run(epochs=2, log_every=1, **SCENARIOS["validated"])
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    whole = run_until(config, straight, None)
    for steps in (2, whole.total_steps - 2):
        stopped = run_until(config, broken, steps)
        assert stopped.validation_is_due
        validated = [line["step"] for line in map(json.loads, lines_of(broken)) if "validation_uar" in line]
        assert stopped.step not in validated
    last = run_until(config, broken, None)
    assert last.step == whole.total_steps
    assert (last.selection.best_step, last.selection.best_value) == (
        whole.selection.best_step,
        whole.selection.best_value,
    )
    lines = [
        [line for line in map(json.loads, lines_of(folder)) if "validation_uar" in line]
        for folder in (straight, broken)
    ]
    assert lines[0] == lines[1]
    assert_equal(weights_of(broken), weights_of(straight))


def test_stream_of_shards_is_trained_on_whole(write_run: Callable[..., Path], world: Path, tmp_path: Path) -> None:
    """A folder of shards has no manifest: count, fingerprint and licence come from its index."""
    write_shards(world / "clips.parquet", tmp_path / "set", shard_bytes=20_000)
    config = write_run(
        max_steps=7, data__manifest=str(tmp_path / "set"), data__streaming=True, data__cache_frames=False
    )
    run = TrainingRun(load_config(TrainConfig, config))
    assert (run.data.num_clips, run.steps_per_epoch) == (22, 5)
    seen: list[str] = []
    epoch = run.data.epoch
    run.data.epoch = lambda *where: (seen.extend(batch.clip_ids) or batch for batch in epoch(*where))
    run.train()
    assert len(set(seen[:22])) == 22
    assert len(seen) == 28


def lines_of(output: Path) -> list[str]:
    path = output / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "scenario"), [(1, "dropout"), (1, "stream_with_workers"), (2, "accumulated"), (2, "stream")]
)
def test_killed_at_random_moments(
    write_run: Callable[..., Path], tmp_path: Path, processes: int, scenario: str
) -> None:
    """SIGKILL of all processes after a random time, during saving too, then the same command until the run is through."""
    options = {**SCENARIOS[scenario], **({"data__batch_size": 3} if processes == 2 else {})}
    # Enough steps that no machine is through in the half second before the first kill.
    config = write_run(epochs=60 if processes == 2 else 30, log_every=1, checkpoint_every=2, **options)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    printed = Launched(tmp_path, config, f"output_dir={straight}", processes=processes).finish()
    assert (straight / "run.json").exists(), printed
    moments, num_killed = random.Random(5), 0
    for _ in range(4):
        run = Launched(tmp_path, config, f"output_dir={broken}", "--resume", processes=processes)
        try:
            before = lines_of(broken)
            run.wait_until(lambda seen=before: lines_of(broken) != seen or (broken / "run.json").exists())
            time.sleep(moments.uniform(0, 0.5))
        finally:
            run.kill()
        num_killed += not (broken / "run.json").exists()
    assert num_killed  # otherwise nothing was interrupted
    printed = Launched(tmp_path, config, f"output_dir={broken}", "--resume", processes=processes).finish()
    assert (broken / "run.json").exists(), printed
    assert_equal(weights_of(broken), weights_of(straight))


@pytest.mark.slow
@pytest.mark.parametrize("streaming", [False, True])
def test_a_signal_to_the_whole_group_saves_and_ends(
    write_run: Callable[..., Path], tmp_path: Path, streaming: bool
) -> None:
    """Schedulers signal every process of a job; workers that die of it would take the run with them."""
    config = write_run(
        epochs=100_000,  # never through before the signal, however fast the machine
        log_every=1,
        checkpoint_every=1_000_000,
        data__num_workers=2,
        data__cache_frames=False,
        data__streaming=streaming,
    )
    output = tmp_path / "run"
    last = 0
    for _ in range(2):
        run = Launched(tmp_path, config, f"output_dir={output}", "--resume")
        try:
            before = len(lines_of(output))
            run.wait_until(lambda count=before: len(lines_of(output)) > count)
            os.killpg(run.process.pid, signal.SIGTERM)
        except BaseException:
            run.kill()
            raise
        printed = run.finish()
        assert run.process.returncode == 128 + signal.SIGTERM, printed
        assert "Stopped by SIGTERM and saved at step" in printed
        checkpoint = find_checkpoint(output, "auto")
        assert checkpoint is not None and int(checkpoint.name) > last
        last = int(checkpoint.name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "environment"),
    [
        (signal.SIGTERM, {}),
        (signal.SIGUSR1, {"PET_SIGNALS_TO_HANDLE": "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"}),
    ],
)
def test_a_signal_to_torchrun_saves_in_all_processes(
    write_run: Callable[..., Path], tmp_path: Path, number: signal.Signals, environment: dict[str, str]
) -> None:
    """Torchrun passes the signal on and waits; its own exit code is 1, so a job script must look at what was saved."""
    config = write_run(epochs=100_000, log_every=1, checkpoint_every=1_000_000, data__batch_size=2)
    output = tmp_path / "run"
    # On a busy machine a step and a checkpoint may take longer than the launcher's half minute.
    patient = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(PATIENCE), **environment}
    run = Launched(tmp_path, config, f"output_dir={output}", "--resume", processes=2, environment=patient)
    try:
        run.wait_until(lambda: len(lines_of(output)) > 2)
        run.process.send_signal(number)
    except BaseException:
        run.kill()
        raise
    printed = run.finish()
    assert run.process.returncode == 1, printed
    assert f"Stopped by {number.name} and saved at step" in printed
    checkpoint = find_checkpoint(output, "auto")
    assert checkpoint is not None
    assert len(list((checkpoint / "training_state").glob("random_states_*.pkl"))) == 2


@pytest.mark.slow
def test_lowest_loss_of_two_processes_resumes_exactly(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """With `local` negatives each process has losses of its own, and the mean over an epoch needs those of both before the stop."""
    config = write_run(
        epochs=1,
        checkpoint_every=2,
        keep_checkpoints=9,
        selection="train_loss",
        contrast={"negatives": "local"},
        data__batch_size=2,
    )
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    printed = Launched(tmp_path, config, f"output_dir={straight}", processes=2).finish()
    assert (straight / "run.json").exists(), printed
    start = straight / "checkpoints" / "00000002"
    printed = Launched(tmp_path, config, f"output_dir={broken}", "--resume", str(start), processes=2).finish()
    assert (broken / "run.json").exists(), printed
    assert len(set(json.loads((start / "trainer_state.json").read_text())["loss_sums"])) == 2
    ends = [json.loads((run / "checkpoints/00000005/trainer_state.json").read_text()) for run in (straight, broken)]
    assert ends[0]["best_value"] == ends[1]["best_value"]
    assert_equal(weights_of(broken), weights_of(straight))
