# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are whole, few, and only used by the run they belong to."""

import dataclasses
import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emoclip.config_loading import load_config
from emoclip.training.checkpoint import (
    find_checkpoint,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun


@pytest.fixture
def finished(write_run: Callable[..., Path]) -> TrainingRun:
    """A run of two epochs of five steps, with a checkpoint every three steps."""
    run = TrainingRun(load_config(TrainConfig, write_run(checkpoint_every=3, keep_checkpoints=2)))
    run.train()
    return run


def test_only_the_newest_checkpoints_are_kept(finished: TrainingRun) -> None:
    """A long run must not fill the disk; the newest is always among those kept."""
    assert [path.name for path in list_checkpoints(finished.config.output_dir)] == ["00000009", "00000010"]


def test_half_written_checkpoints_are_not_found(finished: TrainingRun) -> None:
    """A kill during saving leaves a partial folder; resuming takes the one before."""
    output = finished.config.output_dir
    (output / "checkpoints" / ".00000011.partial").mkdir()
    assert find_checkpoint(output, "auto") == output / "checkpoints" / "00000010"


def test_auto_without_checkpoints_starts_afresh(tmp_path: Path) -> None:
    """`--resume` is safe in a job script that may run for the first time."""
    assert find_checkpoint(tmp_path, "auto") is None


def test_a_path_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """Starting afresh in silence would lose the work that the user meant to continue."""
    with pytest.raises(FileNotFoundError, match=r"folder with trainer_state\.json"):
        find_checkpoint(tmp_path, str(tmp_path / "nothing"))


def test_other_configuration_is_named_key_by_key(finished: TrainingRun) -> None:
    """Weights of one recipe continued under another belong to no recipe."""
    config = dataclasses.replace(
        finished.config, seed=5, log_every=7, optimizer=dataclasses.replace(finished.config.optimizer, lr=0.5)
    )
    checkpoint = find_checkpoint(config.output_dir, "auto")
    with pytest.raises(
        ValueError, match=r"optimizer\.lr \(0\.001 there, 0\.5 now\), seed \(0 there, 5 now\)"
    ) as error:
        load_checkpoint(finished.accelerator, config, checkpoint, finished.identity)
    assert "log_every" not in str(error.value)


def test_other_number_of_processes_is_refused(finished: TrainingRun) -> None:
    """Order, epoch length and rates would be others; the weights would belong to no run."""
    checkpoint = find_checkpoint(finished.config.output_dir, "auto")
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    (checkpoint / "trainer_state.json").write_text(json.dumps({**state, "num_processes": 2}))
    with pytest.raises(ValueError, match="num_processes=2, got 1 now"):
        load_checkpoint(finished.accelerator, finished.config, checkpoint, finished.identity)


def test_damaged_checkpoint_is_told(finished: TrainingRun) -> None:
    """A full disk leaves such files; the remedy is the checkpoint before."""
    checkpoint = find_checkpoint(finished.config.output_dir, "auto")
    (checkpoint / "training_state" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match="is damaged and cannot be read"):
        load_checkpoint(finished.accelerator, finished.config, checkpoint, finished.identity)


def config_of(finished: TrainingRun, **changes) -> TrainConfig:
    return dataclasses.replace(finished.config, **changes)


@pytest.mark.parametrize("spelling", ["as_is", "absolute", "by_a_link"])
def test_going_back_removes_the_abandoned_checkpoints(
    finished: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    """Otherwise the next `--resume` would jump to the branch that was given up, and `keep_checkpoints` would drop each new one."""
    monkeypatch.chdir(tmp_path)
    config = config_of(finished, output_dir=Path("run"), max_steps=10)
    earlier = list_checkpoints(config.output_dir)[0]
    if spelling == "absolute":
        earlier = earlier.resolve()
    elif spelling == "by_a_link":
        (tmp_path / "link").symlink_to(tmp_path / "run")
        earlier = Path("link") / "checkpoints" / earlier.name
    TrainingRun(dataclasses.replace(config, max_steps=None), find_checkpoint(config.output_dir, str(earlier)))
    assert [path.name for path in list_checkpoints(config.output_dir)] == ["00000009"]
    assert list((tmp_path / "run" / "checkpoints").glob(".*")) == []


def test_the_one_just_written_is_never_dropped(finished: TrainingRun) -> None:
    """Whatever others of higher numbers lie there."""
    written = save_checkpoint(finished.accelerator, config_of(finished, keep_checkpoints=1), 4, finished.identity)
    assert list_checkpoints(finished.config.output_dir) == [written]


def test_a_refused_resume_deletes_nothing(finished: TrainingRun) -> None:
    """The best weights that the earlier checkpoint names are gone: the later checkpoints are all that is left of the run."""
    before = list_checkpoints(finished.config.output_dir)
    record = before[0] / "trainer_state.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "best_step": 2, "best_value": 0.5}))
    with pytest.raises(FileNotFoundError, match="best weights so far"):
        TrainingRun(finished.config, before[0])
    assert list_checkpoints(finished.config.output_dir) == before


def test_another_runs_checkpoint_does_not_go_into_a_folder_with_checkpoints(
    finished: TrainingRun, write_run: Callable[..., Path], tmp_path: Path
) -> None:
    """Two courses in one folder: the next `--resume` would take up the wrong one."""
    other = TrainingRun(load_config(TrainConfig, write_run(output_dir=str(tmp_path / "other"), max_steps=1)))
    other.train()
    start = list_checkpoints(finished.config.output_dir)[0]
    with pytest.raises(FileExistsError, match=r"must have no checkpoints of its own .*00000001 is there"):
        find_checkpoint(other.config.output_dir, str(start))
    assert find_checkpoint(tmp_path / "new", str(start)) == start


def test_a_complete_run_is_not_continued_from_elsewhere(finished: TrainingRun, tmp_path: Path) -> None:
    """Its model would be replaced by another run's, also where its own checkpoints were deleted to save space."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("{}")
    start = list_checkpoints(finished.config.output_dir)[0]
    with pytest.raises(FileExistsError, match=r"no finished run .*run.json is there"):
        find_checkpoint(tmp_path / "other", str(start))


def test_a_run_that_goes_back_is_not_complete(finished: TrainingRun) -> None:
    """Killed on its way, it would otherwise count as complete with the old model."""
    folder = finished.config.output_dir
    (folder / "run.json").write_text("{}")
    TrainingRun(finished.config, list_checkpoints(folder)[0], is_rehearsal=True)
    assert (folder / "run.json").exists()
    TrainingRun(finished.config, list_checkpoints(folder)[0])
    assert not (folder / "run.json").exists()


def test_folder_without_its_record_is_no_checkpoint(finished: TrainingRun) -> None:
    """A deletion that a kill cut short leaves such a folder."""
    newest = list_checkpoints(finished.config.output_dir)[-1]
    (newest / "trainer_state.json").unlink()
    assert newest not in list_checkpoints(finished.config.output_dir)


def test_keys_that_came_later_have_their_defaults(finished: TrainingRun) -> None:
    """An update of the project must not cost the runs that are under way."""
    checkpoint = list_checkpoints(finished.config.output_dir)[-1]
    saved = yaml.safe_load((checkpoint / "config.yaml").read_text())
    del saved["compute"], saved["data"]["random_crop"]
    (checkpoint / "config.yaml").write_text(yaml.safe_dump(saved))
    assert load_checkpoint(finished.accelerator, finished.config, checkpoint, finished.identity)["step"] == 10
    saved["data"]["gone"] = 3
    (checkpoint / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(ValueError, match=r"data\.gone \(3 there, None now\)"):
        load_checkpoint(finished.accelerator, finished.config, checkpoint, finished.identity)


def test_dead_worker_is_no_full_disk(finished: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch tells of it wherever the process is just then; `make room` would send the user the wrong way."""
    message = "DataLoader worker (pid 4711) is killed by signal: Killed."

    def save_state(folder: str) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(finished.accelerator, "save_state", save_state)
    with pytest.raises(RuntimeError, match="is killed by signal"):
        save_checkpoint(finished.accelerator, finished.config, 12, finished.identity)
    assert list((finished.config.output_dir / "checkpoints").glob(".*")) == []


def test_changed_data_is_refused(finished: TrainingRun) -> None:
    """The order of clips would be another one."""
    checkpoint = find_checkpoint(finished.config.output_dir, "auto")
    with pytest.raises(ValueError, match="was trained on other data"):
        load_checkpoint(
            finished.accelerator, finished.config, checkpoint, {**finished.identity, "data_fingerprint": "another"}
        )


@pytest.mark.parametrize("limit", [0, 2_000, 40_000])
def test_a_full_disk_costs_no_checkpoint(finished: TrainingRun, limit: int) -> None:
    """Files that cannot grow, as on a full disk: the older checkpoints stay, and nothing half-written takes the room."""
    before = list_checkpoints(finished.config.output_dir)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OSError, match=r"step 12 could not be written .* go on from .*00000010 with --resume"):
            save_checkpoint(finished.accelerator, finished.config, 12, finished.identity)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    folder = finished.config.output_dir / "checkpoints"
    assert sorted(folder.iterdir()) == before
    load_checkpoint(finished.accelerator, finished.config, before[-1], finished.identity)


def test_checkpoints_kept_for_good_stay(write_run: Callable[..., Path]) -> None:
    """Ten steps, one kept beside every fourth."""
    run = TrainingRun(load_config(TrainConfig, write_run(checkpoint_every=1, keep_checkpoints=1, keep_every=4)))
    run.train()
    assert [path.name for path in list_checkpoints(run.config.output_dir)] == ["00000004", "00000008", "00000010"]


def test_best_weights_stay_as_long_as_a_checkpoint_names_them(finished: TrainingRun) -> None:
    """Going back to an earlier checkpoint must find what was the best then."""
    config = finished.config
    (config.output_dir / "best" / "00000003").mkdir(parents=True)
    for step, best in ((11, 7), (12, 11)):
        (config.output_dir / "best" / f"{best:08d}").mkdir(parents=True)
        save_checkpoint(
            finished.accelerator, config, step, finished.identity, progress={"best_step": best, "best_value": 0.5}
        )
    assert sorted(path.name for path in (config.output_dir / "best").iterdir()) == ["00000007", "00000011"]


def test_checkpoint_says_how_it_was_made(finished: TrainingRun) -> None:
    """A checkpoint that is found in a year must say which code and which command it comes from."""
    checkpoint = list_checkpoints(finished.config.output_dir)[-1]
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    assert state["data_fingerprint"] == finished.fingerprint
    assert state["files"].keys() == {"model.tokenizer"}
    assert {"command", "commit", "versions"} <= state.keys()
    assert load_config(TrainConfig, checkpoint / "config.yaml") == finished.config
