# SPDX-License-Identifier: Apache-2.0
"""The best weights so far are kept, found again after an interruption, and chosen by one rule."""

import resource
from pathlib import Path

import pytest
import torch

from emoclip.training.selection import MeanLoss, Selection


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"w": torch.full((2, 3), value)}


@pytest.mark.parametrize(("higher", "best"), [(True, 0.7), (False, 0.2)])
def test_the_better_value_wins_and_of_equal_ones_the_first(tmp_path: Path, higher: bool, best: float) -> None:
    """A loss is best when small, a recall when large."""
    selection = Selection(tmp_path, higher_is_better=higher)
    for step, value in enumerate([0.5, 0.7, float("nan"), 0.2, 0.7, 0.2], start=1):
        if selection.is_better(value):
            selection.take(step, value, weights(value))
    assert selection.best_value == best
    assert selection.best_step == (2 if higher else 4)
    torch.testing.assert_close(selection.weights(), weights(best))


def test_what_is_no_number_never_wins(tmp_path: Path) -> None:
    """NaN is neither above nor below: a plain comparison lets the first one stay for ever."""
    assert not Selection(tmp_path, higher_is_better=True).is_better(float("nan"))


def test_the_choice_travels_with_the_checkpoint(tmp_path: Path) -> None:
    """Otherwise a resumed run hands out weights worse than some it had before."""
    first = Selection(tmp_path / "a", higher_is_better=True)
    first.take(5, 0.5, weights(5))
    state = first.state()
    for run in ("a", "b"):  # the same run, and one that goes on from its checkpoint elsewhere
        resumed = Selection(tmp_path / run, higher_is_better=True)
        resumed.load_state(state, tmp_path / "a")
        assert not resumed.is_better(0.4)
        torch.testing.assert_close(resumed.weights(), weights(5))


def test_missing_best_weights_are_told(tmp_path: Path) -> None:
    """Going on without them would choose among later ones in silence."""
    with pytest.raises(FileNotFoundError, match="best weights so far"):
        Selection(tmp_path, higher_is_better=True).load_state({"best_step": 3, "best_value": 0.1}, tmp_path)


def test_a_full_disk_is_told_and_costs_no_weights(tmp_path: Path) -> None:
    """safetensors tells it by an error of its own, which is a traceback to who reads it."""
    selection = Selection(tmp_path, higher_is_better=True)
    selection.take(5, 0.5, weights(5))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match=r"best weights, of step 6, could not be written to .*; make room there"):
            selection.take(6, 0.6, weights(6))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["00000005"]


def test_mean_loss_goes_on_exactly() -> None:
    """The mean over an epoch that was interrupted must be the one of the whole epoch."""
    losses = torch.rand(7)
    whole, first, second = MeanLoss(), MeanLoss(), MeanLoss()
    for loss in losses:
        whole.add(loss)
    for loss in losses[:4]:
        first.add(loss)
    second.load_state(first.state())
    for loss in losses[4:]:
        second.add(loss)
    assert second.read() == whole.read() == pytest.approx(losses.double().mean().item(), abs=1e-12)
    assert second.read() != second.read()  # nothing since: NaN


def test_each_process_goes_on_with_its_own_losses() -> None:
    """With negatives of their own, or with heads, processes have other losses: the first one's in all gave another best epoch."""
    first, second, again = MeanLoss(), MeanLoss(), MeanLoss()
    for own, loss in ((first, 0.7), (second, 0.3)):
        own.add(torch.tensor(loss, dtype=torch.float64))
    state = first.state(lambda own: [own, second.state()["loss_sums"][0]])
    again.load_state(state, rank=1)
    assert again.read() == 0.3


def test_sums_of_older_checkpoints_are_read() -> None:
    """An update must not cost the runs that are under way."""
    loss = MeanLoss()
    loss.load_state({"loss_sum": 3.0, "loss_count": 2}, rank=1)
    assert loss.read() == 1.5
