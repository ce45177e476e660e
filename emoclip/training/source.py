# SPDX-License-Identifier: Apache-2.0
"""What a run notes about its data."""

import hashlib

from emoclip.data.source import source_fingerprint
from emoclip.training.config import DataConfig


def run_fingerprint(config: DataConfig) -> str:
    """A text that changes with the data of a run; of one source alone its own."""
    prints = [source_fingerprint(source) for source in (config.manifest, *config.mix)]
    return prints[0] if len(prints) == 1 else hashlib.sha256(" ".join(prints).encode()).hexdigest()


__all__ = ["run_fingerprint"]
