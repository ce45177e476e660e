# SPDX-License-Identifier: Apache-2.0
"""The model's contract with transformers; what the originals compute is tested with the converters."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForVideoClassification, CLIPConfig, CLIPModel

from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel
from modeling_emoclip.loss_emoclip import sentiment_guided_contrastive_loss


MakeConfig = Callable[..., EmoCLIPConfig]
MakeInputs = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture
def tiny_model(tiny_config: MakeConfig) -> EmoCLIPModel:
    torch.manual_seed(0)
    return EmoCLIPModel(tiny_config()).eval()


class TestForward:
    def test_embeddings_come_normalised_and_logits_follow(
        self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs
    ) -> None:
        """Users multiply the embeddings themselves."""
        out = tiny_model(**tiny_inputs(num_texts=4))
        torch.testing.assert_close(out.video_embeds.norm(dim=-1), torch.ones(3))
        expected = tiny_model.logit_scale.exp() * out.video_embeds @ out.text_embeds.T
        torch.testing.assert_close(out.logits_per_video, expected)
        assert out.logits_per_text.shape == (4, 3)
        assert out.loss is None

    def test_tuple_output_holds_the_same_tensors(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """Exporters ask for tuples."""
        named = tiny_model(**tiny_inputs())
        plain = tiny_model(**tiny_inputs(), return_dict=False)
        assert len(plain) == 4
        torch.testing.assert_close(plain[0], named.logits_per_video)

    def test_features_from_frames_equal_features_from_pixels(
        self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs
    ) -> None:
        """The windows of `emoclip analyze` reuse frame embeddings."""
        pixels = tiny_inputs()["pixel_values_videos"]
        embeds = tiny_model.get_frame_features(pixels)
        assert embeds.shape == (3, 5, 18)
        from_frames = tiny_model.get_video_features(frame_embeds=embeds).pooler_output
        torch.testing.assert_close(from_frames, tiny_model.get_video_features(pixels).pooler_output)

    def test_kept_frames_may_be_of_another_type(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """Embeddings of a whole film are kept in half precision to save room."""
        inputs = tiny_inputs()
        kept = tiny_model.get_frame_features(inputs.pop("pixel_values_videos")).detach().to(torch.bfloat16)
        expected = tiny_model.get_video_features(frame_embeds=kept.float()).pooler_output
        assert torch.equal(tiny_model.get_video_features(frame_embeds=kept).pooler_output, expected)
        assert torch.equal(
            tiny_model(frame_embeds=kept, **inputs).logits_per_video,
            tiny_model(frame_embeds=kept.float(), **inputs).logits_per_video,
        )

    def test_misspelt_keywords_are_refused(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """`frame_masks=` would count padding as frames, and nobody would see it."""
        inputs = tiny_inputs()
        pixels, texts = inputs["pixel_values_videos"], inputs["input_ids"]
        wrong = {"frame_masks": torch.ones(3, 5)}
        for call in (
            lambda: tiny_model(**inputs, **wrong),
            lambda: tiny_model.get_video_features(pixels, **wrong),
            lambda: tiny_model.get_frame_features(pixels, **wrong),
            lambda: tiny_model.get_text_features(texts, **wrong),
        ):
            with pytest.raises(ValueError, match=r"EmoCLIPModel knows no frame_masks; .* output_hidden_states"):
                call()
        assert tiny_model.get_text_features(texts, inputs_embeds=None).pooler_output.shape == (3, 18)

    def test_features_come_as_tuples_on_request(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """A tuple of the tower's must not reach the code that asks for names."""
        inputs = tiny_inputs()
        pixels, texts = inputs["pixel_values_videos"], inputs["input_ids"]
        plain = tiny_model.get_frame_features(pixels)
        assert torch.equal(tiny_model.get_frame_features(pixels, return_dict=False), plain)
        video = tiny_model.get_video_features(pixels, return_dict=False)
        assert torch.equal(video[1], tiny_model.get_video_features(pixels).pooler_output)
        text = tiny_model.get_text_features(texts, return_dict=False)
        assert torch.equal(text[1], tiny_model.get_text_features(texts).pooler_output)

    def test_configuration_asks_for_every_part(self, tiny_config: MakeConfig, tiny_inputs: MakeInputs) -> None:
        """The towers have configurations of their own, which know nothing of the wish."""
        model = EmoCLIPModel(tiny_config(output_hidden_states=True)).eval()
        out = model(**tiny_inputs())
        for part in (out.vision_model_output, out.text_model_output, out.temporal_model_output):
            assert len(part.hidden_states) == 3
        assert model(**tiny_inputs(), output_hidden_states=False).vision_model_output is None

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
            ({"subject_masks": torch.ones(3, 5, 16, 16)}, r"must be None .* got \(3, 5, 16, 16\)"),
            ({"sentiment_logits": torch.ones(3, 6)}, r"= \(3, 7\), got \(3, 6\)"),
            ({"pixel_values_videos": torch.zeros(3, 5, 3, 17, 16)}, "16 x 16 pixels, got 17 x 16"),
            ({"pixel_values_videos": torch.zeros(3, 0, 3, 16, 16)}, "at least 1 frame"),
            ({"frame_embeds": torch.zeros(3, 5, 18)}, "got both"),
            (
                {"pixel_values_videos": None, "frame_embeds": torch.zeros(3, 5, 17)},
                r"frames, 18\) .* got \(3, 5, 17\)",
            ),
            (
                {
                    "pixel_values_videos": None,
                    "frame_embeds": torch.zeros(3, 5, 18),
                    "subject_masks": torch.zeros(3, 5, 16, 16),
                },
                "belong to pixels",
            ),
            ({"input_ids": None}, "`input_ids` must be given"),
            ({"input_ids": torch.full((3, 4), 99)}, r"in \[0, 99\), the vocabulary, got 99"),
            ({"input_ids": torch.full((3, 4), -1)}, "got -1"),
            ({"input_ids": torch.full((3,), 98)}, r"shape \(texts, length\), got torch.int64 \(3,\)"),
            ({"input_ids": torch.full((3, 4), 9.0)}, "whole numbers .* got torch.float32"),
            ({"input_ids": torch.full((3, 21), 98)}, "at most 20 tokens, got 21"),
            ({"attention_mask": torch.ones(3, 8)}, r"shape of `input_ids`, \(3, 9\), got \(3, 8\)"),
            ({"return_loss": True, "input_ids": torch.full((2, 4), 98)}, "one text per clip, got 3 clips and 2 texts"),
        ],
    )
    def test_wrong_input_is_refused_with_its_shape(
        self, tiny_model: EmoCLIPModel, change: dict, message: str, tiny_inputs: MakeInputs
    ) -> None:
        """A broadcast would give plausible scores for wrong input."""
        with pytest.raises(ValueError, match=message):
            tiny_model(**{**tiny_inputs(), **change})

    @pytest.mark.parametrize("masks", [None, torch.ones(3, 5, 16, 15), torch.ones(3, 16, 16)])
    def test_subject_prompting_wants_masks_of_the_frames(
        self, masks: torch.Tensor | None, tiny_config: MakeConfig, tiny_inputs: MakeInputs
    ) -> None:
        """A model that was told nothing of the subject would describe anybody in the frame."""
        model = EmoCLIPModel(tiny_config(subject_prompting="sap"))
        with pytest.raises(ValueError, match=r"= \(3, 5, 16, 16\), 1 where the subject is, got"):
            model(**tiny_inputs(), subject_masks=masks)

    def test_refusals_come_before_the_image_tower_runs(
        self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs
    ) -> None:
        """A thousand frames are encoded for a minute before the mistake in the text would be told."""
        tiny_model.vision_model.forward = None  # whatever runs it fails with another error
        for change in ({"input_ids": torch.full((3, 4), 99)}, {"frame_mask": torch.ones(3, 4)}):
            with pytest.raises(ValueError):
                tiny_model(**{**tiny_inputs(), **change})


