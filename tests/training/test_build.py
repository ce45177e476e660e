# SPDX-License-Identifier: Apache-2.0
"""Models from scratch, from CLIP and from an earlier run, each with the processor that fits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from emoclip.training.build import build_model
from emoclip.training.config import ModelConfig
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


@pytest.fixture
def scratch(tiny_run: Callable[..., dict]) -> dict:
    return tiny_run()["model"]


def test_scratch_takes_token_ids_from_the_tokenizer(scratch: dict) -> None:
    """A text tower that pools at another token than the tokenizer's end of text embeds every text alike."""
    model, processor = build_model(ModelConfig(**scratch))
    text = model.config.text_config
    assert text.vocab_size == len(processor.tokenizer)
    assert text.eos_token_id == processor.tokenizer.eos_token_id
    assert text.max_position_embeddings == processor.tokenizer.model_max_length


def test_frames_come_in_the_towers_size(scratch: dict) -> None:
    """A processor of 224 pixels before a tower of 20 fails at the first batch."""
    _, processor = build_model(ModelConfig(**scratch))
    assert processor.video_processor.crop_size == {"height": 20, "width": 20}
    assert processor.video_processor.num_frames == 5


def test_clip_folder_gives_its_towers(scratch: dict, world: Path, tmp_path: Path) -> None:
    """The way from `openai/clip-vit-*`: same code, another folder."""
    model, processor = build_model(ModelConfig(**scratch))
    config = model.config
    torch.manual_seed(1)
    clip = CLIPModel(
        CLIPConfig(
            text_config=config.text_config.to_dict(), vision_config=config.vision_config.to_dict(), projection_dim=10
        )
    )
    clip.save_pretrained(tmp_path)
    processor.tokenizer.save_pretrained(tmp_path)
    ours, _ = build_model(
        ModelConfig(
            init="clip", name=str(tmp_path), config={"temporal_config": {"head_dim": 7, "intermediate_size": 13}}
        )
    )
    assert torch.equal(ours.visual_projection.weight, clip.visual_projection.weight)
    assert ours.config.temporal_config.head_dim == 7


def test_openais_wrong_end_of_text_id_is_accepted(scratch: dict, tmp_path: Path) -> None:
    """`openai/clip-vit-*` say 2, by which CLIP's tower pools at the largest id: the end of text all the same."""
    model, processor = build_model(ModelConfig(**scratch))
    text = {**model.config.text_config.to_dict(), "eos_token_id": 2}
    torch.manual_seed(1)
    vision = model.config.vision_config.to_dict()
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=10)).save_pretrained(tmp_path)
    processor.tokenizer.save_pretrained(tmp_path)
    small = {"temporal_config": {"head_dim": 7, "intermediate_size": 13}}
    ours, theirs = build_model(ModelConfig(init="clip", name=str(tmp_path), config=small))
    with torch.no_grad():
        short = ours.get_text_features(**theirs(text=["raised brows"])).pooler_output
        padded = ours.get_text_features(
            **theirs(text=["raised brows", "a long text of several more words"])
        ).pooler_output
    torch.testing.assert_close(short[0], padded[0])


def test_earlier_run_keeps_its_towers_and_takes_another_pooling(tiny_model_folder: Path) -> None:
    """Stage 2 of the embedded default starts so: the temporal part is new, the towers are not."""
    earlier = EmoCLIPModel.from_pretrained(tiny_model_folder)
    model, processor = build_model(
        ModelConfig(
            init="emoclip",
            name=str(tiny_model_folder),
            config={"temporal_config": {"num_hidden_layers": 2}},
            processor={"num_frames": 3},
        )
    )
    assert len(model.temporal.layers) == 2
    assert model.config.temporal_config.head_dim == earlier.config.temporal_config.head_dim
    assert torch.equal(model.visual_projection.weight, earlier.visual_projection.weight)
    assert (processor.video_processor.num_frames, processor.video_processor.frame_stride) == (3, 3)


