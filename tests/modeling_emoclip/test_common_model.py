# SPDX-License-Identifier: Apache-2.0
"""What every model of transformers must do, as its own tests ask it, for each method and for the classification model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel


# Pooling and what the method adds; dropout is off where training must repeat itself.
METHODS: dict[str, dict[str, Any]] = {
    "emoclip": {"temporal": {"pooling": "cls_transformer"}, "keep_clip_logit_scale": True},
    "emotionclip": {"temporal": {"pooling": "residual_transformer"}, "subject_prompting": "sap"},
    "expclip": {"temporal": {"pooling": "mean"}, "expression_projection_dim": 31},
    "saam": {"temporal": {"pooling": "middle_frame"}, "subject_prompting": "saam"},
}
PROBLEMS = {"single_label_classification": 4, "multi_label_classification": 4, "regression": 3}

MakeConfig = Callable[..., EmoCLIPConfig]
MakeInputs = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture(params=METHODS)
def fields(request: pytest.FixtureRequest) -> dict[str, Any]:
    return METHODS[request.param]


@pytest.fixture
def config(fields: dict, tiny_config: MakeConfig) -> EmoCLIPConfig:
    return tiny_config(**fields)


@pytest.fixture
def model(config: EmoCLIPConfig) -> EmoCLIPModel:
    torch.manual_seed(0)
    return EmoCLIPModel(config).eval()


@pytest.fixture
def inputs(config: EmoCLIPConfig, tiny_inputs: MakeInputs) -> dict[str, torch.Tensor]:
    return tiny_inputs(masks=config.subject_prompting != "none")


def loss_and_gradients(model: EmoCLIPModel, inputs: dict) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = model(**inputs, return_loss=True).loss
    loss.backward()
    return loss.detach(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


class TestInitialisation:
    def test_towers_start_as_clips_do(self, fields: dict, tiny_config: MakeConfig) -> None:
        """A tower that is ours by class must not start from other weights than transformers' own."""
        config = tiny_config(**fields)
        config.vision_config.update({"hidden_size": 96, "intermediate_size": 384, "num_attention_heads": 4})
        torch.manual_seed(0)
        layer = EmoCLIPModel(config).vision_model.encoder.layers[1]
        # CLIP's rule: width ** -0.5 * (2 * layers) ** -0.5 for the projections in, width ** -0.5 for the one out.
        assert layer.self_attn.q_proj.weight.std().item() == pytest.approx(96**-0.5 * 4**-0.5, rel=0.05)
        assert layer.self_attn.out_proj.weight.std().item() == pytest.approx(96**-0.5, rel=0.05)
        assert layer.mlp.fc1.weight.std().item() == pytest.approx((2 * 96) ** -0.5, rel=0.05)

    def test_residual_transformer_starts_as_pytorchs_attention(self, tiny_config: MakeConfig) -> None:
        """Xavier for the fused projection, no biases, positions from N(0, 1)."""
        torch.manual_seed(0)
        temporal = EmoCLIPModel(tiny_config({"pooling": "residual_transformer", "head_dim": 64})).temporal
        fused = temporal.layers[1].attn.in_proj
        assert fused.weight.abs().max().item() == pytest.approx((6 / (18 + 3 * 7 * 64)) ** 0.5, rel=0.01)
        assert fused.bias.abs().max() == 0 and temporal.layers[1].attn.out_proj.bias.abs().max() == 0
        assert temporal.position_embedding.weight.std().item() == pytest.approx(1.0, abs=0.15)

    def test_every_parameter_is_finite(self, model: EmoCLIPModel) -> None:
        """Memory left empty by a constructor shows up as NaN at random."""
        assert all(parameter.isfinite().all() for parameter in model.parameters())


