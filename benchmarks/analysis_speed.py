# SPDX-License-Identifier: Apache-2.0
"""How fast videos are analysed beside the plain way, ViT-B/32 at random weights.

    python -P benchmarks/analysis_speed.py clip      # a file to probabilities; the reference way: frame by frame, fp32
    python -P benchmarks/analysis_speed.py encoder   # the image tower beside the machine's matrix-product peak
    python -P benchmarks/analysis_speed.py windows [--temporal released] [--minutes 20]  # beside a naive sliding window
    python -P benchmarks/analysis_speed.py faces     # a file with a face, 8 analysed frames a second, beside real time

Prints one JSON line. The ratios are of one run, both sides in turn.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from emoclip.analysis import LoadedModel, analyze, load_model
from emoclip.analysis.frames import Frame
from emoclip.analysis.run import encode_jobs
from emoclip.analysis.settings import AnalysisSettings
from emoclip.analysis.source_model import scoring
from emoclip.analysis.video_job import VideoJob
from emoclip.synthetic.samples import EMOTIONS, make_clip
from emoclip.synthetic.video_file import encode_h264
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor
from modeling_emoclip.video_sources_emoclip import VideoInfo


SIZE, TOKENS, WIDTH, LAYERS = 224, 50, 768, 12
FPS = 25.0
# Products of one frame: patches, then in each layer query, key, value, output, two of the MLP, and attention's two.
FLOPS = 2 * (49 * 3072 * WIDTH + LAYERS * TOKENS * (12 * WIDTH * WIDTH + 2 * TOKENS * WIDTH) + WIDTH * 512)


def main() -> None:
    """Print the line of the benchmark that was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=("clip", "encoder", "windows", "faces"))
    parser.add_argument("--temporal", choices=("sane", "released"), default="sane")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument(
        "--naive-windows", type=int, default=12, help="of the naive side, whose cost is the same in each"
    )
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    run = {"clip": clip, "encoder": encoder, "windows": windows, "faces": faces}[args.benchmark]
    loaded = random_model(args.temporal)
    with torch.inference_mode():
        result = run(loaded, args)
    common = {"temporal": args.temporal, "threads": torch.get_num_threads()}
    print(json.dumps({"benchmark": f"analysis_{args.benchmark}", **common, **result}))


def clip(loaded: LoadedModel, args: argparse.Namespace) -> dict[str, Any]:
    """A file of 360 lines, 32 frames, 11 words, to probabilities."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_scene(Path(folder), 128)
        ours, reference = [], []
        for _ in range(args.runs + 1):
            ours.append(seconds(lambda: analyze(path, EMOTIONS, loaded, faces="none", mode="whole")))
            reference.append(seconds(lambda: reference_way(loaded, path)))
    mine, plain = min(ours[1:]), min(reference[1:])
    return {"seconds": round(mine, 3), "reference_seconds": round(plain, 3), "ratio": round(plain / mine, 2)}


def reference_way(loaded: LoadedModel, path: Path) -> torch.Tensor:
    """Every frame decoded and prepared by Pillow, the texts encoded anew, everything in float32."""
    with av.open(str(path)) as container:
        pictures = [frame.to_image() for frame in container.decode(video=0)][: 32 * 4 : 4]
    prepared = [prepare(picture) for picture in pictures]
    pixels = torch.from_numpy(np.stack(prepared))[None]
    ids = torch.full((len(EMOTIONS), 77), 1023)
    for row, word in zip(ids, EMOTIONS, strict=True):
        tokens = loaded.processor.tokenizer(f"an expression of {word}.")["input_ids"]
        row[: len(tokens)] = torch.tensor(tokens)
    return loaded.model(pixels, ids).logits_per_video.softmax(dim=-1)


def prepare(picture: Image.Image) -> np.ndarray:
    """CLIP's preparation of a picture."""
    width, height = picture.size
    scale = SIZE / min(width, height)
    picture = picture.resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
    left, top = (picture.width - SIZE) // 2, (picture.height - SIZE) // 2
    values = np.asarray(picture.crop((left, top, left + SIZE, top + SIZE)), dtype=np.float32) / 255
    mean, std = np.float32([0.48145466, 0.4578275, 0.40821073]), np.float32([0.26862954, 0.26130258, 0.27577711])
    return ((values - mean) / std).transpose(2, 0, 1)