class TestFromClip:
    @pytest.fixture
    def clip(self, tiny_config: MakeConfig) -> CLIPModel:
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

    def test_towers_compute_what_clip_computes(self, clip: CLIPModel, tiny_inputs: MakeInputs) -> None:
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

    def test_an_override_of_a_tower_changes_its_fields_only(self, clip: CLIPModel) -> None:
        """One field given, and the rest of the tower would silently become transformers' default."""
        model = EmoCLIPModel.from_clip(clip, vision_config={"attention_dropout": 0.25})
        expected = clip.config.vision_config
        assert model.config.vision_config.attention_dropout == 0.25
        for name in ("hidden_size", "num_attention_heads", "patch_size", "hidden_act", "layer_norm_eps"):
            assert getattr(model.config.vision_config, name) == getattr(expected, name), name

    def test_overrides_that_do_not_fit_the_weights_are_refused(self, clip: CLIPModel) -> None:
        """A wrong size must not load half a tower."""
        with pytest.raises(
            ValueError, match=r"fit the towers exactly; .*visual_projection.weight \(18, 24\) for \(20, 24\)"
        ):
            EmoCLIPModel.from_clip(clip, projection_dim=20)

    @pytest.mark.parametrize("prompting", ["sap", "saam"])
    def test_every_part_can_be_added_to_clip(self, prompting: str, clip: CLIPModel) -> None:
        """The parts of the three methods combine freely on any towers."""
        model = EmoCLIPModel.from_clip(
            clip,
            temporal_config={"pooling": "residual_transformer", "head_dim": 5},
            subject_prompting=prompting,
            expression_projection_dim=31,
        )
        assert model.embed_dim == 31
        torch.testing.assert_close(
            model.vision_model.encoder.layers[1].self_attn.q_proj.weight,
            clip.vision_model.encoder.layers[1].self_attn.q_proj.weight,
        )

    def test_a_plain_clip_folder_is_refused_with_the_way_to_use_it(self, clip: CLIPModel, tmp_path: Path) -> None:
        """The first thing many people try."""
        clip.save_pretrained(tmp_path)
        with pytest.raises(ValueError, match=r"plain CLIP model .* `EmoCLIPModel.from_clip"):
            EmoCLIPModel.from_pretrained(tmp_path)


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

    def test_other_pooling_can_be_chosen_when_loading(
        self, tiny_model: EmoCLIPModel, tmp_path: Path, tiny_inputs: MakeInputs
    ) -> None:
        """The middle-frame baseline uses the same towers."""
        tiny_model.save_pretrained(tmp_path)
        config = EmoCLIPConfig.from_pretrained(tmp_path)
        config.temporal_config.pooling = "middle_frame"
        baseline = EmoCLIPModel.from_pretrained(tmp_path, config=config)
        pixels = tiny_inputs()["pixel_values_videos"]
        torch.testing.assert_close(
            baseline.get_video_features(pixels).pooler_output, tiny_model.get_frame_features(pixels)[:, 2]
        )


