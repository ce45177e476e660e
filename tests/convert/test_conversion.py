# SPDX-License-Identifier: Apache-2.0
"""Converted checkpoints compute what the originals computed, and every tensor comes back bit for bit."""

import math
import re
from collections.abc import Callable

import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from emoclip.convert import convert_downstream, convert_original, to_original
from emoclip.convert.conversion import detect_method
from emoclip.convert.key_tables import CLIP, EMOCLIP
from emoclip.convert.rename import rename
from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel
from modeling_emoclip.loss_emoclip import (
    distillation_loss,
    pool_teacher_states,
    sentiment_guided_contrastive_loss,
    sentiment_weights,
)


# The tolerance that the stored tensors' own description allows; typical errors are 1e-6.
RELATIVE_ERROR = 1e-4


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    finite = theirs.isfinite()
    assert torch.equal(ours.isfinite(), finite)
    return float((ours - theirs)[finite].abs().max() / theirs[finite].abs().max())


def convert(golden, method: str) -> EmoCLIPModel:
    """The stored model of a method, with the sizes that no tensor tells."""
    stored = golden(method)
    sizes = stored.sizes
    options = {"eos_token_id": sizes["eos_token_id"], "temporal_heads": sizes.get("temporal_heads", 8)}
    if method == "emotionclip":
        return convert_original(stored.state, method, hidden_act="quick_gelu", **options)
    return convert_original(stored.state, method, **options)


class TestEmoCLIP:
    @pytest.fixture
    def model(self, golden: Callable) -> EmoCLIPModel:
        return convert(golden, "emoclip")

    def test_outputs_equal_the_originals(self, golden: Callable, model: EmoCLIPModel) -> None:
        """A wrong scale, order of heads or missing norm changes the scores of every released checkpoint."""
        stored = golden("emoclip")
        with torch.no_grad():
            out = model(stored.given["pixel_values"], stored.given["input_ids"])
            video = model.get_video_features(stored.given["pixel_values"]).pooler_output
            text = model.get_text_features(stored.given["input_ids"]).pooler_output
        assert relative_error(out.logits_per_video, stored.expected["logits_per_video"]) < RELATIVE_ERROR
        assert relative_error(out.logits_per_text, stored.expected["logits_per_text"]) < RELATIVE_ERROR
        # Compound classes average embeddings before normalisation, so their norms matter too.
        assert relative_error(video, stored.expected["video_embeds"]) < RELATIVE_ERROR
        assert relative_error(text, stored.expected["text_embeds"]) < RELATIVE_ERROR

    def test_loss_and_gradients_equal_the_originals(self, golden: Callable, model: EmoCLIPModel) -> None:
        """A loss that is right in value but detached somewhere would train another model."""
        stored = golden("emoclip")
        pixels = stored.given["pixel_values"]
        out = model(pixels, stored.given["input_ids"][: len(pixels)], return_loss=True)
        out.loss.backward()
        assert relative_error(out.loss.detach(), stored.expected["loss_first_pairs"]) < RELATIVE_ERROR
        ours = {name: parameter.grad for name, parameter in model.named_parameters()}
        theirs, unknown = rename(stored.gradients, EMOCLIP)
        assert (len(theirs), unknown) == (3, [])
        for name, gradient in theirs.items():
            assert relative_error(ours[name], gradient) < RELATIVE_ERROR, name

    def test_unused_logit_scale_is_a_buffer(self, golden: Callable, model: EmoCLIPModel) -> None:
        """As a parameter it would be decayed and saved as if it did something."""
        state = golden("emoclip").state
        assert torch.equal(model.clip_logit_scale, state["backbone.logit_scale"])
        assert "clip_logit_scale" not in dict(model.named_parameters())
        assert torch.equal(model.logit_scale, state["logit_scale"])


