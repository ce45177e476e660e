# SPDX-License-Identifier: Apache-2.0
"""Several inputs one after the other: a damaged one and Ctrl-C cost no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from emoclip.analysis import Analysis


def readable_inputs(inputs: Sequence[str], *, allow_urls: bool) -> tuple[list[str], list[str]]:
    """Return the inputs whose header can be read, and a sentence for each other one.

    Raises:
        FileNotFoundError: One is not there: a slip of the hand.
        VideoDecodeError: None can be read.
    """
    from emoclip.analysis.analyzer import not_analysed
    from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, probe_video

    readable, failed = [], []
    for source in inputs:
        try:
            probe_video(source, allow_urls=allow_urls)
            readable.append(source)
        except VideoDecodeError as error:
            if len(inputs) == 1:
                raise
            failed.append(not_analysed(error))
    if not readable:
        raise VideoDecodeError(" ".join(failed))
    return readable, failed


def analyze_each(
    inputs: Sequence[str], analyzed: Callable[[str], Analysis], *, alone: bool
) -> tuple[dict[str, Analysis], list[str], bool]:
    """Return the analyses, a sentence for each of several inputs that broke off, and whether Ctrl-C ended it.

    Args:
        inputs: In their order.
        analyzed: Keeps what there is on Ctrl-C, see `analyze`.
        alone: There is one input, whose damage is the error.

    Raises:
        VideoDecodeError: None could be analysed.
        KeyboardInterrupt: Nothing was analysed yet.
    """
    from emoclip.analysis.analyzer import not_analysed
    from modeling_emoclip.video_decoding_emoclip import VideoDecodeError

    analyses: dict[str, Analysis] = {}
    damaged: list[str] = []
    for source in inputs:
        try:
            analyses[source] = analyzed(source)
        except VideoDecodeError as error:
            if alone:
                raise
            damaged.append(not_analysed(error))
            continue
        except KeyboardInterrupt:
            # Between two videos, where there is nothing of this one yet.
            if not analyses:
                raise
            return analyses, damaged, True
        if analyses[source].interrupted:
            return analyses, damaged, True
    if not analyses:
        raise VideoDecodeError(" ".join(damaged))
    return analyses, damaged, False


__all__ = ["analyze_each", "readable_inputs"]
