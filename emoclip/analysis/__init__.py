# SPDX-License-Identifier: Apache-2.0
"""From a video and any words to a timeline of apparent expression.

Steps, one file each: `words` (the user's emotions and the text each becomes), `source_model` (which model), `encoding`
(decode and embed), `windows` (what slides over the frames), `analyzer` (the call that joins them), `result` (the tables),
`saving`, `text_table` and `timeline_plot` (ways to show them). In this version whole frames are scored, not faces.
"""

from .analyzer import analyze
from .result import Analysis
from .source_model import LoadedModel, load_model
from .words import MAX_EMOTIONS, parse_emotions


__all__ = ["MAX_EMOTIONS", "Analysis", "LoadedModel", "analyze", "load_model", "parse_emotions"]
