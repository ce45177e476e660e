# SPDX-License-Identifier: Apache-2.0
"""A signal that asks to stop is remembered by the run and never reaches its workers."""

import os
import signal

import torch

from emoclip.training.signals import STOP_SIGNALS, Stopper, deaf_children


def test_a_signal_is_remembered_and_the_handler_put_back() -> None:
    """A run that ends at once loses the work since the last checkpoint; a handler left behind makes the process deaf."""
    before = signal.getsignal(signal.SIGTERM)
    stopper = Stopper()
    with stopper.listening():
        assert not stopper.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopper.requested
    assert stopper.signal is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def _child(pipe) -> None:
    # As workers of PyTorch do: a first thread starts before any code of ours runs.
    torch.set_num_threads(1)
    pipe.send("ready")
    pipe.send(pipe.recv() + 1)


def test_children_made_in_the_block_outlive_the_signals() -> None:
    """A scheduler signals the whole group; workers that die of it end the run before it can save."""
    context = torch.multiprocessing.get_context("fork")  # as the workers of a loader
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs,))
    with deaf_children():
        process.start()
    try:
        assert ours.poll(60) and ours.recv() == "ready"
        for name in STOP_SIGNALS:
            os.kill(process.pid, name)
        ours.send(41)
        assert ours.poll(60) and ours.recv() == 42
    finally:
        process.kill()
        process.join()


def test_the_block_ends() -> None:
    """The run itself must still hear."""
    with deaf_children():
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
