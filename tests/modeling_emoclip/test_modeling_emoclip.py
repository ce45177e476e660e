# SPDX-License-Identifier: Apache-2.0
"""The model against what the original computes, and its contract with transformers."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModel, CLIPConfig, CLIPModel

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


GOLDEN = Path(__file__).parents[1] / "golden" / "emoclip_small.safetensors"
# The tolerance that the stored tensors' own description allows; typical errors are 1e-6.
RELATIVE_ERROR = 1e-4

BLOCK_NAMES = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
SINGLE_NAMES = {
    "logit_scale": "logit_scale",
    "backbone.visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "backbone.visual.class_embedding": "vision_model.embeddings.class_embedding",
    "backbone.visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "backbone.visual.ln_pre": "vision_model.pre_layrnorm",
    "backbone.visual.ln_post": "vision_model.post_layernorm",
    "backbone.token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "backbone.positional_embedding": "text_model.embeddings.position_embedding.weight",
    "backbone.ln_final": "text_model.final_layer_norm",
    "backbone.visual.proj": "visual_projection.weight",
    "backbone.text_projection": "text_projection.weight",
}
TEMPORAL_NAMES = {
    "0.fn.norm": "norm1",
    "0.fn.fn.to_qkv": "attn.qkv",
    "0.fn.fn.to_out.0": "attn.out",
    "1.fn.norm": "norm2",
    "1.fn.fn.net.0": "mlp.fc1",
    "1.fn.fn.net.3": "mlp.fc2",
}


def translate(key: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """One tensor of the original under our names."""
    if key in {"backbone.visual.proj", "backbone.text_projection"}:
        return {SINGLE_NAMES[key]: tensor.T}
    stem, _, leaf = key.rpartition(".")
    if key in SINGLE_NAMES:
        return {SINGLE_NAMES[key]: tensor}
    if stem in SINGLE_NAMES:
        return {f"{SINGLE_NAMES[stem]}.{leaf}": tensor}
    if match := re.fullmatch(
        r"backbone\.(visual\.)?transformer\.resblocks\.(\d+)\.(.+?)\.?(in_proj_)?(weight|bias)", key
    ):
        visual, layer, part, in_proj, leaf = match.groups()
        prefix = f"{'vision' if visual else 'text'}_model.encoder.layers.{layer}"
        if in_proj:
            parts = zip("qkv", tensor.chunk(3), strict=True)
            return {f"{prefix}.self_attn.{name}_proj.{leaf}": chunk for name, chunk in parts}
        return {f"{prefix}.{BLOCK_NAMES[part]}.{leaf}": tensor}
    if match := re.fullmatch(r"temporal\.temporal_transformer\.layers\.(\d+)\.(.+)\.(weight|bias)", key):
        layer, part, leaf = match.groups()
        return {f"temporal.layers.{layer}.{TEMPORAL_NAMES[part]}.{leaf}": tensor}
    return {key: tensor}


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    with safe_open(GOLDEN, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no mapping
        tensors["sizes"] = json.loads(file.metadata()["config"])
    return tensors


@pytest.fixture(scope="module")
def golden_model(golden: dict) -> EmoCLIPModel:
    sizes = golden["sizes"]
    config = EmoCLIPConfig(
        text_config={
            "hidden_size": sizes["transformer_width"],
            "intermediate_size": 4 * sizes["transformer_width"],
            "num_hidden_layers": sizes["transformer_layers"],
            "num_attention_heads": sizes["transformer_heads"],
            "vocab_size": sizes["vocab_size"],
            "max_position_embeddings": sizes["context_length"],
            "eos_token_id": sizes["eos_token_id"],
        },
        vision_config={
            "hidden_size": sizes["vision_width"],
            "intermediate_size": 4 * sizes["vision_width"],
            "num_hidden_layers": sizes["vision_layers"],
            "num_attention_heads": sizes["vision_heads"],
            "image_size": sizes["image_resolution"],
            "patch_size": sizes["vision_patch_size"],
        },
        temporal_config={
            "num_hidden_layers": sizes["temporal_layers"],
            "num_attention_heads": sizes["temporal_heads"],
            "head_dim": sizes["temporal_head_dim"],
            "intermediate_size": sizes["temporal_mlp_dim"],
        },
        projection_dim=sizes["embed_dim"],
    )
    model = EmoCLIPModel(config).eval()
    state = {}
    for key, tensor in golden.items():
        if key.startswith("state.") and key != "state.backbone.logit_scale":
            state.update(translate(key.removeprefix("state."), tensor))
    model.load_state_dict(state, strict=True)
    return model


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def tiny_config(**temporal) -> EmoCLIPConfig:
    """Sizes that all differ, so that a mixed-up axis fails."""
    return EmoCLIPConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "vocab_size": 99,
            "max_position_embeddings": 20,
            "bos_token_id": 97,
            "eos_token_id": 98,
            "pad_token_id": 98,
        },
        vision_config={
            "hidden_size": 24,
            "intermediate_size": 29,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "image_size": 16,
            "patch_size": 4,
        },
        temporal_config={
            "head_dim": 5,
            "num_attention_heads": 7,
            "intermediate_size": 11,
            "max_position_embeddings": 13,
            **temporal,
        },
        projection_dim=18,
    )


@pytest.fixture
def tiny_model() -> EmoCLIPModel:
    torch.manual_seed(0)
    return EmoCLIPModel(tiny_config()).eval()


def tiny_inputs(num_texts: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    input_ids = torch.randint(0, 97, (num_texts, 9), generator=generator)
    input_ids[:, -1] = 98
    return {"pixel_values_videos": torch.randn(3, 5, 3, 16, 16, generator=generator), "input_ids": input_ids}


class TestAgainstTheOriginal:
    def test_logits_equal_the_originals(self, golden: dict, golden_model: EmoCLIPModel) -> None:
        """A wrong scale, order of heads or missing norm changes the logits of every released checkpoint."""
        with torch.no_grad():
            out = golden_model(golden["in.pixel_values"], golden["in.input_ids"])
        assert relative_error(out.logits_per_video, golden["out.logits_per_video"]) < RELATIVE_ERROR
        assert relative_error(out.logits_per_text, golden["out.logits_per_text"]) < RELATIVE_ERROR

    def test_features_equal_the_originals_before_normalisation(self, golden: dict, golden_model: EmoCLIPModel) -> None:
        """Compound classes average un-normalised embeddings, so their norms matter too."""
        with torch.no_grad():
            video = golden_model.get_video_features(golden["in.pixel_values"]).pooler_output
            text = golden_model.get_text_features(golden["in.input_ids"]).pooler_output
        assert relative_error(video, golden["out.video_embeds"]) < RELATIVE_ERROR
        assert relative_error(text, golden["out.text_embeds"]) < RELATIVE_ERROR

    def test_loss_and_gradients_equal_the_originals(self, golden: dict, golden_model: EmoCLIPModel) -> None:
        """A loss that is right in value but detached somewhere would train another model."""
        golden_model.zero_grad()
        batch_size = len(golden["in.pixel_values"])
        out = golden_model(golden["in.pixel_values"], golden["in.input_ids"][:batch_size], return_loss=True)
        out.loss.backward()
        assert out.loss.shape == ()
        assert relative_error(out.loss.detach(), golden["out.loss_first_pairs"]) < RELATIVE_ERROR
        checked = 0
        parameters = dict(golden_model.named_parameters())
        for key, gradient in golden.items():
            if key.startswith("grad."):
                for name, part in translate(key.removeprefix("grad."), gradient).items():
                    assert relative_error(parameters[name].grad, part) < RELATIVE_ERROR, name
                    checked += 1
        assert checked == 3


class TestPooling:
    def test_masked_frames_do_not_change_the_embedding(self, tiny_model: EmoCLIPModel) -> None:
        """Padding frames that leak into attention would make the score depend on the batch."""
        pixels = tiny_inputs()["pixel_values_videos"]
        mask = torch.tensor([[True, True, True, False, False]] * 3)
        short = tiny_model.get_video_features(pixels[:, :3]).pooler_output
        padded = tiny_model.get_video_features(pixels, frame_mask=mask).pooler_output
        torch.testing.assert_close(padded, short)

    def test_order_of_frames_changes_the_embedding(self, tiny_model: EmoCLIPModel) -> None:
        """Without positions a rise could not be told from a fall."""
        embeds = tiny_model.get_frame_features(tiny_inputs()["pixel_values_videos"])
        forward = tiny_model.get_video_features(frame_embeds=embeds).pooler_output
        backward = tiny_model.get_video_features(frame_embeds=embeds.flip(1)).pooler_output
        assert (forward - backward).abs().max() > 1e-3

    @pytest.mark.parametrize(("pooling", "expected"), [("mean", [1.0, 4.0]), ("middle_frame", [1.0, 4.0])])
    def test_simple_pooling_respects_the_mask(self, pooling: str, expected: list[float]) -> None:
        """By hand: frames 0,1,2 of a clip valued 0..4, then all of a clip valued 2..6."""
        model = EmoCLIPModel(tiny_config(pooling=pooling))
        values = torch.tensor([[0.0, 1, 2, 3, 4], [2, 3, 4, 5, 6]])
        mask = torch.tensor([[True, True, True, False, False], [True] * 5])
        pooled = model.get_video_features(frame_embeds=values[..., None].expand(2, 5, 18), frame_mask=mask)
        torch.testing.assert_close(pooled.pooler_output, torch.tensor(expected)[:, None].expand(2, 18))

    def test_middle_frame_takes_the_later_of_two_middles(self) -> None:
        """The baseline of the papers takes frame n // 2."""
        model = EmoCLIPModel(tiny_config(pooling="middle_frame"))
        frames = torch.arange(4.0).view(1, 4, 1).expand(1, 4, 18)
        assert model.get_video_features(frame_embeds=frames).pooler_output[0, 0] == 2

    def test_still_image_is_a_clip_of_one_frame(self, tiny_model: EmoCLIPModel) -> None:
        """Stills and clips share one path."""
        out = tiny_model(tiny_inputs()["pixel_values_videos"][:, :1], tiny_inputs()["input_ids"])
        assert out.logits_per_video.shape == (3, 3)

    def test_a_clip_without_frames_that_count_pools_to_zero(self) -> None:
        """0 / 0 would spread NaN through a whole batch."""
        model = EmoCLIPModel(tiny_config(pooling="mean"))
        pooled = model.get_video_features(frame_embeds=torch.ones(1, 4, 18), frame_mask=torch.zeros(1, 4))
        assert pooled.pooler_output.abs().sum() == 0


