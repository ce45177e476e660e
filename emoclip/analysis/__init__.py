# SPDX-License-Identifier: Apache-2.0
"""From a video and any words to a timeline of apparent expression.

Steps, a file or two each:
- what is meant: `inputs` (videos), `words` (emotions and the text each becomes), `settings`, `source_model` (which model)
- decode: `frames`; find and follow faces: `people`, `given_faces`, `naming`, `colours`, `quality`; cut them out: `framing`,
  `face_pictures`
- embed: `encoding`, `fast_tower`; windows: `sequences`, `windows`, `frame_weights`; one video: `video_job`; several: `run`
- words: `prototypes`, `prototype_store`; numbers: `scoring`, `calibration`
- the call that joins them: `analyzer`; what comes out: `window_set`, `result`, and the ways to show it: `saving`, `text_table`,
  `timeline_plot`, `outputs`
"""

from .analyzer import analyze
from .calibration import Calibration, fit_calibration
from .result import Analysis
from .source_model import LoadedModel, load_model
from .words import MAX_EMOTIONS, parse_emotions, read_emotions


__all__ = [
    "MAX_EMOTIONS",
    "Analysis",
    "Calibration",
    "LoadedModel",
    "analyze",
    "fit_calibration",
    "load_model",
    "parse_emotions",
    "read_emotions",
]