class TestEmotionCLIP:
    @pytest.fixture
    def model(self, golden: Callable) -> EmoCLIPModel:
        return convert(golden, "emotionclip")

    def test_outputs_equal_the_originals(self, golden: Callable, model: EmoCLIPModel) -> None:
        """Token, residual without positions, post-norm and two kinds of GELU stand behind these numbers."""
        given, expected = golden("emotionclip").given, golden("emotionclip").expected
        pixels, masks = given["pixel_values"], given["subject_mask"]
        with torch.no_grad():
            frames = model.get_frame_features(pixels, masks)
            video = model.get_video_features(pixels, subject_masks=masks).pooler_output
            text = model.get_text_features(given["input_ids"]).pooler_output
        assert relative_error(frames.flatten(0, 1), expected["frame_embeds"]) < RELATIVE_ERROR
        # The original returns embeddings as its model uses them in the loss.
        assert relative_error(video, expected["video_embeds"]) < RELATIVE_ERROR
        assert relative_error(text, expected["text_embeds"]) < RELATIVE_ERROR
        assert relative_error(model.logit_scale.exp().detach(), expected["logit_scale_exp"]) < RELATIVE_ERROR

    @pytest.mark.parametrize("beta", ["0", "0.01", "1"])
    def test_sentiment_guided_loss_equals_the_originals(
        self, golden: Callable, model: EmoCLIPModel, beta: str
    ) -> None:
        """The direction of the divergence and the untransposed weights are in these numbers."""
        given, expected = golden("emotionclip").given, golden("emotionclip").expected
        weights = sentiment_weights(given["sentiment_logits"])
        assert relative_error(weights, expected["sentiment_weight"]) < RELATIVE_ERROR
        loss = sentiment_guided_contrastive_loss(
            expected["video_embeds"],
            expected["text_embeds"],
            expected["logit_scale_exp"],
            given["sentiment_logits"],
            float(beta),
        )
        assert relative_error(loss, expected[f"loss_scale_{beta}"]) < RELATIVE_ERROR
        model.config.sentiment_beta = float(beta)
        out = model(
            given["pixel_values"],
            given["input_ids"],
            subject_masks=given["subject_mask"],
            sentiment_logits=given["sentiment_logits"],
            return_loss=True,
        )
        assert relative_error(out.loss.detach(), expected[f"loss_scale_{beta}"]) < RELATIVE_ERROR

    def test_repeated_tensors_must_agree(self, golden: Callable) -> None:
        """One of two different logit scales would be lost without a word."""
        state = dict(golden("emotionclip").state)
        state["backbone.logit_scale"] = state["logit_scale"] + 1
        with pytest.raises(ValueError, match=r"`backbone.logit_scale` must equal what it repeats"):
            convert_original(state, "emotionclip")

    def test_position_ids_may_be_missing(self, golden: Callable) -> None:
        """Newer PyTorch does not store them."""
        state = {name: tensor for name, tensor in golden("emotionclip").state.items() if "position_ids" not in name}
        assert convert_original(state, "emotionclip").config.temporal_config.max_position_embeddings == 8