class TestSavingAndLoading:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    def test_every_type_comes_back_bit_for_bit(
        self, model: EmoCLIPModel, inputs: dict, dtype: torch.dtype, tmp_path: Path
    ) -> None:
        """Rounding on the way, or a tensor that is initialised again after loading."""
        model.to(dtype).save_pretrained(tmp_path)
        loaded, info = EmoCLIPModel.from_pretrained(tmp_path, dtype=dtype, output_loading_info=True)
        assert not info["missing_keys"] and not info["unexpected_keys"]
        for name, tensor in model.state_dict().items():
            assert loaded.state_dict()[name].dtype == dtype
            assert torch.equal(loaded.state_dict()[name], tensor), name
        inputs["pixel_values_videos"] = inputs["pixel_values_videos"].to(dtype)
        with torch.no_grad():
            assert torch.equal(loaded(**inputs).logits_per_video, model(**inputs).logits_per_video)

    def test_places_on_a_device_map(self, model: EmoCLIPModel, inputs: dict, tmp_path: Path) -> None:
        """Large bases are loaded piece by piece."""
        model.save_pretrained(tmp_path)
        placed = EmoCLIPModel.from_pretrained(tmp_path, device_map="cpu", dtype="auto")
        with torch.no_grad():
            torch.testing.assert_close(placed(**inputs).logits_per_video, model(**inputs).logits_per_video)

    def test_weights_may_stay_on_the_disk(self, model: EmoCLIPModel, inputs: dict, tmp_path: Path) -> None:
        """A part read past its module's own call finds no weights where they are brought in call by call."""
        model.save_pretrained(tmp_path / "model")
        away = EmoCLIPModel.from_pretrained(
            tmp_path / "model", device_map={"": "disk"}, offload_folder=tmp_path / "disk"
        )
        texts = inputs.pop("input_ids")
        with torch.no_grad():
            expected = model(**inputs, input_ids=texts).logits_per_video
            torch.testing.assert_close(away(**inputs, input_ids=texts).logits_per_video, expected)
            video = away.get_video_features(**inputs).pooler_output
            prototypes = torch.nn.functional.normalize(away.get_text_features(texts).pooler_output, dim=-1)
            torch.testing.assert_close(away.get_prototype_logits(video, prototypes), expected)
        assert away.logit_scale.is_meta

    def test_a_shard_of_missing_parts_is_initialised(self, config: EmoCLIPConfig, tmp_path: Path) -> None:
        """New parts on old weights, as every combination of methods begins; memory left empty is NaN at random."""
        plain = EmoCLIPConfig(**{**config.to_dict(), "subject_prompting": "none", "expression_projection_dim": None})
        plain.temporal_config.pooling = "mean"
        EmoCLIPModel(plain).save_pretrained(tmp_path)
        loaded = EmoCLIPModel.from_pretrained(tmp_path, config=config)
        for name, parameter in loaded.named_parameters():
            assert parameter.isfinite().all() and not parameter.is_meta, name
            assert parameter.abs().max() < 10, name


