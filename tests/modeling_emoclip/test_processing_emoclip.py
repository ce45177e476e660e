# SPDX-License-Identifier: Apache-2.0
"""Tests of `modeling_emoclip.processing_emoclip`."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import CLIPTokenizer

from modeling_emoclip.processing_emoclip import EmoCLIPProcessor
from modeling_emoclip.video_processing_emoclip import EmoCLIPVideoProcessor


SENTENCES = [
    "a face with raised eyebrows and an open mouth",
    "an expression of calm and neutrality",
    "the corners of the mouth are turned down",
]
MAX_LENGTH = 11


def make_tokenizer(max_length: int = MAX_LENGTH) -> CLIPTokenizer:
    trainer = ByteLevelBPETokenizer(lowercase=True, end_of_word_suffix="</w>")
    trainer.train_from_iterator(SENTENCES, vocab_size=300, special_tokens=["<|startoftext|>", "<|endoftext|>"])
    model = json.loads(trainer.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return CLIPTokenizer(vocab=model["vocab"], merges=merges, model_max_length=max_length)


@pytest.fixture(scope="module")
def processor() -> EmoCLIPProcessor:
    video_processor = EmoCLIPVideoProcessor(
        num_frames=5, frame_stride=2, size=18, crop_size={"height": 14, "width": 16}
    )
    return EmoCLIPProcessor(video_processor, make_tokenizer())


def video(num_frames: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num_frames, 20, 26, 3), dtype=np.uint8)


def test_texts_and_videos_come_out_together(processor):
    """Without this the model's four inputs would have to be put together by hand."""
    inputs = processor(text=SENTENCES[:2], videos=[video(), video(9), video(3)])
    assert set(inputs) == {"input_ids", "attention_mask", "pixel_values_videos", "frame_mask"}
    assert inputs["pixel_values_videos"].shape == (3, 5, 3, 14, 16)
    assert inputs["frame_mask"].shape == (3, 5)
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert inputs["input_ids"].shape[0] == 2


def test_text_is_padded_to_the_longest_and_masked(processor):
    """Padding to the limit instead would cost time on every short word list."""
    inputs = processor(text=["calm", "the mouth"])
    lengths = inputs["attention_mask"].sum(1)
    assert inputs["input_ids"].shape[1] == lengths.max() < MAX_LENGTH
    assert lengths[0] != lengths[1]


def test_truncated_text_keeps_its_end_of_text_token(processor):
    """The model reads a text from its end-of-text token; a cut that drops it yields the embedding of a random word."""
    ids = processor(text=" ".join(SENTENCES))["input_ids"]
    assert ids.shape == (1, MAX_LENGTH)
    assert ids[0, -1] == processor.tokenizer.eos_token_id
    assert ids[0, 0] == processor.tokenizer.bos_token_id


def test_text_is_not_cut_by_a_tokenizer_without_a_limit(processor):
    """Such tokenizers carry a huge number as their limit, which overflows in the truncation."""
    unlimited = EmoCLIPProcessor(processor.video_processor, make_tokenizer(int(1e30)))
    assert unlimited(text=" ".join(SENTENCES))["input_ids"].shape[1] > MAX_LENGTH


def test_training_sampling_follows_the_generator(processor):
    """Two runs with one seed must see the same frames, or training cannot be repeated."""
    draws = [
        processor(videos=video(60), training=True, generator=torch.Generator().manual_seed(seed))[
            "pixel_values_videos"
        ]
        for seed in (3, 3, 4)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`text` or `videos` must be given"),
        ({"text": []}, "at least 1 text"),
        ({"text": "  "}, "not empty"),
        ({"text": ["calm", 3]}, "got 3"),
        ({"videos": []}, "At least 1 video"),
    ],
)
def test_bad_input_is_refused_with_the_rule(processor, arguments, message):
    """An empty text or list would fail deep inside the tokenizer, or give an embedding of nothing."""
    with pytest.raises(ValueError, match=message):
        processor(**arguments)


def test_parts_in_the_wrong_order_are_refused(processor):
    """A swapped pair would otherwise fail at the first call with an unrelated message."""
    with pytest.raises(TypeError, match="pass the video processor first"):
        EmoCLIPProcessor(processor.tokenizer, processor.video_processor)


def test_round_trip_keeps_every_setting(processor, tmp_path):
    """A setting that does not travel changes the model's input on another machine without a word."""
    processor.save_pretrained(tmp_path)
    loaded = EmoCLIPProcessor.from_pretrained(tmp_path)
    settings = loaded.video_processor.to_dict()
    assert "AutoProcessor" in settings.pop("auto_map")
    assert settings == processor.video_processor.to_dict()
    assert loaded.tokenizer.model_max_length == MAX_LENGTH
    before, after = (one(text=SENTENCES, videos=video()) for one in (processor, loaded))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_override_on_loading_reaches_the_video_processor_alone(processor, tmp_path):
    """Passed to the tokenizer as well, `num_frames` would be saved in its file for ever."""
    processor.save_pretrained(tmp_path)
    loaded = EmoCLIPProcessor.from_pretrained(tmp_path, num_frames=3)
    assert loaded.video_processor.num_frames == 3
    assert "num_frames" not in loaded.tokenizer.init_kwargs


def run_clean(code: str, folder, home) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PYTHON"))}
    environment |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code), str(folder)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,  # two imports of transformers, on a busy machine
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_saved_folder_loads_by_auto_processor_in_a_clean_process(processor, tmp_path):
    """The files in the folder must carry the processor alone: users of the Hub do not have this package."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    processor.save_pretrained(tmp_path / "plain")
    run_clean(
        f"""
        import sys
        from modeling_emoclip.processing_emoclip import EmoCLIPProcessor
        EmoCLIPProcessor.register_for_auto_class()
        EmoCLIPProcessor.from_pretrained({str(tmp_path / "plain")!r}).save_pretrained(sys.argv[1])
        """,
        folder,
        tmp_path,
    )
    output = run_clean(
        """
        import sys
        # An editable install would let the copies import the package; the others are no part of transformers.
        for name in ("modeling_emoclip", "emoclip", "torchvision", "av", "PIL"):
            sys.modules[name] = None
        import numpy, transformers
        processor = transformers.AutoProcessor.from_pretrained(sys.argv[1], trust_remote_code=True)
        assert type(processor).__module__.startswith("transformers_modules"), type(processor).__module__
        assert type(processor.video_processor).__module__.startswith("transformers_modules")
        inputs = processor(text=["calm"], videos=numpy.zeros((4, 20, 26, 3), numpy.uint8))
        print(tuple(inputs["pixel_values_videos"].shape), inputs["input_ids"].shape[0])
        """,
        folder,
        home,
    )
    assert output.split("\n")[-2] == "(1, 5, 3, 14, 16) 1"


def test_the_usual_call_of_clip_is_accepted(processor):
    """Every CLIP example says `padding=True, truncation=True`; texts are padded and cut here in any case."""
    usual = processor(text=["a", "a b c"], return_tensors="pt", padding=True, truncation=True)
    assert torch.equal(usual["input_ids"], processor(text=["a", "a b c"])["input_ids"])
    with pytest.raises(ValueError, match="`padding` must be True, got False"):
        processor(text=["a"], padding=False)