@pytest.mark.parametrize("init", ["clip", "emoclip"])
def test_a_base_that_is_not_there_is_told_by_its_path(tmp_path: Path, init: str) -> None:
    """A stage that was not run yet, or the run's folder for its model, was told as a wrong repository or a missing `sentencepiece`."""
    missing = tmp_path / "stills" / "model"
    with pytest.raises(FileNotFoundError, match=f"model folder must exist, got {missing}"):
        build_model(ModelConfig(init=init, name=str(missing)))
    missing.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=f"stills has no model.safetensors .*; that of this run is {missing}"):
        build_model(ModelConfig(init=init, name=str(missing.parent)))


def test_foreign_tokenizer_is_refused(tiny_model_folder: Path, world: Path) -> None:
    """Ids beyond the embedding table crash in the middle of an epoch, or worse, do not."""
    with pytest.raises(ValueError, match="at most as many tokens as the text tower"):
        build_model(ModelConfig(init="emoclip", name=str(tiny_model_folder), tokenizer=str(world / "tokenizer")))


@pytest.mark.parametrize(
    ("vision", "text", "dim", "act"),
    [
        ({"patch_size": 5, "hidden_size": 12}, {"hidden_size": 12}, 10, "quick_gelu"),
        ({"patch_size": 4, "hidden_size": 12}, {"hidden_size": 12}, 10, "quick_gelu"),
        ({"patch_size": 2, "hidden_size": 24, "num_hidden_layers": 3}, {"hidden_size": 18}, 15, "quick_gelu"),
        ({"patch_size": 5, "hidden_size": 12}, {"hidden_size": 12}, 10, "gelu"),
    ],
    ids=["B/32", "B/16", "L/14", "LAION"],
)
def test_any_clip_is_a_base(tiny_model_folder: Path, tmp_path: Path, vision, text, dim, act) -> None:
    """Patch, widths, depth, joint space and activation come from the checkpoint; the temporal part takes the joint width."""
    tokenizer = EmoCLIPProcessor.from_pretrained(tiny_model_folder).tokenizer
    sizes = {"intermediate_size": 17, "num_hidden_layers": 1, "num_attention_heads": 3, "hidden_act": act}
    ids = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "max_position_embeddings": 57}
    config = CLIPConfig(
        text_config={**sizes, **ids, **text}, vision_config={**sizes, "image_size": 20, **vision}, projection_dim=dim
    )
    clip = CLIPModel(config).eval()
    clip.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    changes = {"temporal_config": {"head_dim": 7, "num_hidden_layers": 1}}
    model, processor = build_model(ModelConfig(init="clip", name=str(tmp_path), config=changes))
    pixels = torch.randn(2, 1, 3, 20, 20)
    with torch.no_grad():
        expected = clip.get_image_features(pixels[:, 0]).pooler_output
        torch.testing.assert_close(model.eval().get_frame_features(pixels)[:, 0], expected)
        assert model.get_video_features(pixels).pooler_output.shape == (2, dim)
    assert processor.video_processor.crop_size == {"height": 20, "width": 20}


def test_layers_start_as_copies_on_request(scratch: dict) -> None:
    """EmotionCLIP's six temporal layers are, and at 1e-8 they stay so; six different ones are another model."""
    scratch["config"]["temporal_config"] |= {"pooling": "residual_transformer", "num_hidden_layers": 3}
    for identical in (True, False):
        model, _ = build_model(ModelConfig(**scratch, identical_layers=identical))
        first, *others = (layer.state_dict() for layer in model.temporal.layers)
        same = [all(torch.equal(first[name], other[name]) for name in first) for other in others]
        assert same == [identical] * 2
    scratch["config"]["temporal_config"] = {"pooling": "mean"}
    with pytest.raises(ValueError, match="needs a temporal transformer, got pooling=mean"):
        build_model(ModelConfig(**scratch, identical_layers=True))