class TestAttention:
    def test_eager_and_sdpa_agree_in_scores_and_gradients(
        self, model: EmoCLIPModel, inputs: dict, tmp_path: Path
    ) -> None:
        """`attn_implementation` chooses speed, not scores."""
        model.save_pretrained(tmp_path)
        losses, gradients = [], []
        for implementation in ("eager", "sdpa"):
            loaded = EmoCLIPModel.from_pretrained(tmp_path, attn_implementation=implementation)
            assert loaded.config.temporal_config._attn_implementation == implementation
            assert loaded.config.vision_config._attn_implementation == implementation
            loss, gradient = loss_and_gradients(loaded, inputs)
            losses.append(loss)
            gradients.append(gradient)
        torch.testing.assert_close(*losses)
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(gradients[1][name], gradient, msg=name)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="flash attention needs a CUDA device")
    def test_flash_attention_agrees(self, model: EmoCLIPModel, inputs: dict, tmp_path: Path) -> None:
        """Where it can be run: half precision on CUDA with the package flash_attn."""
        pytest.importorskip("flash_attn")
        model.save_pretrained(tmp_path)
        options = {"dtype": torch.bfloat16, "device_map": "cuda"}
        plain = EmoCLIPModel.from_pretrained(tmp_path, attn_implementation="sdpa", **options)
        flash = EmoCLIPModel.from_pretrained(tmp_path, attn_implementation="flash_attention_2", **options)
        inputs = {name: tensor.cuda() for name, tensor in inputs.items()}
        with torch.no_grad():
            close = {"rtol": 0.05, "atol": 0.05}
            torch.testing.assert_close(flash(**inputs).video_embeds, plain(**inputs).video_embeds, **close)

    @pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 0.04), (torch.float16, 0.005)])
    def test_half_precision_stays_near_float32(
        self, model: EmoCLIPModel, inputs: dict, dtype: torch.dtype, bound: float
    ) -> None:
        """The largest difference of two cosines; a norm or softmax in half precision would be many times worse."""
        with torch.no_grad():
            full = model(**inputs)
            cosines = full.video_embeds @ full.text_embeds.T
            model.to(dtype)
            half = model(**{**inputs, "pixel_values_videos": inputs["pixel_values_videos"].to(dtype)})
            ours = half.video_embeds.float() @ half.text_embeds.float().T
        assert (ours - cosines).abs().max() < bound

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_logits_of_half_precision_are_not_rounded(
        self, model: EmoCLIPModel, inputs: dict, dtype: torch.dtype
    ) -> None:
        """At a scale of 100, bfloat16 has steps of half a logit, and classes that differ tie."""
        with torch.no_grad():
            model.to(dtype).logit_scale.fill_(4.6)
            half = model(**{**inputs, "pixel_values_videos": inputs["pixel_values_videos"].to(dtype)})
            features = torch.randn(3, model.embed_dim).to(dtype)
            against = model.get_prototype_logits(features, features.float())
        multiplier = model.logit_scale.float().exp()
        assert (half.logits_per_video.dtype, half.video_embeds.dtype) == (torch.float32, dtype)
        cosines = half.video_embeds.float() @ half.text_embeds.float().T
        torch.testing.assert_close(half.logits_per_video, multiplier * cosines, rtol=0, atol=1.0)
        assert not torch.equal(half.logits_per_video, half.logits_per_video.to(dtype).float())
        directions = torch.nn.functional.normalize(features.float(), dim=-1)
        torch.testing.assert_close(against, multiplier * directions @ features.float().T)

    def test_logits_under_autocast_are_not_rounded(self, model: EmoCLIPModel, inputs: dict) -> None:
        """Autocast computes products in bfloat16."""
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(**inputs).logits_per_video
            features, prototypes = torch.randn(3, model.embed_dim), torch.randn(4, model.embed_dim)
            against = model.get_prototype_logits(features, prototypes)
        assert logits.dtype == against.dtype == torch.float32
        with torch.no_grad():
            assert torch.equal(against, model.get_prototype_logits(features, prototypes))

    def test_hidden_states_and_attentions_come_out(
        self, model: EmoCLIPModel, inputs: dict, config: EmoCLIPConfig
    ) -> None:
        """What shows which frames and patches weighed most."""
        model.set_attn_implementation("eager")
        with torch.no_grad():
            out = model(**inputs, output_hidden_states=True, output_attentions=True)
        tokens = 17 + (config.subject_prompting != "none")
        vision, text, temporal = out.vision_model_output, out.text_model_output, out.temporal_model_output
        assert [tuple(state.shape) for state in vision.hidden_states] == [(15, tokens, 24)] * 3
        assert [tuple(weights.shape) for weights in vision.attentions] == [(15, 3, tokens, tokens)] * 2
        assert [tuple(state.shape) for state in text.hidden_states] == [(3, 9, 32)] * 3
        assert [tuple(weights.shape) for weights in text.attentions] == [(3, 4, 9, 9)] * 2
        length = {"cls_transformer": 6, "residual_transformer": 5}.get(config.temporal_config.pooling)
        if length:
            assert [tuple(state.shape) for state in temporal.hidden_states] == [(3, length, 18)] * 3
            assert [tuple(weights.shape) for weights in temporal.attentions] == [(3, 7, length, length)] * 2
        assert len(model(**inputs, output_hidden_states=True, return_dict=False)) == 7

    def test_nothing_inside_is_kept_unasked(self, model: EmoCLIPModel, inputs: dict) -> None:
        """Hidden states of every frame are gigabytes."""
        out = model(**inputs)
        assert out.vision_model_output is None and out.text_model_output is None and out.temporal_model_output is None