class TestExpCLIP:
    @pytest.fixture
    def model(self, golden: Callable, expclip_parts: tuple) -> EmoCLIPModel:
        head, base = expclip_parts
        return convert_original(
            head, "expclip", base_state_dict=base, eos_token_id=golden("expclip").sizes["eos_token_id"]
        )

    def test_outputs_equal_the_originals(self, golden: Callable, model: EmoCLIPModel) -> None:
        """Projection before normalisation, mean over frames, mean of logits over the prompts of a class."""
        stored = golden("expclip")
        prompts = stored.sizes["prompts_per_class"]
        pixels, ids = stored.given["pixel_values_videos"], stored.given["input_ids"]
        with torch.no_grad():
            out = model(pixels, ids)
            first = model(pixels[:, :1], ids)
        assert relative_error(out.video_embeds, stored.expected["video_embeds_normalised"]) < RELATIVE_ERROR
        assert relative_error(out.text_embeds, stored.expected["text_embeds_normalised"]) < RELATIVE_ERROR
        logits = out.logits_per_video.unflatten(1, (-1, prompts)).mean(dim=-1)
        assert relative_error(logits, stored.expected["logits_per_video"]) < RELATIVE_ERROR
        stills = first.logits_per_video.unflatten(1, (-1, prompts)).mean(dim=-1)
        assert relative_error(stills, stored.expected["logits_per_image_first_frame"]) < RELATIVE_ERROR

    def test_distillation_loss_equals_the_originals(self, golden: Callable, model: EmoCLIPModel) -> None:
        """The mean is over all positions, and the temperature is CLIP's."""
        stored = golden("expclip")
        with torch.no_grad():
            images = model.get_video_features(stored.given["pixel_values_videos"][:, :1]).pooler_output
        teacher = pool_teacher_states(stored.given["llm_token_states"])
        loss = distillation_loss(images, teacher, model.logit_scale.exp().detach())
        assert relative_error(loss, stored.expected["distillation_loss_first_frame"]) < RELATIVE_ERROR

    def test_whole_training_state_needs_no_base(self, golden: Callable, expclip_parts: tuple) -> None:
        """A user's own run saves CLIP beside the head."""
        state = {f"module.{name}": tensor for name, tensor in golden("expclip").state.items()}
        whole = convert_original(state, "expclip")
        assert torch.equal(whole.expression_projection.weight, expclip_parts[0]["mlp.weight"])

    def test_base_may_have_the_names_of_transformers(self, model: EmoCLIPModel, expclip_parts: tuple) -> None:
        """OpenAI's weights are on the Hub in that form."""
        config = model.config
        clip = CLIPModel(
            CLIPConfig(
                text_config=config.text_config.to_dict(),
                vision_config=config.vision_config.to_dict(),
                projection_dim=config.projection_dim,
            )
        )
        clip.load_state_dict(model.state_dict(), strict=False)
        again = convert_original(expclip_parts[0], "expclip", base_state_dict=clip.state_dict())
        for name, tensor in model.state_dict().items():
            assert torch.equal(again.state_dict()[name], tensor), name

    def test_clip_of_transformers_computes_the_same(self, golden: Callable, expclip_parts: tuple) -> None:
        """The key table of OpenAI's CLIP, loaded strictly into transformers' own class, is the tower inside."""
        stored, (head, base) = golden("expclip"), expclip_parts
        model = convert_original(head, "expclip", base_state_dict=base, eos_token_id=stored.sizes["eos_token_id"])
        parts = {name: getattr(model.config, name).to_dict() for name in ("text_config", "vision_config")}
        clip = CLIPModel(CLIPConfig(**parts, projection_dim=model.config.projection_dim)).eval()
        ours, unknown = rename(base, CLIP)
        clip.load_state_dict(ours, strict=True)
        assert unknown == []
        pixels, ids = stored.given["pixel_values_videos"], stored.given["input_ids"]
        with torch.no_grad():
            images = clip.get_image_features(pixels.flatten(0, 1)).pooler_output
            torch.testing.assert_close(model.get_frame_features(pixels).flatten(0, 1), images)
            texts = clip.get_text_features(ids).pooler_output @ head["mlp.weight"].T
        assert (
            relative_error(texts / texts.norm(dim=-1, keepdim=True), stored.expected["text_embeds_normalised"]) < 1e-4
        )

    @pytest.mark.parametrize(
        ("head", "message"),
        [
            (torch.zeros(96, 48), r"`mlp.weight` \(96, 48\) for a base of width 32"),
            (torch.zeros(96), r"got `mlp.weight` \(96,\)"),
        ],
    )
    def test_head_of_another_base_is_refused(self, head: torch.Tensor, message: str, expclip_parts: tuple) -> None:
        """An L/14 head on a B/32 base fails in the middle of the first batch otherwise."""
        with pytest.raises(ValueError, match=message):
            convert_original({"mlp.weight": head}, "expclip", base_state_dict=expclip_parts[1])

    def test_head_alone_asks_for_its_base(self, expclip_parts: tuple) -> None:
        """512 wide may be B/32 or B/16; a guess would be wrong half of the time."""
        with pytest.raises(ValueError, match=r"give CLIP's weights .* ViT-B/32 or ViT-B/16"):
            convert_original(expclip_parts[0], "expclip")


