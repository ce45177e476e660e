# SPDX-License-Identifier: Apache-2.0
"""A batch as a Ray Data pipeline: files go through scorers on the machines of a Ray cluster, rows come back here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from emoclip.console import require

from .scorer import BatchSettings, Scorer
from .sources import Source
from .status import Row


def spread_over_ray(sources: Sequence[Source], settings: BatchSettings, workers: int) -> Iterator[Row]:
    """Yield the rows as they come from `workers` scorers of the Ray cluster that the environment names, or of a local one.

    Files and outputs must lie where every machine of the cluster reaches them: on a shared disk, or at an address.

    Raises:
        ImportError: Ray is not installed; the message carries the line that installs it.
    """
    if not sources:
        return
    ray = require("ray", "ray")
    require("ray.data", "ray")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        # A file is minutes of work: a block for each lets every scorer take the next one as it becomes free.
        files = ray.data.from_items([asdict(source) for source in sources], override_num_blocks=len(sources))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        pool = ray.data.ActorPoolStrategy(size=min(workers, len(sources)))
        scored = files.map(RayScorer, fn_constructor_args=(settings,), compute=pool, num_cpus=1)
        for row in scored.iter_rows():
            yield Row(**row)
    finally:
        if started_here:
            ray.shutdown()


class RayScorer:
    """A scorer in a process of Ray.

    Args:
        settings: The same for all.
    """

    def __init__(self, settings: BatchSettings):
        self._scorer = Scorer(settings)

    def __call__(self, source: dict[str, Any]) -> dict[str, Any]:
        """Return the row of a source."""
        return asdict(self._scorer.score(Source(**source)))


__all__ = ["RayScorer", "spread_over_ray"]