def encoder(loaded: LoadedModel, args: argparse.Namespace) -> dict[str, Any]:
    """Frames through the image tower, in rounds with the product of two matrices of 2048 x 2048."""
    ours = loaded.encoder("auto")
    dtype = ours.dtype
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    frames = list(torch.randint(0, 256, (96, 3, SIZE, SIZE), dtype=torch.uint8))
    plain = EmoCLIPModel(loaded.model.config).to(dtype).eval()
    pixels = torch.randn(1, 32, 3, SIZE, SIZE, dtype=dtype)
    rounds = []
    for _ in range(args.runs + 1):
        peak = min(seconds(lambda: F.linear(left, right)) for _ in range(7))
        mine = min(seconds(lambda: ours.embed(frames)) for _ in range(2)) / len(frames)
        own = seconds(lambda: plain.get_frame_features(pixels)) / 32
        rounds.append((2 * 2048**3 / peak, mine, own))
    peak = max(one for one, _, _ in rounds[1:])
    mine, own = (min(one[place] for one in rounds[1:]) for place in (1, 2))
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "fast_tower": ours.fast is not None,
        "peak_gflops": round(peak / 1e9),
        "frames_per_second": round(1 / mine, 1),
        "transformers_frames_per_second": round(1 / own, 1),
        # The model's own products in the time taken; the last layer computes the class token alone.
        "share_of_peak": round(FLOPS / mine / peak, 3),
        "share_of_peak_computed": round(computed_flops() / mine / peak, 3),
        "transformers_share_of_peak": round(FLOPS / own / peak, 3),
    }


def computed_flops() -> int:
    """What is left where the last layer computes keys and values of all tokens and the rest for one."""
    spared = 2 * ((TOKENS - 1) * 10 * WIDTH * WIDTH + 2 * TOKENS * (TOKENS - 1) * WIDTH)
    return FLOPS - spared


def windows(loaded: LoadedModel, args: argparse.Namespace) -> dict[str, Any]:
    """Windows of 32 analysed frames moved by 4, of decoded frames of 360 lines; memory and cost by length."""
    settings = AnalysisSettings(faces="none", stride=4 * 4 / FPS)
    slide(loaded, settings, 0.2)
    rounds = [one_round(loaded, settings, args.naive_windows) for _ in range(args.runs)]
    best = {name: min(one[name] for one in rounds) for name in rounds[0]}
    short = slide(loaded, settings, 1)
    after_short = peak_memory()
    long = slide(loaded, settings, args.minutes) if args.minutes > 1 else short
    after_long = peak_memory()
    return {
        "ratio": round(best["float32"] / best["ours"], 2),
        **{f"ratio_{name}": round(one / best["ours"], 2) for name, one in best.items() if name != "ours"},
        "window_seconds": {name: round(one, 4) for name, one in best.items()},
        "minutes": args.minutes,
        "windows": long["windows"],
        "seconds": round(long["seconds"], 1),
        "memory_mb": [round(after_short), round(after_long)],
        "memory_ratio": round(after_long / after_short, 3),
        "seconds_per_minute": [round(short["seconds"], 2), round(long["seconds"] / args.minutes, 2)],
    }


def one_round(loaded: LoadedModel, settings: AnalysisSettings, naive_windows: int) -> dict[str, float]:
    """Seconds a window of each side, one after the other, of a minute and of a few windows."""
    taken = slide(loaded, settings, 1)
    naive = {name: naive_window(loaded, dtype, naive_windows) for name, dtype in naive_types(loaded).items()}
    return {"ours": taken["seconds"] / taken["windows"], **naive}


def slide(loaded: LoadedModel, settings: AnalysisSettings, minutes: float) -> dict[str, Any]:
    """Seconds and windows of a video of so many minutes."""
    job = DecodedJob(loaded, settings, round(minutes * 60 * FPS / 4))
    taken = seconds(lambda: encode_jobs([job], loaded, settings))
    return {"seconds": taken, "windows": len(job.windows().table)}


