# SPDX-License-Identifier: Apache-2.0
"""Bars of libraries that load for a moment, which would only stand before a command's own lines."""


def silence_loading_bars() -> None:
    """Leaves the bar over the clips as the only one; reading tables and weights takes no time worth a bar."""
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()


__all__ = ["silence_loading_bars"]
