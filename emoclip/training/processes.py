# SPDX-License-Identifier: Apache-2.0
"""What processes tell one another beside gradients: a few numbers, on the host, without waiting for the accelerator."""

from collections.abc import Sequence

import torch
import torch.distributed as dist


class HostExchange:
    """Exchanges numbers between all processes; with one process there is nothing to exchange.

    A group of its own over gloo: numbers that came through the accelerator's backend could be read only once everything that it was
    given before is done, and no step could be prepared while another is computed.
    """

    def __init__(self) -> None:
        self._world_size = dist.get_world_size() if dist.is_initialized() else 1
        self._group = None
        if self._world_size > 1 and dist.get_backend() != "gloo":
            self._group = dist.new_group(backend="gloo")

    def all(self, numbers: Sequence[int]) -> list[list[int]]:
        """The numbers of every process, in order of rank; all give equally many."""
        return self._gathered(torch.tensor(list(numbers), dtype=torch.int64))

    def all_real(self, number: float) -> list[float]:
        """The number of every process, in order of rank and double precision."""
        return [number for (number,) in self._gathered(torch.tensor([number], dtype=torch.float64))]

    def _gathered(self, own: torch.Tensor) -> list[list]:
        if self._world_size == 1:
            return [own.tolist()]
        parts = [torch.empty_like(own) for _ in range(self._world_size)]
        dist.all_gather(parts, own, group=self._group)
        return [part.tolist() for part in parts]


__all__ = ["HostExchange"]