class TestExpressionProjection:
    def test_is_shared_by_both_sides_before_normalisation(
        self, tiny_config: MakeConfig, tiny_inputs: MakeInputs
    ) -> None:
        """Normalising first, or projecting one side only, gives other cosines than Exp-CLIP's."""
        torch.manual_seed(0)
        model = EmoCLIPModel(tiny_config({"pooling": "mean"}, expression_projection_dim=31)).eval()
        inputs = tiny_inputs()
        weight = model.expression_projection.weight
        with torch.no_grad():
            out = model(**inputs)
            frames = model.get_frame_features(inputs["pixel_values_videos"])
            video = (frames @ weight.T).mean(dim=1)
        assert frames.shape == (3, 5, 18)
        torch.testing.assert_close(out.video_embeds, torch.nn.functional.normalize(video, dim=-1))
        text = model.text_projection(model.text_model(inputs["input_ids"]).pooler_output) @ weight.T
        torch.testing.assert_close(model.get_text_features(inputs["input_ids"]).pooler_output, text)


class TestSentimentLoss:
    def test_sentiments_switch_the_loss_with_the_settings_of_the_configuration(
        self, tiny_config: MakeConfig, tiny_inputs: MakeInputs
    ) -> None:
        """A strength that is stored and not used would train plain contrast under another name."""
        torch.manual_seed(0)
        config = tiny_config(sentiment_beta=0.5, sentiment_kl_direction="paper", num_sentiments=4)
        model, inputs = EmoCLIPModel(config).eval(), tiny_inputs()
        sentiments = torch.randn(3, 4)
        out = model(**inputs, sentiment_logits=sentiments, return_loss=True)
        expected = sentiment_guided_contrastive_loss(
            out.video_embeds, out.text_embeds, model.logit_scale.exp(), sentiments, 0.5, "paper"
        )
        torch.testing.assert_close(out.loss, expected)
        assert out.loss.shape == ()
        assert (out.loss - model(**inputs, return_loss=True).loss).abs() > 1e-4


