# SPDX-License-Identifier: Apache-2.0
"""Training commands as processes of their own: started, waited for, and killed with everything that they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil


ROOT = Path(__file__).parents[3]
# Not a measure of anything: a machine with other work to do may take minutes to start two processes.
PATIENCE = 900


class Launched:
    """`train.py` in one process, or by torchrun in several.

    What it prints goes to a file: a pipe that nobody reads fills up and stops the run.

    Args:
        folder: where the file may lie.
        config: of the run.
        arguments: further ones of the command.
        processes: how many train.
        script: a stand-in for `train.py`.
        environment: variables beside the usual ones.
    """

    def __init__(
        self,
        folder: Path,
        config: Path,
        *arguments: str,
        processes: int = 1,
        script: Path = ROOT / "train.py",
        environment: dict[str, str] | None = None,
    ):
        self._output = folder / f"printed_{time.monotonic_ns()}.txt"
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        start = [sys.executable, *(torchrun if processes > 1 else []), str(script)]
        usual = {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        with self._output.open("w") as file:
            self.process = subprocess.Popen(
                [*start, "--config", str(config), *arguments],
                env={**os.environ, **usual, **(environment or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        """All that was printed so far."""
        return self._output.read_text(errors="replace")

    def finish(self) -> str:
        """Wait for the end; return what was printed."""
        try:
            self.process.wait(PATIENCE)
        finally:
            self.kill()
        return self.printed

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has happened, or the command has ended."""
        deadline = time.monotonic() + PATIENCE
        while not condition() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert condition(), self.printed

    def kill(self) -> None:
        """SIGKILL to all processes at once; back when none is left.

        A signal to the group would miss those that torchrun has started: each has a session of its own.
        """
        try:
            launcher = psutil.Process(self.process.pid)
            everyone = [launcher, *launcher.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for one in everyone:
            one.send_signal(signal.SIGKILL) if one.is_running() else None
        self.process.wait()
        _, left = psutil.wait_procs(everyone, PATIENCE)
        assert not left


__all__ = ["PATIENCE", "ROOT", "Launched"]
