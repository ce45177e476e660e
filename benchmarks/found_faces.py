# SPDX-License-Identifier: Apache-2.0
"""How well the packaged model reads drawn faces that have to be found first, framed as it was trained and framed otherwise.

    python -P benchmarks/found_faces.py [--clips 44]

Test clips of identities that were never seen in training are drawn into larger scenes at a random place and size. Each scene
is analysed with faces='all', once with the framing that the processor's field `face_boxes` gives and once without it, and the
clip by itself is analysed as it was drawn. Prints one JSON line with the shares of clips whose word of the highest mean match
is right; of scenes in which no face is found none is right. Chance is one in eleven.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import cv2
import numpy as np

from emoclip.analysis import Analysis, analyze, load_model
from emoclip.synthetic.samples import EMOTIONS, make_clip


SCENE = (270, 480)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=44)
    args = parser.parse_args()
    framed = load_model()
    tight = load_model()
    tight.processor.video_processor.face_boxes = {}
    right = {"as_drawn": 0, "framed": 0, "unframed": 0}
    found = 0
    for index in range(args.clips):
        clip = make_clip(0, "test", index)
        frames = clip.frames()
        scene = place_in_scene(frames, np.random.default_rng(index))
        results = {
            "as_drawn": analyze(frames, EMOTIONS, framed, faces="none"),
            "framed": analyze(scene, EMOTIONS, framed),
            "unframed": analyze(scene, EMOTIONS, tight),
        }
        found += len(results["framed"].people) > 0
        for name, result in results.items():
            right[name] += best_word(result) == clip.emotion
    result: dict[str, Any] = {"benchmark": "found_faces", "clips": args.clips, "found": round(found / args.clips, 3)}
    result |= {name: round(count / args.clips, 3) for name, count in right.items()}
    result |= {f"{name}_of_found": round(right[name] / max(found, 1), 3) for name in ("framed", "unframed")}
    print(json.dumps(result))


def place_in_scene(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the frames in larger ones of a quiet background, uint8 (time, height, width, 3)."""
    side = int(rng.integers(110, 230))
    top, left = int(rng.integers(0, SCENE[0] - side)), int(rng.integers(0, SCENE[1] - side))
    ramp = np.linspace(0, 1, SCENE[1])[None, :, None]
    ends = rng.integers(40, 216, size=(2, 3))
    background = np.broadcast_to(ends[0] + (ends[1] - ends[0]) * ramp, (*SCENE, 3)).astype(np.uint8)
    scene = np.repeat(background[None], len(frames), axis=0)
    for target, frame in zip(scene, frames, strict=True):
        target[top : top + side, left : left + side] = cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC)
    return scene


def best_word(result: Analysis) -> str | None:
    """Return the word of the highest mean match; of several persons the one seen longest."""
    summary = result.summary
    if summary.empty:
        return None
    person = 0 if result.people.empty else result.people["person"].mode()[0]
    return str(summary[summary["person"] == person]["emotion"].iloc[0])


if __name__ == "__main__":
    main()
