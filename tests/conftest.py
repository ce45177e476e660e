# SPDX-License-Identifier: Apache-2.0
"""A tiny model of random weights and clips of drifting noise, for tests that need a whole model folder or a real file."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest


# Before any test imports gradio: nothing leaves this computer.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Words of tests do not belong into the developer's own files.
os.environ["EMOCLIP_CACHE"] = "off"
# A shell starts jobs in the background deaf to Ctrl-C, which some tests press, and their children would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Small, and all different, so that a mixed-up axis fails. The span is NUM_FRAMES * FRAME_STRIDE = 15 frames.
NUM_FRAMES, FRAME_STRIDE, FPS = 5, 3, 25


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory) -> Path:
    """A saved EmoCLIP model with its processor: 5 frames, every 3rd, 20 pixels, a tokenizer of single bytes."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=57)
    torch.manual_seed(7)
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 12,
        "intermediate_size": 17,
        "num_hidden_layers": 1,
        "num_attention_heads": 3,
        "max_position_embeddings": 57,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "image_size": 20,
        "patch_size": 5,
        "hidden_size": 14,
        "intermediate_size": 19,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    temporal = {
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 7,
        "intermediate_size": 13,
        "max_position_embeddings": 9,
    }
    config = EmoCLIPConfig(text_config=text, vision_config=vision, temporal_config=temporal, projection_dim=10)
    video_processor = EmoCLIPVideoProcessor(
        num_frames=NUM_FRAMES,
        frame_stride=FRAME_STRIDE,
        size={"shortest_edge": 20},
        crop_size={"height": 20, "width": 20},
    )
    folder = tmp_path_factory.mktemp("tiny_model")
    EmoCLIPModel(config).save_pretrained(folder)
    EmoCLIPProcessor(video_processor, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory) -> Callable[..., Path]:
    """Returns a function that writes an H.264 file of drifting noise: `make_clip(num_frames, name="clip.mp4")`."""
    import av
    import numpy as np

    def write(num_frames: int, name: str = "clip.mp4", *, seed: int = 5) -> Path:
        path = tmp_path_factory.mktemp("clips") / name
        start = np.random.default_rng(seed).integers(0, 200, size=(26, 34, 3))
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.height, stream.width, stream.pix_fmt = 26, 34, "yuv420p"
            for number in range(num_frames):
                picture = ((start + 3 * number) % 256).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture(scope="session")
def short_clip(make_clip) -> Path:
    """Eleven frames, fewer than the tiny model's span of 15."""
    return make_clip(11, "short.mp4")


@pytest.fixture(scope="session")
def long_clip(make_clip) -> Path:
    """97 frames, 3.88 s, several windows of the tiny model."""
    return make_clip(97, "long.mp4")


@pytest.fixture
def next_version(tmp_path, monkeypatch) -> Callable[..., str]:
    """Returns a function that puts a folder into an empty cache of the Hub as the newest version of a repository; gives its commit."""
    from huggingface_hub import constants

    cache = tmp_path / "home" / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))

    def add(folder: Path, repository: str) -> str:
        kept = cache / f"models--{repository.replace('/', '--')}"
        commit = f"{len(list(kept.glob('snapshots/*'))) + 1:040x}"
        shutil.copytree(folder, kept / "snapshots" / commit)
        (kept / "refs").mkdir(exist_ok=True)
        (kept / "refs" / "main").write_text(commit)
        return commit

    return add
