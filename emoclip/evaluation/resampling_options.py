# SPDX-License-Identifier: Apache-2.0
"""How the intervals of a report are computed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resampling:
    """How intervals are computed.

    Args:
        num_resamples: Draws of the bootstrap and of the permutations.
        confidence: Share inside the intervals.
        seed: Of the draws.
    """

    num_resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"`seed` must be 0 or more, got {self.seed}.")


__all__ = ["Resampling"]