class TestTraining:
    def test_gradient_checkpointing_changes_memory_only(self, config: EmoCLIPConfig, inputs: dict) -> None:
        """Recomputed activations must be the same ones."""
        torch.manual_seed(0)
        model = EmoCLIPModel(config).train()
        loss, gradients = loss_and_gradients(model, inputs)
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        assert model.is_gradient_checkpointing
        again, recomputed = loss_and_gradients(model, inputs)
        torch.testing.assert_close(again, loss)
        for name, gradient in gradients.items():
            torch.testing.assert_close(recomputed[name], gradient, msg=name)

    def test_checkpointed_layers_are_really_recomputed(self, tiny_config: MakeConfig, tiny_inputs: MakeInputs) -> None:
        """A flag that nothing reads would also pass the test above."""
        model = EmoCLIPModel(tiny_config({"pooling": "residual_transformer"})).train()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        calls: list[str] = []
        for layer in model.temporal.layers:
            layer.attn.register_forward_hook(lambda *_: calls.append("temporal"))
        for layer in model.vision_model.encoder.layers:
            layer.self_attn.register_forward_hook(lambda *_: calls.append("vision"))
        loss_and_gradients(model, tiny_inputs())
        assert (calls.count("temporal"), calls.count("vision")) == (4, 4)

    def test_a_step_changes_every_trainable_parameter(self, config: EmoCLIPConfig, inputs: dict) -> None:
        """A part that is built and not used would be saved, counted and never trained."""
        torch.manual_seed(0)
        model = EmoCLIPModel(config).train()
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        optimizer = torch.optim.SGD(model.parameters(), lr=10.0)
        model(**inputs, return_loss=True).loss.backward()
        optimizer.step()
        same = [name for name, parameter in model.named_parameters() if torch.equal(before[name], parameter)]
        # A key's bias shifts all scores of a query alike, which softmax ignores: its gradient is rounding noise.
        assert [name for name in same if not name.endswith("k_proj.bias")] == []

    @pytest.mark.parametrize(("problem", "num_labels"), PROBLEMS.items())
    def test_a_step_of_a_probe_changes_its_head_alone(
        self, fields: dict, tiny_config: MakeConfig, inputs: dict, problem: str, num_labels: int
    ) -> None:
        """And with the temporal part thawed, that too."""
        labels = {"single_label_classification": torch.tensor([1, 0, 3])}.get(problem, torch.rand(3, num_labels))
        clips = {name: tensor for name, tensor in inputs.items() if name != "input_ids"}
        for thawed in (False, True):
            torch.manual_seed(0)
            config = tiny_config(**fields, num_labels=num_labels, problem_type=problem, freeze_temporal=not thawed)
            model = EmoCLIPForVideoClassification(config).train()
            before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
            optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=10.0)
            model(**clips, labels=labels).loss.backward()
            optimizer.step()
            changed = {name.partition(".")[0] for name, parameter in model.named_parameters()
                       if not torch.equal(before[name], parameter)}  # fmt: skip
            own = {"temporal"} if list(model.temporal.parameters()) else set()
            own |= {"expression_projection"} if config.expression_projection_dim else set()
            assert changed == {"classifier"} | (own if thawed else set())


class TestBatches:
    def test_one_by_one_equals_the_batch(self, model: EmoCLIPModel, inputs: dict) -> None:
        """A score must not depend on the neighbours."""
        texts = inputs.pop("input_ids")
        with torch.no_grad():
            together = model(**inputs, input_ids=texts).logits_per_video
            for row in range(3):
                one = {name: tensor[row : row + 1] for name, tensor in inputs.items()}
                torch.testing.assert_close(model(**one, input_ids=texts).logits_per_video[0], together[row])

    def test_stills_and_clips_share_a_batch(self, model: EmoCLIPModel, inputs: dict) -> None:
        """A still is a clip of one frame, padded by frames that count nowhere."""
        texts = inputs.pop("input_ids")
        mask = torch.tensor([[True] * 5, [True] + [False] * 4, [True] * 3 + [False] * 2])
        with torch.no_grad():
            together = model(**inputs, input_ids=texts, frame_mask=mask).logits_per_video
            for row, length in enumerate((5, 1, 3)):
                one = {name: tensor[row : row + 1, :length] for name, tensor in inputs.items()}
                torch.testing.assert_close(model(**one, input_ids=texts).logits_per_video[0], together[row])


class TestResizing:
    def test_token_embeddings_can_grow(self, model: EmoCLIPModel, inputs: dict) -> None:
        """New tokens for a tokenizer of one's own; the old ones keep their meaning."""
        with torch.no_grad():
            before = model(**inputs).logits_per_video
            model.resize_token_embeddings(120)
            assert model.config.text_config.vocab_size == 120
            torch.testing.assert_close(model(**inputs).logits_per_video, before)
            inputs["input_ids"][:, 0] = 119
            assert model(**inputs).logits_per_video.isfinite().all()

    @pytest.mark.parametrize("sides", [(24, 24), (16, 28)])
    def test_positions_stretch_to_other_sizes(
        self, model: EmoCLIPModel, inputs: dict, sides: tuple[int, int], config: EmoCLIPConfig
    ) -> None:
        """Larger faces than the base was trained on, and frames that are not square."""
        inputs["pixel_values_videos"] = torch.randn(3, 5, 3, *sides)
        if config.subject_prompting != "none":
            inputs["subject_masks"] = torch.ones(3, 5, *sides)
        with pytest.raises(ValueError, match=f"16 x 16 pixels, got {sides[0]} x {sides[1]}"):
            model(**inputs)
        with torch.no_grad():
            assert model(**inputs, interpolate_pos_encoding=True).logits_per_video.shape == (3, 3)

    def test_stretching_to_the_same_size_changes_nothing(self, model: EmoCLIPModel, inputs: dict) -> None:
        """Bicubic interpolation onto the same grid is the identity."""
        with torch.no_grad():
            plain = model(**inputs).logits_per_video
            torch.testing.assert_close(model(**inputs, interpolate_pos_encoding=True).logits_per_video, plain)
