# SPDX-License-Identifier: Apache-2.0
"""`train.py` as a user meets it: refusals before work starts, nothing overwritten."""

import importlib
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.console import run_command
from emoclip.training.cli import main, parse_arguments


def test_bare_resume_may_stand_before_overrides() -> None:
    """`--resume seed=3` means the newest checkpoint, not a folder called seed=3."""
    arguments = parse_arguments(["--config", "x.yaml", "a=1", "--resume", "seed=3"])
    assert arguments.resume == "auto"
    assert arguments.overrides == ["a=1", "seed=3"]


def test_existing_run_is_never_overwritten_unasked(write_run: Callable[..., Path], capsys) -> None:
    """A night's work must survive a forgotten flag."""
    config = write_run(max_steps=2)
    assert run_command(main, ["--config", str(config)]) == 0
    model = config.parent / "run" / "model" / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert run_command(main, ["--config", str(config)]) == 2
    assert "holds an earlier run; pass --resume" in capsys.readouterr().err
    assert model.stat().st_mtime_ns == before
    assert run_command(main, ["--config", str(config), "--resume"]) == 0
    assert "is complete" in capsys.readouterr().out
    assert run_command(main, ["--config", str(config), "--overwrite"]) == 0
    assert model.stat().st_mtime_ns != before


def test_overwrite_spares_folders_that_are_no_run(write_run: Callable[..., Path], tmp_path: Path, capsys) -> None:
    """`--overwrite` with a mistyped folder must not delete somebody's data."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    assert run_command(main, ["--config", str(write_run()), f"output_dir={precious}", "--overwrite"]) == 2
    assert "deletes run folders only" in capsys.readouterr().err
    assert (precious / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optimizer.lrr=1"], "Unknown key `optimizer.lrr`"),
        (["epochs=ten"], "`epochs` must be an integer"),
        (["data.manifest=missing.parquet"], "missing.parquet"),
        (["data.split=holdout"], "holdout"),
        (["data.batch_size=23"], "at most the number of clips, 22"),
        (["model.tokenizer=nowhere/at/all"], "nowhere/at/all"),
        (["--resume", "nowhere"], "got nowhere"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    write_run: Callable[..., Path], arguments: list[str], message: str, capsys
) -> None:
    """No traceback for what a user can repair."""
    assert run_command(main, ["--config", str(write_run()), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


def test_resume_under_another_configuration_is_refused(write_run: Callable[..., Path], capsys) -> None:
    """The message names the keys."""
    config = write_run(max_steps=2)
    assert run_command(main, ["--config", str(config)]) == 0
    (config.parent / "run" / "run.json").unlink()
    assert run_command(main, ["--config", str(config), "seed=9", "--resume"]) == 2
    assert "seed (0 there, 9 now)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "override", ["data.manifest=missing.parquet", "data.split=holdout", "model.tokenizer=nowhere"]
)
def test_overwrite_deletes_nothing_before_everything_is_checked(
    write_run: Callable[..., Path], override: str, capsys
) -> None:
    """A typo beside `--overwrite` must not cost the finished run."""
    config = write_run(max_steps=2)
    assert run_command(main, ["--config", str(config)]) == 0
    assert run_command(main, ["--config", str(config), override, "--overwrite"]) == 2
    assert (config.parent / "run" / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize("change", ["seed=9", "optimizer.lr=0.5"])
def test_complete_run_of_another_configuration_is_not_taken_for_this_one(
    write_run: Callable[..., Path], change: str, capsys
) -> None:
    """`--resume` would hand out a model that nobody asked for."""
    config = write_run(max_steps=2)
    assert run_command(main, ["--config", str(config)]) == 0
    assert run_command(main, ["--config", str(config), change, "--resume"]) == 2
    assert f"{change.split('=')[0]} (" in capsys.readouterr().err


def test_resume_and_overwrite_exclude_each_other(write_run: Callable[..., Path], capsys) -> None:
    """One keeps the run, the other deletes it."""
    assert run_command(main, ["--config", str(write_run()), "--resume", "--overwrite"]) == 2
    assert "got both" in capsys.readouterr().err


def test_resume_leaves_foreign_folders_alone(write_run: Callable[..., Path], tmp_path: Path, capsys) -> None:
    """A mistyped folder must not become a run folder, which `--overwrite` may delete."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "config.yaml").write_text("camera: old\n")
    assert run_command(main, ["--config", str(write_run()), f"output_dir={tmp_path / 'photos'}", "--resume"]) == 2
    assert "run folders only" in capsys.readouterr().err
    assert (tmp_path / "photos" / "config.yaml").read_text() == "camera: old\n"


def test_a_refused_start_does_not_lock_the_folder(write_run: Callable[..., Path], capsys) -> None:
    """Tracker files of a failed start once made the corrected start an `earlier run`."""
    config = write_run(max_steps=2, tracker="tensorboard")
    assert run_command(main, ["--config", str(config), "data.split=holdout"]) == 2
    assert run_command(main, ["--config", str(config)]) == 0
    assert any((config.parent / "run" / "emoclip").rglob("events.out.tfevents.*"))


def test_dry_run_prints_sizes_and_writes_nothing(write_run: Callable[..., Path], capsys) -> None:
    """The cheap look before a long run."""
    config = write_run(tracker="tensorboard")
    assert run_command(main, ["--config", str(config), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "22 clips, 5 steps an epoch" in printed
    assert "group vision" in printed
    assert "GB for weights, gradients and optimiser" in printed
    assert "s an epoch" in printed
    assert not (config.parent / "run").exists()


def test_a_full_disk_at_resume_costs_neither_folder_nor_history(
    write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """The configuration and the log are written anew at each start; half of one made the folder `no run folder`."""
    config = write_run(max_steps=4, checkpoint_every=2, log_every=1)
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    (folder / "run.json").unlink()
    before = {name: (folder / name).read_bytes() for name in ("config.yaml", "metrics.jsonl")}
    start = str(folder / "checkpoints" / "00000002")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for place in ("emoclip.training.cli.dump_config", "emoclip.training.metrics_log._step_of"):
        # Full from here on: what is built before has memory shared with workers, which counts as files too.
        module, _, name = place.rpartition(".")
        function = getattr(importlib.import_module(module), name)

        def full(*arguments, function=function):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
            return function(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            try:
                assert run_command(main, ["--config", str(config), "--resume", start]) == 2
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {name: (folder / name).read_bytes() for name in before} == before
    (folder / "config.yaml").write_text("")  # as older versions left it
    assert run_command(main, ["--config", str(config), "--resume"]) == 0
    assert "Going on from" in capsys.readouterr().out