class TestForward:
    def test_embeddings_come_normalised_and_logits_follow(self, tiny_model: EmoCLIPModel) -> None:
        """Users multiply the embeddings themselves."""
        out = tiny_model(**tiny_inputs(num_texts=4))
        torch.testing.assert_close(out.video_embeds.norm(dim=-1), torch.ones(3))
        expected = tiny_model.logit_scale.exp() * out.video_embeds @ out.text_embeds.T
        torch.testing.assert_close(out.logits_per_video, expected)
        assert out.logits_per_text.shape == (4, 3)
        assert out.loss is None

    def test_tuple_output_holds_the_same_tensors(self, tiny_model: EmoCLIPModel) -> None:
        """Exporters ask for tuples."""
        named = tiny_model(**tiny_inputs())
        plain = tiny_model(**tiny_inputs(), return_dict=False)
        assert len(plain) == 4
        torch.testing.assert_close(plain[0], named.logits_per_video)

    def test_features_from_frames_equal_features_from_pixels(self, tiny_model: EmoCLIPModel) -> None:
        """The windows of `emoclip analyze` reuse frame embeddings."""
        pixels = tiny_inputs()["pixel_values_videos"]
        embeds = tiny_model.get_frame_features(pixels)
        assert embeds.shape == (3, 5, 18)
        from_frames = tiny_model.get_video_features(frame_embeds=embeds).pooler_output
        torch.testing.assert_close(from_frames, tiny_model.get_video_features(pixels).pooler_output)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"pixel_values_videos": torch.zeros(3, 16, 16)},
                r"shape \(batch, frames, 3, height, width\), got \(3, 16",
            ),
            ({"pixel_values_videos": torch.zeros(3, 5, 1, 16, 16)}, "got \\(3, 5, 1, 16, 16\\)"),
            ({"pixel_values_videos": torch.zeros(3, 13, 3, 16, 16)}, "at most 12 frames .* got 13"),
            ({"frame_mask": torch.ones(3, 4)}, r"\(3, 5\), got \(3, 4\)"),
            ({"subject_masks": torch.ones(3, 5, 16, 16)}, "`subject_masks` must be None in this version"),
            ({"sentiment_logits": torch.ones(3, 7)}, "`sentiment_logits` must be None in this version"),
            ({"return_loss": True, "input_ids": torch.full((2, 4), 98)}, "one text per clip, got 3 clips and 2 texts"),
        ],
    )
    def test_wrong_input_is_refused_with_its_shape(self, tiny_model: EmoCLIPModel, change: dict, message: str) -> None:
        """A broadcast would give plausible scores for wrong input."""
        with pytest.raises(ValueError, match=message):
            tiny_model(**{**tiny_inputs(), **change})

    def test_features_want_exactly_one_input(self, tiny_model: EmoCLIPModel) -> None:
        """Pixels beside frame embeddings would be ignored silently."""
        with pytest.raises(ValueError, match="either `pixel_values_videos` or `frame_embeds`"):
            tiny_model.get_video_features()