class TestClassification:
    @pytest.fixture
    def make(self, tiny_config: MakeConfig) -> Callable[..., EmoCLIPForVideoClassification]:
        def build(**fields) -> EmoCLIPForVideoClassification:
            torch.manual_seed(0)
            config = tiny_config(
                {"pooling": "residual_transformer", "dropout": 0.5}, classifier_hidden_size=23, **fields
            )
            return EmoCLIPForVideoClassification(config).eval()

        return build

    def test_head_is_two_layers_over_the_clip_before_normalisation(
        self, make: Callable, tiny_inputs: MakeInputs
    ) -> None:
        """The written-out formula of the original's downstream task."""
        model = make(num_labels=4)
        pixels = tiny_inputs()["pixel_values_videos"]
        video = model.get_video_features(pixels).pooler_output
        hidden = (video @ model.classifier.fc1.weight.T + model.classifier.fc1.bias).clamp(min=0)
        expected = hidden @ model.classifier.fc2.weight.T + model.classifier.fc2.bias
        torch.testing.assert_close(model(pixels).logits, expected)

    @pytest.mark.parametrize(
        ("problem", "num_labels", "labels"),
        [
            ("single_label_classification", 4, torch.tensor([3, 0, 1])),
            ("multi_label_classification", 4, torch.tensor([[0.0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])),
            ("regression", 3, torch.tensor([[0.5, 1, 2], [3, 4, 5], [6, 7, 8]])),
            ("regression", 1, torch.tensor([0.5, 1.5, 2.0])),
        ],
    )
    def test_loss_follows_the_problem(
        self, make: Callable, tiny_inputs: MakeInputs, problem: str, num_labels: int, labels: torch.Tensor
    ) -> None:
        """By the formulas: cross-entropy, binary cross-entropy over all, mean squared error."""
        model = make(num_labels=num_labels, problem_type=problem)
        out = model(tiny_inputs()["pixel_values_videos"], labels=labels)
        logits = out.logits
        if problem == "single_label_classification":
            expected = -logits.log_softmax(-1)[torch.arange(3), labels].mean()
        elif problem == "multi_label_classification":
            expected = -(labels * logits.sigmoid().log() + (1 - labels) * (-logits).sigmoid().log()).mean()
        else:
            expected = (logits.view_as(labels) - labels).square().mean()
        torch.testing.assert_close(out.loss, expected)

    def test_problem_is_read_from_the_labels_where_it_is_not_set(
        self, make: Callable, tiny_inputs: MakeInputs
    ) -> None:
        """As transformers does."""
        pixels = tiny_inputs()["pixel_values_videos"]
        model = make(num_labels=4)
        logits = model(pixels).logits
        ids, several = torch.tensor([3, 0, 1]), torch.rand(3, 4)
        binary = torch.nn.functional.binary_cross_entropy_with_logits
        torch.testing.assert_close(model(pixels, labels=ids).loss, torch.nn.functional.cross_entropy(logits, ids))
        torch.testing.assert_close(model(pixels, labels=several).loss, binary(logits, several))

    def test_class_ids_may_be_of_any_whole_type(self, make: Callable, tiny_inputs: MakeInputs) -> None:
        """Tables often hold 32 bits, which cross-entropy refuses."""
        model, pixels = make(num_labels=4), tiny_inputs()["pixel_values_videos"]
        losses = [
            model(pixels, labels=torch.tensor([3, 0, 1], dtype=kind)).loss for kind in (torch.int64, torch.int32)
        ]
        assert torch.equal(*losses)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (torch.tensor([3, 0]), r"shape \(3,\), got \(2,\)"),
            (torch.tensor([[3.0, 0]]), r"shape \(3, 4\), got \(1, 2\)"),
            (torch.tensor([4, 0, 1]), r"in \[0, 4\), got \[4, 0, 1\]"),
        ],
    )
    def test_wrong_labels_are_refused(
        self, make: Callable, tiny_inputs: MakeInputs, labels: torch.Tensor, message: str
    ) -> None:
        """Broadcasting would learn from the wrong rows."""
        with pytest.raises(ValueError, match=message):
            make(num_labels=4)(tiny_inputs()["pixel_values_videos"], labels=labels)

    def test_frozen_parts_do_not_train_nor_drop_out(self, make: Callable, tiny_inputs: MakeInputs) -> None:
        """Dropout in a frozen encoder would change features that are thought to be fixed."""
        model = make(num_labels=4).train()
        trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        assert trainable == {f"classifier.{layer}.{kind}" for layer in ("fc1", "fc2") for kind in ("weight", "bias")}
        pixels = tiny_inputs()["pixel_values_videos"]
        torch.testing.assert_close(model(pixels).logits, model(pixels).logits, rtol=0, atol=0)
        thawed = make(num_labels=4, freeze_temporal=False).train()
        assert thawed.temporal.final_norm.weight.requires_grad
        assert not torch.equal(thawed(pixels).logits, thawed(pixels).logits)

    def test_loads_the_folder_of_a_whole_model(
        self, make: Callable, tiny_config: MakeConfig, tiny_inputs: MakeInputs, tmp_path: Path
    ) -> None:
        """The usual start of a linear probe; the text tower is left out and nothing else is lost."""
        torch.manual_seed(5)
        whole = EmoCLIPModel(tiny_config(subject_prompting="sap", expression_projection_dim=31)).eval()
        whole.save_pretrained(tmp_path)
        probe = EmoCLIPForVideoClassification.from_pretrained(tmp_path, num_labels=4)
        inputs = tiny_inputs(masks=True)
        del inputs["input_ids"]
        torch.testing.assert_close(
            probe.get_video_features(**inputs).pooler_output, whole.get_video_features(**inputs).pooler_output
        )
        assert not any(parameter.requires_grad for parameter in probe.temporal.parameters())
        assert isinstance(AutoModelForVideoClassification.from_pretrained(tmp_path), EmoCLIPForVideoClassification)

    def test_its_folder_is_no_model_for_words(self, make: Callable, tmp_path: Path) -> None:
        """A text tower of random weights scores any words plausibly."""
        make(num_labels=4).save_pretrained(tmp_path)
        with pytest.raises(ValueError, match=r"needs a text tower, got none in .*; load a classification model by"):
            EmoCLIPModel.from_pretrained(tmp_path)


class TestInitialisation:
    def test_temporal_part_starts_as_the_original_does(self, tiny_config: MakeConfig) -> None:
        """The position table is N(0, 1); the linear layers follow PyTorch's uniform default, not N(0, 0.02)."""
        torch.manual_seed(0)
        model = EmoCLIPModel(tiny_config({"max_position_embeddings": 997, "head_dim": 64}))
        assert model.temporal.pos_embedding.std().item() == pytest.approx(1.0, abs=0.03)
        weight = model.temporal.layers[0].attn.qkv.weight
        bound = 18**-0.5
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)

    def test_every_parameter_is_initialised_finite(self, tiny_config: MakeConfig) -> None:
        """Memory left empty by the constructor shows up as NaN at random."""
        model = EmoCLIPModel(tiny_config())
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters())

    def test_every_parameter_gets_a_gradient(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """A part that is built but not used would be saved, counted and never trained."""
        tiny_model(**tiny_inputs(), return_loss=True).loss.backward()
        without = [name for name, parameter in tiny_model.named_parameters() if parameter.grad is None]
        assert without == []