class TestThereAndBack:
    @pytest.mark.parametrize("method", ["emoclip", "emotionclip"])
    def test_every_tensor_comes_back_bit_for_bit(self, golden: Callable, method: str) -> None:
        """What is lost on the way cannot be told from the converted model."""
        state = golden(method).state
        restored = to_original(convert(golden, method), method)
        assert set(restored) == set(state)
        for name, tensor in state.items():
            assert torch.equal(restored[name], tensor), name
            assert restored[name].dtype == tensor.dtype

    def test_head_comes_back_alone(self, expclip_parts: tuple) -> None:
        """That is the file that was released."""
        head, base = expclip_parts
        restored = to_original(convert_original(head, "expclip", base_state_dict=base), "expclip")
        assert list(restored) == ["mlp.weight"]
        assert torch.equal(restored["mlp.weight"], head["mlp.weight"])

    def test_half_precision_and_the_prefix_of_data_parallel_training(self, golden: Callable) -> None:
        """Checkpoints trained on GPUs hold half the tensors in float16, and `module.` before every name."""
        state = golden("emoclip").state
        half = {
            f"module.{name}": tensor.half() if "backbone" in name and tensor.ndim == 2 else tensor
            for name, tensor in state.items()
        }
        model = convert_original(half, "emoclip")
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
        assert all(parameter.requires_grad for parameter in model.parameters())
        restored = to_original(model, "emoclip")
        for name, tensor in half.items():
            assert torch.equal(restored[name.removeprefix("module.")], tensor.float()), name

    def test_keys_of_openais_archive_are_left_out(self, golden: Callable) -> None:
        """They tell sizes that the tensors tell too."""
        state = golden("emoclip").state | {"input_resolution": torch.tensor(32), "vocab_size": torch.tensor(64)}
        convert_original(state, "emoclip")

    def test_parts_that_the_original_has_not_are_named(self, golden: Callable, expclip_parts: tuple) -> None:
        """A projection dropped on the way back would be a silent loss."""
        model = convert_original(expclip_parts[0], "expclip", base_state_dict=expclip_parts[1])
        with pytest.raises(ValueError, match=r"as emoclip is .* expression_projection_dim 96 instead of None"):
            to_original(model, "emoclip")
        with pytest.raises(ValueError, match="expression_projection_dim None instead of 'a width'"):
            to_original(convert(golden, "emoclip"), "expclip")