class TestFromClip:
    @pytest.fixture
    def clip(self) -> CLIPModel:
        torch.manual_seed(3)
        config = tiny_config()
        return CLIPModel(
            CLIPConfig(
                text_config=config.text_config.to_dict(),
                vision_config=config.vision_config.to_dict(),
                projection_dim=18,
                logit_scale_init_value=4.25,
            )
        ).eval()

    def test_towers_compute_what_clip_computes(self, clip: CLIPModel) -> None:
        """A weight copied into the wrong place gives a model that looks healthy and scores at chance."""
        model = EmoCLIPModel.from_clip(clip, temporal_config={"head_dim": 5, "pooling": "mean"}).eval()
        inputs = tiny_inputs()
        with torch.no_grad():
            frames = model.get_frame_features(inputs["pixel_values_videos"])
            expected = clip.get_image_features(inputs["pixel_values_videos"].flatten(0, 1)).pooler_output
            text = model.get_text_features(inputs["input_ids"]).pooler_output
            expected_text = clip.get_text_features(inputs["input_ids"]).pooler_output
        torch.testing.assert_close(frames.flatten(0, 1), expected)
        torch.testing.assert_close(text, expected_text)
        assert model.logit_scale.item() == pytest.approx(4.25)

    def test_a_saved_clip_folder_is_accepted(self, clip: CLIPModel, tmp_path: Path) -> None:
        """The documented call takes a Hub id or a folder."""
        clip.save_pretrained(tmp_path)
        model = EmoCLIPModel.from_clip(str(tmp_path), temporal_config={"head_dim": 5})
        assert model.config.projection_dim == 18
        assert model.temporal.cls_token.abs().sum() > 0

    def test_overrides_that_do_not_fit_the_weights_are_refused(self, clip: CLIPModel) -> None:
        """A wrong size must not load half a tower."""
        with pytest.raises((ValueError, RuntimeError), match=r"size mismatch|fit the towers"):
            EmoCLIPModel.from_clip(clip, projection_dim=20)


