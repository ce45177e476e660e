# SPDX-License-Identifier: Apache-2.0
"""How fast a film with subtitles becomes clips, without the neural models' share, and whether memory grows with its length.

    python -P benchmarks/prepare_dialogue.py [--minutes 6]

Makes a film in 360p, 24 frames a second, with a line of subtitles every three seconds that becomes a clip, and a second film a sixth as
long. The sentiment classifier is a tiny one and nobody is looked for. Each film is prepared in a process of its own. Prints one
JSON line: seconds of film a second, and the peak memory of both processes in MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np


FPS, SIDES = 24, (360, 640)
LINE_SECONDS, CLIP_SECONDS = 3.0, 2.6
SHORT_SHARE = 6


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--one", nargs=3, metavar=("FILM", "CLASSIFIER", "OUTPUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(prepare(*map(Path, args.one))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        classifier = write_classifier(folder / "classifier")
        long, short = (measured(folder, classifier, args.minutes * 60 / share) for share in (1, SHORT_SHARE))
    result = {
        "benchmark": "prepare_dialogue",
        "minutes": args.minutes,
        "clips": long["clips"],
        "times_real_time": round(args.minutes * 60 / long["seconds"], 1),
        "peak_mb": round(long["peak_mb"]),
        "peak_mb_of_a_sixth": round(short["peak_mb"]),
        "peak_ratio": round(long["peak_mb"] / short["peak_mb"], 3),
    }
    print(json.dumps(result))


def measured(folder: Path, classifier: Path, seconds: float) -> dict[str, float]:
    """Prepare a film of that length in a process of its own."""
    film = write_film(folder / f"film_{seconds:.0f}.mp4", seconds)
    command = [sys.executable, "-P", __file__, "--one", str(film), str(classifier), str(folder / film.stem)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(told.stdout.splitlines()[-1])


def prepare(film: Path, classifier: Path, output: Path) -> dict[str, float]:
    """Prepare one film; what it took."""
    from emoclip.dialogue.prepare import prepare_dialogue
    from emoclip.dialogue.settings import DialogueSettings

    settings = DialogueSettings(sentiment_model=str(classifier), person_model=None, max_neutral=1.0)
    begin = time.perf_counter()
    made = prepare_dialogue([film], output, settings)
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "clips": made.num_clips,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def write_film(path: Path, seconds: float) -> Path:
    """A film of drifting shapes with some grain, and its subtitles."""
    rng = np.random.default_rng(0)
    height, width = SIDES
    wide = np.kron(rng.integers(0, 220, (12, 64, 3)), np.ones((30, 30, 1))).astype(np.uint8)
    grain = rng.integers(0, 12, (8, height, width, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * FPS)):
            left = number * 2 % (wide.shape[1] - width)
            picture = wide[:, left : left + width] + grain[number % len(grain)]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    path.with_suffix(".srt").write_text("\n".join(subtitles(seconds)))
    return path


def subtitles(seconds: float) -> list[str]:
    """A line every three seconds."""
    blocks = []
    for number in range(int(seconds // LINE_SECONDS)):
        start = number * LINE_SECONDS
        times = " --> ".join(clock(moment) for moment in (start, start + CLIP_SECONDS))
        blocks.append(f"{number + 1}\n{times}\nThis is what number {number} says.\n")
    return blocks


def clock(seconds: float) -> str:
    """As SRT writes times."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


def write_classifier(folder: Path) -> Path:
    """A classifier of seven sentiments with random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "this": 2, "what": 3}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", model_max_length=64
    ).save_pretrained(folder)
    labels = dict(enumerate(("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")))
    config = BertConfig(
        vocab_size=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, id2label=labels
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
