# SPDX-License-Identifier: Apache-2.0
"""`train.py` as a user meets it: refusals before work starts, nothing overwritten."""

import importlib
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import dump_config, load_config
from emoclip.console import run_command
from emoclip.training.cli import check_output, check_push, main, parse_arguments
from emoclip.training.config import TrainConfig


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


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("repo_id", "token", "message"),
    [("me/faces", None, "run: hf auth login"), ("me/fa ces", "hf_x", "fa ces")],
)
def test_a_push_that_cannot_be_is_refused_before_the_run(
    write_run: Callable[..., Path],
    monkeypatch,
    capsys,
    repo_id: str,
    token: str | None,
    message: str,
    dry_run: list[str],
) -> None:
    """It was told after the night's training, and going on said that the run is complete."""
    monkeypatch.setattr("emoclip.export.publishing.get_token", lambda: token)
    config = write_run(max_steps=1)
    assert run_command(main, ["--config", str(config), f"push_to_hub.repo_id={repo_id}", *dry_run]) == 2
    assert message in capsys.readouterr().err
    assert not (config.parent / "run").exists()


def test_processes_that_push_nothing_need_no_token(write_run: Callable[..., Path], monkeypatch) -> None:
    """On the other machines of a run nobody is logged in."""
    monkeypatch.setattr("emoclip.export.publishing.get_token", lambda: None)
    config = load_config(TrainConfig, write_run(), ["push_to_hub.repo_id=me/faces"])
    with pytest.raises(PermissionError, match="hf auth login"):
        check_push(config)
    monkeypatch.setenv("RANK", "1")
    check_push(config)


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


def test_a_complete_run_goes_back_to_a_checkpoint_that_is_named(write_run: Callable[..., Path], capsys) -> None:
    """The path was ignored, even one that does not exist, and the run said to be complete."""
    config = write_run(max_steps=4, checkpoint_every=2)
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    weights = (folder / "model" / "model.safetensors").read_bytes()
    assert run_command(main, ["--config", str(config), "--resume", "nowhere"]) == 2
    assert "got nowhere" in capsys.readouterr().err
    assert (folder / "run.json").is_file()
    assert run_command(main, ["--config", str(config), "--resume", str(folder / "checkpoints" / "00000002")]) == 0
    assert "(step 2 of 4)" in capsys.readouterr().out
    assert (folder / "run.json").is_file()
    assert (folder / "model" / "model.safetensors").read_bytes() == weights


def test_dry_run_says_what_the_run_would(write_run: Callable[..., Path], tmp_path: Path, capsys) -> None:
    """A look that skips the checks promises a start that is then refused; and it must not touch the run it looks at."""
    config = write_run(max_steps=4, checkpoint_every=2)
    assert run_command(main, ["--config", str(config)]) == 0
    folder = config.parent / "run"
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    assert run_command(main, ["--config", str(config), "--dry-run"]) == 2
    assert "holds an earlier run; pass --resume" in capsys.readouterr().err
    assert run_command(main, ["--config", str(config), "--dry-run", "--resume", "nowhere"]) == 2
    assert "got nowhere" in capsys.readouterr().err
    assert run_command(main, ["--config", str(config), "--dry-run", "--resume"]) == 0
    assert "is complete" in capsys.readouterr().out
    start = str(folder / "checkpoints" / "00000002")
    assert run_command(main, ["--config", str(config), "--dry-run", "--resume", start]) == 0
    assert f"Would go on from {start} (step 2 of 4)." in capsys.readouterr().out
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"model": {"init": "emoclip", "name": "{run}/model"}}, "model.name"),
        ({"model__tokenizer": "{run}/model"}, "model.tokenizer"),
        ({"data__manifest": "{run}/clips.parquet"}, "data.manifest"),
        ({"data__mix": ["{run}/clips.parquet"]}, "data.mix.0"),
        ({"task": {"kind": "class_texts", "class_texts": "{run}/texts.yaml"}}, "task.class_texts"),
        ({"validation": {"split": "test", "manifest": "{run}/clips.parquet"}}, "validation.manifest"),
        (
            {"data__cache_features": True, "data__features_dir": "{run}/features", "optimizer__train_vision": "none"},
            "data.features_dir",
        ),
    ],
)
def test_overwrite_spares_what_the_run_reads(
    write_run: Callable[..., Path], tmp_path: Path, changes: dict, key: str, capsys
) -> None:
    """The next run from the last one's model, into its folder: the model went before it was read again."""
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    for name in ("clips.parquet", "texts.yaml"):
        (folder / name).touch()
    inside = json.loads(json.dumps(changes).replace("{run}", str(folder)))
    config = write_run(data__cache_frames=False, **inside)
    shutil.copy(config, folder / "config.yaml")
    assert run_command(main, ["--config", str(config), "--overwrite"]) == 2
    assert f"in which `{key}` of the new run lies" in capsys.readouterr().err
    assert (folder / "clips.parquet").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_features_may_lie_in_a_run_folder_that_stays(
    write_run: Callable[..., Path], tmp_path: Path, overwrite: bool
) -> None:
    """Only what is deleted must not be used: nothing is in a new folder, nor where a run goes on."""
    frozen = {"data__cache_features": True, "optimizer__train_vision": "none", "data__cache_frames": False}
    config = load_config(TrainConfig, write_run(data__features_dir=str(tmp_path / "run" / "features"), **frozen))
    check_output(config, resume=False, overwrite=overwrite)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(dump_config(config))
    check_output(config, resume=True, overwrite=False)


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_file_is_no_run_folder(write_run: Callable[..., Path], tmp_path: Path, below: str, capsys) -> None:
    """It was told as an earlier run, which `--overwrite` cannot delete."""
    (tmp_path / "notes").write_text("mine")
    for option in ([], ["--overwrite"], ["--resume"]):
        assert (
            run_command(main, ["--config", str(write_run()), f"output_dir={tmp_path / 'notes'}{below}", *option]) == 2
        )
        assert f"{tmp_path / 'notes'} is a file; choose another" in capsys.readouterr().err