class TestDownstream:
    @pytest.fixture
    def state(self, golden: Callable) -> dict[str, torch.Tensor]:
        """The downstream task of the stored model, as the original saves it."""
        generator = torch.Generator().manual_seed(0)
        width = golden("emoclip").sizes["embed_dim"]
        state = {
            name.replace("backbone.visual.", "backbone.", 1): tensor
            for name, tensor in golden("emoclip").state.items()
            if name.startswith(("backbone.visual.", "temporal."))
        }
        shapes = {"mlp.0.weight": (11, width), "mlp.0.bias": (11,), "mlp.2.weight": (5, 11), "mlp.2.bias": (5,)}
        return state | {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}

    def test_head_and_encoder_compute_what_they_did(self, golden: Callable, state: dict) -> None:
        """The head reads the clip before normalisation."""
        stored = golden("emoclip")
        model = convert_downstream(state, temporal_heads=stored.sizes["temporal_heads"])
        hidden = (stored.expected["video_embeds"] @ state["mlp.0.weight"].T + state["mlp.0.bias"]).relu()
        expected = hidden @ state["mlp.2.weight"].T + state["mlp.2.bias"]
        with torch.no_grad():
            assert relative_error(model(stored.given["pixel_values"]).logits, expected) < RELATIVE_ERROR
        assert isinstance(model, EmoCLIPForVideoClassification)
        assert not any(parameter.requires_grad for parameter in model.vision_model.parameters())
        assert all(parameter.requires_grad for parameter in model.temporal.parameters())
        restored = to_original(model, "emoclip")
        assert set(restored) == set(state)
        assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())

    def test_text_tower_of_clip_completes_it_with_a_warning(
        self, golden: Callable, state: dict, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Zero-shot use needs a text tower, and the one that was trained is not in the file."""
        whole = golden("emoclip").state
        base = {name.removeprefix("backbone."): tensor for name, tensor in whole.items() if "backbone." in name}
        heads = golden("emoclip").sizes["temporal_heads"]
        model = convert_original(state, "emoclip", base_state_dict=base, eos_token_id=63, temporal_heads=heads)
        assert "has no text tower" in caplog.text
        with torch.no_grad():
            text = model.get_text_features(golden("emoclip").given["input_ids"]).pooler_output
            video = model.get_video_features(golden("emoclip").given["pixel_values"]).pooler_output
        assert relative_error(text, golden("emoclip").expected["text_embeds"]) < RELATIVE_ERROR
        assert relative_error(video, golden("emoclip").expected["video_embeds"]) < RELATIVE_ERROR

    def test_without_a_base_or_a_head_the_remedy_is_named(self, state: dict) -> None:
        """The published file is of this kind."""
        with pytest.raises(ValueError, match=r"no text tower; give CLIP's"):
            convert_original(state, "emoclip")
        headless = {name: tensor for name, tensor in state.items() if not name.startswith("mlp.")}
        with pytest.raises(ValueError, match=r"must have a head"):
            convert_downstream(headless)


class TestOnlyWholeOriginalsAreWritten:
    @pytest.mark.parametrize(
        ("method", "change", "message"),
        [
            ("emoclip", {"pooling": "mean"}, "pooling 'mean' instead of 'cls_transformer'"),
            ("emotionclip", {"pooling": "cls_transformer"}, "pooling 'cls_transformer' instead of 'residual_"),
            ("expclip", {"pooling": "middle_frame"}, "pooling 'middle_frame' instead of 'mean'"),
            ("emoclip", {"subject_prompting": "sap"}, "subject_prompting 'sap' instead of 'none'"),
            ("emotionclip", {"subject_prompting": "saam"}, "subject_prompting 'saam' instead of 'sap'"),
            ("emotionclip", {"subject_binary": True}, "subject_binary True instead of False"),
            ("expclip", {"expression_projection_dim": None}, "expression_projection_dim None instead of 'a width'"),
            ("expclip", {"expression_projection_type": "mlp2"}, "projection_type 'mlp2' instead of 'linear'"),
        ],
    )
    def test_a_model_built_otherwise_is_refused(
        self, golden: Callable, method: str, change: dict, message: str
    ) -> None:
        """The original's code would load the file and compute something else, or fail at the first missing name."""
        config = convert(golden, method).config
        fields = config.to_dict()
        if "pooling" in change:
            fields["temporal_config"] = {**fields["temporal_config"], **change}
        else:
            fields |= change
        with pytest.raises(ValueError, match=message):
            to_original(EmoCLIPModel(EmoCLIPConfig(**fields)), method)

    def test_a_head_for_classes_is_emoclips_alone(self, golden: Callable) -> None:
        """Its image side alone would be written as EmotionCLIP without a text tower."""
        model = EmoCLIPForVideoClassification(convert(golden, "emotionclip").config)
        with pytest.raises(ValueError, match="a head for classes True instead of False"):
            to_original(model, "emotionclip")

    def test_a_model_that_was_not_converted_is_whole_too(self, golden: Callable) -> None:
        """The original's strict loading looks for CLIP's own scale, which only converted models carry."""
        config = convert(golden, "emoclip").config
        config.keep_clip_logit_scale = False
        state = to_original(EmoCLIPModel(config), "emoclip")
        assert set(state) == set(golden("emoclip").state)
        assert state["backbone.logit_scale"].item() == pytest.approx(math.log(100))


class TestStrictness:
    def test_every_missing_and_unexpected_tensor_is_named_as_in_the_file(self, golden: Callable) -> None:
        """The first of three would be repaired three times."""
        state = dict(golden("emoclip").state)
        for name in ("backbone.visual.ln_post.bias", "backbone.transformer.resblocks.1.attn.in_proj_bias"):
            del state[name]
        state["extra.weight"] = torch.zeros(2)
        state["backbone.ln_final.weight"] = torch.zeros(7)
        with pytest.raises(ValueError, match="exactly the tensors") as caught:
            convert_original(state, "emoclip")
        for part in (
            "missing: backbone.transformer.resblocks.1.attn.in_proj_bias, backbone.visual.ln_post.bias;",
            "unexpected: extra.weight;",
            "other shapes: backbone.ln_final.weight (7,) instead of (64,).",
        ):
            assert part in str(caught.value)

    @pytest.mark.parametrize("method", ["emoclip", "emotionclip", "expclip"])
    def test_method_is_told_by_the_names(self, golden: Callable, method: str) -> None:
        """A checkpoint taken for another's would fail with a hundred names."""
        state = golden(method).state
        assert detect_method(state) == method
        other = "expclip" if method == "emoclip" else "emoclip"
        with pytest.raises(ValueError, match=f"must be one of {other}, got one of {method}"):
            convert_original(state, other)

    @pytest.mark.parametrize(
        ("changes", "arguments", "message"),
        [
            ({}, {"method": "clip"}, "`method` must be one of emoclip, emotionclip, expclip, got 'clip'"),
            ({}, {"temporal_heads": 7}, "`temporal_heads` must divide .* got 7 heads"),
            ({}, {"vision_heads": 3}, "`vision_heads` must divide 64 rows, got 3"),
            ({}, {"text_heads": 5}, "`text_heads` must divide 64 rows, got 5"),
            ({}, {"eos_token_id": 64}, r"`eos_token_id` must be in \[0, 64\)"),
            ({}, {"hidden_act": "bogus"}, "hidden_act` must be one of .* got 'bogus'"),
            (
                {"module.logit_scale": torch.tensor(1.0)},
                {},
                "must stand in the checkpoint once, got `logit_scale` and `module.logit_scale`",
            ),
            ({"epoch": 3}, {}, "must hold tensors, got int as `epoch`"),
            ({"backbone.visual.conv1.weight": torch.zeros(3)}, {}, "with 4 axes, which tells a size"),
            (
                {"backbone.transformer.resblocks.0.attn.in_proj_bias": torch.zeros(7)},
                {},
                r"in_proj_bias` must hold 3 equal parts, got the shape \(7,\)",
            ),
        ],
    )
    def test_bad_arguments_are_refused(self, golden: Callable, changes: dict, arguments: dict, message: str) -> None:
        """Before a model of a wrong size is built."""
        state = golden("emoclip").state | changes
        with pytest.raises(ValueError, match=message):
            convert_original(state, **{"method": "emoclip", **arguments})

    @pytest.mark.parametrize(
        "name", ["temporal.temporal_transformer.layers.0.0.fn.fn.to_qkv.weight", "backbone.token_embedding.weight"]
    )
    def test_a_missing_tensor_that_tells_a_size_is_named_as_in_the_file(self, golden: Callable, name: str) -> None:
        """Our name for it stands in no file that its owner has."""
        state = {key: tensor for key, tensor in golden("emoclip").state.items() if key != name}
        with pytest.raises(ValueError, match=rf"must hold `{re.escape(name)}` with 2 axes.* got nothing"):
            convert_original(state, "emoclip")

    def test_a_base_beside_a_whole_checkpoint_is_refused(self, golden: Callable, expclip_parts: tuple) -> None:
        """It was left out of the model and named on its card."""
        for method in ("emoclip", "expclip"):
            with pytest.raises(ValueError, match=r"`base_state_dict` must be left out for a"):
                convert_original(golden(method).state, method, base_state_dict=expclip_parts[1])

    def test_a_base_without_its_projection_is_named(self, expclip_parts: tuple) -> None:
        """An image tower alone is no CLIP."""
        head, base = expclip_parts
        base = {name: tensor for name, tensor in base.items() if name != "visual.proj"}
        with pytest.raises(ValueError, match=r"must hold `visual.proj` with 2 axes"):
            convert_original(head, "expclip", base_state_dict=base)

    def test_a_base_that_is_no_clip_is_refused(self, expclip_parts: tuple, golden: Callable) -> None:
        """A base with parts of its own would lose them."""
        head, _ = expclip_parts
        with pytest.raises(ValueError, match="by OpenAI's names"):
            convert_original(head, "expclip", base_state_dict={"weight": torch.zeros(1)})
        with pytest.raises(ValueError, match="must be a CLIP model alone, got also"):
            convert_original(head, "expclip", base_state_dict=convert(golden, "emoclip").state_dict())
        with pytest.raises(ValueError, match="must be left out for emotionclip"):
            convert_original(golden("emotionclip").state, "emotionclip", base_state_dict=expclip_parts[1])