class TestSaving:
    def test_save_and_load_keep_every_weight(self, tiny_model: EmoCLIPModel, tmp_path: Path) -> None:
        """A parameter that `_init_weights` reinitialises after loading would be lost."""
        tiny_model.save_pretrained(tmp_path)
        loaded = EmoCLIPModel.from_pretrained(tmp_path)
        for (name, ours), theirs in zip(tiny_model.state_dict().items(), loaded.state_dict().values(), strict=True):
            assert torch.equal(ours, theirs), name

    def test_auto_model_finds_the_class_after_import(self, tiny_model: EmoCLIPModel, tmp_path: Path) -> None:
        """With the package installed no `trust_remote_code` is needed."""
        tiny_model.save_pretrained(tmp_path)
        assert isinstance(AutoModel.from_pretrained(tmp_path), EmoCLIPModel)

    def test_other_pooling_can_be_chosen_when_loading(self, tiny_model: EmoCLIPModel, tmp_path: Path) -> None:
        """The middle-frame baseline uses the same towers."""
        tiny_model.save_pretrained(tmp_path)
        config = EmoCLIPConfig.from_pretrained(tmp_path)
        config.temporal_config.pooling = "middle_frame"
        baseline = EmoCLIPModel.from_pretrained(tmp_path, config=config)
        pixels = tiny_inputs()["pixel_values_videos"]
        torch.testing.assert_close(
            baseline.get_video_features(pixels).pooler_output, tiny_model.get_frame_features(pixels)[:, 2]
        )


class TestInitialisation:
    def test_temporal_part_starts_as_the_original_does(self) -> None:
        """The position table is N(0, 1); the linear layers follow PyTorch's uniform default, not N(0, 0.02)."""
        torch.manual_seed(0)
        model = EmoCLIPModel(tiny_config(max_position_embeddings=997, head_dim=64))
        assert model.temporal.pos_embedding.std().item() == pytest.approx(1.0, abs=0.03)
        weight = model.temporal.layers[0].attn.qkv.weight
        bound = 18**-0.5
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)

    def test_every_parameter_is_initialised_finite(self) -> None:
        """Memory left empty by the constructor shows up as NaN at random."""
        model = EmoCLIPModel(tiny_config())
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())

    def test_every_parameter_gets_a_gradient(self, tiny_model: EmoCLIPModel) -> None:
        """A part that is built but not used would be saved, counted and never trained."""
        tiny_model(**tiny_inputs(), return_loss=True).loss.backward()
        without = [name for name, parameter in tiny_model.named_parameters() if parameter.grad is None]
        assert without == []