class DecodedJob(VideoJob):
    """A video whose frames are decoded already: one frame again and again."""

    def __init__(self, loaded: LoadedModel, settings: AnalysisSettings, count: int):
        processor = loaded.processor.video_processor
        super().__init__(
            np.zeros((2, 2, 2, 3), np.uint8), VideoInfo("v", None, FPS, None, 360, 640), processor, settings, name="v",
            embed_dim=loaded.model.embed_dim,
        )  # fmt: skip
        self.count = count

    def _frames_in_order(self) -> Iterator[Frame]:
        pixels = decoded_frame()
        for number in range(self.count):
            yield Frame(number * 4, number * 4 / FPS, pixels)


def decoded_frame() -> torch.Tensor:
    """A frame as the decoder gives it."""
    picture = np.random.default_rng(0).integers(0, 256, size=(360, 640, 3), dtype=np.uint8)
    return torch.from_numpy(picture).permute(2, 0, 1)


def naive_types(loaded: LoadedModel) -> dict[str, torch.dtype]:
    """In what the naive side computes: what a model loads in, and what ours computes in."""
    chosen = loaded.encoder("auto").dtype
    return {"float32": torch.float32, str(chosen).removeprefix("torch."): chosen}


def naive_window(loaded: LoadedModel, dtype: torch.dtype, count: int) -> float:
    """Seconds a window: the processor and the model on the window's frames, each window by itself."""
    model = EmoCLIPModel(loaded.model.config).eval().to(dtype)
    frames = decoded_frame().expand(32, -1, -1, -1)
    processor = loaded.processor.video_processor

    def one() -> None:
        # Frames are copied as they would be out of a video.
        pixels = processor.transform_frames(frames.clone(memory_format=torch.channels_last))
        model.get_video_features(pixels[None].to(dtype))

    one()
    return seconds(lambda: [one() for _ in range(count)]) / count


def faces(loaded: LoadedModel, args: argparse.Namespace) -> dict[str, Any]:
    """Decoding, faces, encoding and scores of a file, beside its length."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_scene(Path(folder), 500)
        analyze(path, EMOTIONS, loaded, fps=8)
        taken = min(seconds(lambda: analyze(path, EMOTIONS, loaded, fps=8)) for _ in range(max(1, args.runs // 2)))
        found = analyze(path, EMOTIONS, loaded, fps=8)
    duration = 500 / FPS
    pictures = len(found.people)
    return {
        "video_seconds": duration, "seconds": round(taken, 2), "ratio": round(duration / taken, 2), "pictures": pictures
    }  # fmt: skip


def write_scene(folder: Path, num_frames: int) -> Path:
    """A film of 640 x 360 with a drawn face in it."""
    drawn = make_clip(0, "test", 55).frames()  # a face that the detector finds
    scene = np.full((num_frames, 360, 640, 3), 110, np.uint8)
    scene[:, :, :, 0] += np.linspace(0, 60, 640).astype(np.uint8)
    for number in range(num_frames):
        face = cv2.resize(drawn[number % len(drawn)], (240, 240), interpolation=cv2.INTER_CUBIC)
        scene[number, 60:300, 200:440] = face
    path = folder / "scene.mp4"
    path.write_bytes(encode_h264(scene, FPS))
    return path


def random_model(temporal: str) -> LoadedModel:
    """ViT-B/32 of random weights with the packaged tokenizer, whose end-of-text token it is told."""
    torch.manual_seed(0)
    default = load_model()
    config = EmoCLIPConfig.emoclip("ViT-B/32", temporal=temporal)
    config.text_config.eos_token_id = default.model.config.text_config.eos_token_id
    model = EmoCLIPModel(config).eval()
    processor = EmoCLIPProcessor(EmoCLIPVideoProcessor(), default.processor.tokenizer)
    processor.video_processor.face_boxes = default.processor.video_processor.face_boxes
    return LoadedModel(model, processor, "random ViT-B/32", "Random weights.")


def seconds(run: Callable[[], Any]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def peak_memory() -> float:
    """The most that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    with scoring(torch.nn.Identity()):
        main()
