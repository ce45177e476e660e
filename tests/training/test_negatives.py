# SPDX-License-Identifier: Apache-2.0
"""Several real processes, each with a share of a batch, against one process with the whole batch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emoclip.training.negatives import Negatives


WORKER = Path(__file__).parent / "processes" / "contrast_worker.py"
# Every loss whose gradients go through the gather.
EQUAL = [
    "plain",
    "sentiment",
    "same_text",
    "words",
    "soft_targets",
    "soft_targets_in_portions",
    "portions",
    "portions_with_words",
    "accumulated",
    "accumulated_portions",
]
SEVERAL = [2, pytest.param(3, marks=pytest.mark.slow)]
Results = dict[str, tuple[float, dict[str, torch.Tensor]]]


@pytest.fixture(scope="session")
def results_of(tmp_path_factory) -> Callable[[int], Results]:
    """Returns a function that gives losses and gradients computed by so many processes; each number is run once."""
    folder = tmp_path_factory.mktemp("processes")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def run(world: int) -> Results:
        output = folder / f"{world}.pt"
        if not output.exists():
            commands = [
                [sys.executable, str(WORKER), str(rank), str(world), str(folder / f"store{world}"), str(output)]
                for rank in range(world)
            ]
            processes = [subprocess.Popen(command, env=environment) for command in commands]
            try:
                assert [process.wait(timeout=900) for process in processes] == [0] * world
            finally:
                for process in processes:
                    process.kill()
        return torch.load(output)

    return run


def assert_same_gradients(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    largest = max(gradient.abs().max().item() for gradient in theirs.values())
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=0, atol=1e-5 * max(1, largest), msg=name)


@pytest.mark.parametrize("world", SEVERAL)
@pytest.mark.parametrize("scenario", EQUAL)
def test_global_negatives_equal_one_process_on_the_whole_batch(
    results_of: Callable[[int], Results], world: int, scenario: str
) -> None:
    """Shares of 5 and 2, or of 2, 4 and 1: a mean of means, or a gather that cuts the gradients, gives others."""
    (loss, gradients), (whole_loss, whole_gradients) = results_of(world)[scenario], results_of(1)[scenario]
    assert loss == pytest.approx(whole_loss, abs=1e-5)
    assert_same_gradients(gradients, whole_gradients)


@pytest.mark.parametrize("world", SEVERAL)
def test_head_learns_from_the_mean_over_all_clips(results_of: Callable[[int], Results], world: int) -> None:
    """Processes with fewer clips, as in a last batch, would otherwise count as much as the others."""
    assert_same_gradients(results_of(world)["head"][1], results_of(1)["head"][1])


@pytest.mark.parametrize(
    ("portioned", "at_once"),
    [
        ("portions", "plain"),
        ("soft_targets_in_portions", "soft_targets"),
        ("portions_with_words", "words"),
        ("accumulated_portions", "accumulated"),
    ],
)
def test_cached_gradients_equal_the_big_batch(
    results_of: Callable[[int], Results], portioned: str, at_once: str
) -> None:
    """A contrast within portions, or a multiplier whose gradient counts once a portion, gives others."""
    results = results_of(1)
    assert results[portioned][0] == pytest.approx(results[at_once][0], abs=1e-5)
    assert_same_gradients(results[portioned][1], results[at_once][1])


@pytest.mark.parametrize("world", SEVERAL)
def test_gather_without_gradient_divides_the_towers_gradients(
    results_of: Callable[[int], Results], world: int
) -> None:
    """EmotionCLIP's way: each process differentiates its own rows alone, and the averaging divides."""
    (loss, gradients), (whole_loss, whole) = results_of(world)["without_gradient"], results_of(1)["without_gradient"]
    assert loss == pytest.approx(whole_loss, abs=1e-5)
    expected = {name: tensor / (1 if name == "logit_scale" else world) for name, tensor in whole.items()}
    assert_same_gradients(gradients, expected)


def test_local_negatives_are_the_mean_of_separate_contrasts(results_of: Callable[[int], Results]) -> None:
    """The papers' way; a clip must not meet the texts of the other process."""
    loss, gradients = results_of(2)["local"]
    separate = results_of(1)["each_share_of_2"]
    assert loss == pytest.approx(separate[0][0], abs=1e-5)  # the first process reports its own
    expected = {name: (gradient + separate[1][1][name]) / 2 for name, gradient in separate[0][1].items()}
    assert_same_gradients(gradients, expected)


def test_soft_targets_are_another_loss(results_of: Callable[[int], Results]) -> None:
    """If the scenario were the plain contrast, it would prove nothing of them."""
    results = results_of(1)
    assert abs(results["soft_targets"][0] - results["plain"][0]) > 1e-3


def test_unknown_mode_is_refused() -> None:
    """A misspelt mode would train another way in silence."""
    with pytest.raises(ValueError, match="must be one of global, global_no_grad, local, got 'globl'"):
        Negatives("globl")


@pytest.mark.parametrize(
    ("mode", "counts", "expected"),
    [
        ("global", [1], False),
        ("global", [1, 1], True),
        ("global", [0, 5], False),
        ("local", [1, 5], False),
        ("local", [2, 2], True),
        ("global_no_grad", [2, 1], True),
    ],
)
def test_a_pair_needs_something_to_be_contrasted_with(mode: str, counts: list[int], expected: bool) -> None:
    """The contrast of one pair is nil, and a process without rows would leave the others waiting."""
    assert Negatives(mode, len(counts)).can_contrast(counts) is expected


def test_row_weights_make_means_of_shares_the_mean_of_all() -> None:
    """Shares of 5 and 2: (5 * a + 2 * b) / 7 = mean of 10 / 7 * a and 4 / 7 * b."""
    negatives = Negatives("global", 2)
    assert [negatives.row_weight([5, 2], rank) for rank in (0, 1)] == [pytest.approx(10 / 7), pytest.approx(4 / 7)]
    assert Negatives("local", 2).row_weight([5, 2], 0) == 1
