# SPDX-License-Identifier: Apache-2.0
"""The run as a whole: it learns, saves what it learned, and ends the same whether or not it was interrupted."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emoclip.config_loading import load_config
from emoclip.console import run_command
from emoclip.training.cli import main
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor
from tests.training.processes.launch import PATIENCE, Launched


ROOT = Path(__file__).parents[2]


def run_of(path: Path, overrides: list[str] | None = None) -> TrainingRun:
    return TrainingRun(load_config(TrainConfig, path, overrides or []))


def test_training_lowers_the_loss(write_run: Callable[..., Path]) -> None:
    """Twenty epochs on 22 clips: a loop that does not learn cannot fit even these."""
    run = run_of(write_run(epochs=20, optimizer__lr=5e-3, optimizer__backbone_lr_scale=1.0, checkpoint_every=1000))
    run.train()
    losses = [json.loads(line)["loss"] for line in (run.config.output_dir / "metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-3:]) / 3 < 0.8 * sum(losses[:3]) / 3


def test_the_result_is_a_loadable_hub_folder(write_run: Callable[..., Path]) -> None:
    """What was trained is what is loaded."""
    run = run_of(write_run(max_steps=3))
    folder = run.train()
    loaded = EmoCLIPModel.from_pretrained(folder)
    trained = run.accelerator.unwrap_model(run.model).state_dict()
    assert all(torch.equal(tensor, trained[name]) for name, tensor in loaded.state_dict().items())
    processor = EmoCLIPProcessor.from_pretrained(folder)
    assert processor.video_processor.num_frames == 5


def test_scalars_are_logged_step_by_step(write_run: Callable[..., Path]) -> None:
    """Loss, rate and scale, every `log_every` steps and at the end."""
    run = run_of(write_run(max_steps=5))
    run.train()
    lines = [json.loads(line) for line in (run.config.output_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert {"epoch", "loss", "lr", "logit_scale", "clips_per_second"} <= lines[0].keys()


def test_frozen_towers_do_not_move(write_run: Callable[..., Path]) -> None:
    """A frozen backbone that moves is another experiment."""
    run = run_of(
        write_run(
            max_steps=3, optimizer__train_vision="none", optimizer__train_text="none", optimizer__weight_decay=0.1
        )
    )
    before = {name: parameter.detach().clone() for name, parameter in run.model.named_parameters()}
    run.train()
    moved = {name for name, parameter in run.model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved
    assert all(name.startswith("temporal.") or name == "logit_scale" for name in moved)


def test_a_loss_that_explodes_stops_the_run(write_run: Callable[..., Path]) -> None:
    """Hours of NaN are saved over the last good weights otherwise."""
    run = run_of(write_run(epochs=5, checkpoint_every=1))
    with torch.no_grad():
        run.accelerator.unwrap_model(run.model).logit_scale.fill_(float("nan"))
    with pytest.raises(
        ValueError, match=r"loss must stay finite .* at step 1 with the clips train_\d{6}, train_\d{6}, "
    ):
        run.train()
    assert not (run.config.output_dir / "checkpoints").exists()


def test_an_exploding_loss_stops_the_run(write_run: Callable[..., Path]) -> None:
    """A finite loss of hundreds is as lost as NaN; but of ages or totals squared errors begin there, and no rate lowers them."""
    run = run_of(write_run(epochs=5, checkpoint_every=1, max_loss=1.0, optimizer__lr=1e-6))
    with pytest.raises(ValueError, match=r"at most 1, got 1\.\d+ at step 1 .* set max_loss=null"):
        run.train()
    assert not (run.config.output_dir / "checkpoints").exists()


def test_broken_weights_are_neither_validated_nor_taken_for_the_best(write_run: Callable[..., Path]) -> None:
    """A step with a sound loss whose update breaks the weights, right before a validation between two lines of the log."""
    validation = {"split": "test", "prompt_set": "synthetic_descriptions", "every": 1, "allow_test": True}
    run = run_of(write_run(log_every=100, checkpoint_every=100, selection="validation", validation=validation))
    update = run.updater.update

    def broken(batches):
        loss = update(batches)
        with torch.no_grad():
            next(iter(run.model.parameters())).fill_(float("inf"))
        return loss

    run.updater.update = broken
    with pytest.raises(ValueError, match=r"weights must stay finite, .* after step 1 with the clips train_\d{6}, "):
        run.train()
    assert not (run.config.output_dir / "best").exists()
    assert not (run.config.output_dir / "metrics.jsonl").exists()


def broken_world(world: Path, folder: Path, number: int) -> Path:
    """A copy of the world in which so many training clips are no videos."""
    copy = folder / "broken_world"
    shutil.copytree(world, copy)
    for path in sorted(copy.rglob("train_*.mp4"))[:number]:
        path.write_bytes(b"no video at all")
    return copy / "clips.parquet"


def test_a_run_that_can_read_no_clip_ends_with_an_error(
    write_run: Callable[..., Path], world: Path, tmp_path: Path
) -> None:
    """It would otherwise hand out the weights it began with as a success."""
    manifest = broken_world(world, tmp_path, 22)
    run = run_of(write_run(data__manifest=str(manifest), epochs=3))
    with pytest.raises(ValueError, match=r"got 5 in a row without; the last clip .* was train_\d{6}: "):
        run.train()
    assert not (run.config.output_dir / "model").exists()


def test_skipped_clips_are_counted_in_log_and_report(
    write_run: Callable[..., Path], world: Path, tmp_path: Path
) -> None:
    """A third of the data lost to a full disk shows nowhere else."""
    manifest = broken_world(world, tmp_path, 3)
    config = write_run(data__manifest=str(manifest), epochs=1, log_every=1, data__drop_last=False)
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["skipped_clips"] == 3
    assert lines[-1]["skipped_steps"] == 0
    assert "| skipped | 3 clips that could not be read, 0 steps |" in (folder / "report.md").read_text()


def test_last_batches_of_an_epoch_make_a_smaller_group(write_run: Callable[..., Path]) -> None:
    """Six batches in groups of four: `drop_last=false` must not lose the last two."""
    whole, cut = (
        run_of(write_run(contrast={"accumulate": 4}, data__drop_last=drop, epochs=1)) for drop in (False, True)
    )
    assert (whole.steps_per_epoch, cut.steps_per_epoch) == (2, 1)
    seen: list[int] = []
    update = whole.updater.update
    whole.updater.update = lambda batches: (seen.append(len(batches)), update(batches))[1]
    whole.train()
    assert seen == [4, 2]


def finish(run: Launched) -> str:
    printed = run.finish()
    assert run.process.returncode == 0, printed
    return printed


def test_killed_and_resumed_equals_uninterrupted(write_run: Callable[..., Path], tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch, then `--resume`: the final weights are equal bit for bit."""
    config = write_run(epochs=30, checkpoint_every=4, log_every=1, optimizer__word_prediction=0.5)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    finish(Launched(tmp_path, config, f"output_dir={straight}"))

    # Where this process waits for its turn longer than the run takes, the kill comes too late.
    for _ in range(5):
        shutil.rmtree(broken, ignore_errors=True)
        run = Launched(tmp_path, config, f"output_dir={broken}")
        try:
            run.wait_until(lambda: any((broken / "checkpoints").glob("0*")))
        finally:
            run.kill()
        if not (broken / "run.json").exists():
            break
    assert not (broken / "run.json").exists(), "the run ended before it could be killed"

    output = finish(Launched(tmp_path, config, f"output_dir={broken}", "--resume"))
    assert "Going on from" in output
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (straight, broken)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    steps = [json.loads(line)["step"] for line in (broken / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 151))


@pytest.mark.slow
def test_two_processes_train_on_the_two_halves(write_run: Callable[..., Path], world: Path, tmp_path: Path) -> None:
    """Two real processes with the auxiliary head, a tracker and a clip that cannot be read: they stay together to the end."""
    copy = tmp_path / "world"
    shutil.copytree(world, copy)
    (copy / "clips" / "000" / "train_000007.mp4").write_bytes(b"no video at all")
    config = write_run(
        epochs=2,
        data__batch_size=2,
        data__manifest=str(copy / "clips.parquet"),
        optimizer__word_prediction=0.5,
        tracker="tensorboard",
    )
    command = ["--standalone", "--nproc_per_node", "2", str(ROOT / "train.py"), "--config", str(config)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command, f"output_dir={tmp_path / 'two'}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "two" / "run.json").read_text())
    assert (record["num_processes"], record["steps"]) == (2, 10)  # 22 clips in global batches of 4: 5 steps an epoch
    assert done.stdout.count("The model is in") == 1
    lines = (tmp_path / "two" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6, 8, 10]
    states = (tmp_path / "two" / "checkpoints" / "00000010" / "training_state").glob("random_states_*.pkl")
    assert len(list(states)) == 2
