# SPDX-License-Identifier: Apache-2.0
"""Subject prompting against slow plain formulations of EmotionCLIP's definitions."""

from collections.abc import Callable

import pytest
import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel
from modeling_emoclip.subject_emoclip import EmoCLIPSubjectAttention, patch_coverage, subject_attention_mask


def model_with(config: EmoCLIPConfig) -> EmoCLIPModel:
    torch.manual_seed(0)
    return EmoCLIPModel(config).eval()


class TestCoverage:
    def test_is_the_share_of_each_patch_row_by_row(self) -> None:
        """By hand: a box of 3 x 2 pixels over patches of 2 covers the first fully, the second by half."""
        masks = torch.zeros(1, 4, 6)
        masks[0, :2, :3] = 1
        expected = torch.tensor([[1.0, 0.5, 0, 0, 0, 0]])
        torch.testing.assert_close(patch_coverage(masks, 2), expected)
        torch.testing.assert_close(patch_coverage(masks, 2, binary=True), expected.ceil())


class TestSAP:
    def test_token_is_the_weighted_sum_of_the_patch_positions(
        self, tiny_config: Callable[..., EmoCLIPConfig], tiny_inputs: Callable[..., dict]
    ) -> None:
        """A mean, an indicator or a position of its own would not be what the released weights were trained with."""
        model = model_with(tiny_config(subject_prompting="sap"))
        inputs = tiny_inputs(masks=True)
        tower = model.vision_model
        pixels, masks = inputs["pixel_values_videos"][0], inputs["subject_masks"][0]
        with torch.no_grad():
            tokens = tower.embeddings(torch.cat([pixels, masks[:, None]], dim=1))
            positions = tower.embeddings.position_embedding.weight
            for frame in range(len(pixels)):
                expected = torch.zeros(24)
                for row in range(4):
                    for column in range(4):
                        patch = masks[frame, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                        expected += patch.mean() * positions[1 + 4 * row + column]
                torch.testing.assert_close(tokens[frame, -1], expected)
        assert tokens.shape == (5, 1 + 16 + 1, 24)

    def test_empty_mask_keeps_the_token(
        self, tiny_config: Callable[..., EmoCLIPConfig], tiny_inputs: Callable[..., dict]
    ) -> None:
        """In the original an empty mask differs from plain CLIP: the token is there and becomes the norm's bias."""
        config, plain_config = tiny_config(subject_prompting="sap"), tiny_config()
        model, pixels = model_with(config), tiny_inputs()["pixel_values_videos"]
        plain = EmoCLIPModel(plain_config).eval()
        plain.load_state_dict(model.state_dict())
        prompted = model.get_frame_features(pixels, subject_masks=torch.zeros(3, 5, 16, 16))
        assert (prompted - plain.get_frame_features(pixels)).abs().max() > 1e-4

    def test_binary_counts_touched_patches_in_full(
        self, tiny_config: Callable[..., EmoCLIPConfig], tiny_inputs: Callable[..., dict]
    ) -> None:
        """With masks of whole patches both readings agree; with parts of patches they do not."""
        area = model_with(tiny_config(subject_prompting="sap"))
        binary = EmoCLIPModel(tiny_config(subject_prompting="sap", subject_binary=True)).eval()
        binary.load_state_dict(area.state_dict())
        inputs = tiny_inputs(masks=True)
        pixels, parts = inputs["pixel_values_videos"], inputs["subject_masks"]
        whole = parts[..., ::4, ::4].repeat_interleave(4, -1).repeat_interleave(4, -2)
        torch.testing.assert_close(area.get_frame_features(pixels, whole), binary.get_frame_features(pixels, whole))
        assert (area.get_frame_features(pixels, parts) - binary.get_frame_features(pixels, parts)).abs().max() > 1e-4

    def test_gradient_reaches_the_positions_through_the_token(self, tiny_config: Callable[..., EmoCLIPConfig]) -> None:
        """A detached token would train another model than the original."""
        model = model_with(tiny_config(subject_prompting="sap"))
        masks = torch.zeros(1, 4, 16, 16)
        masks[..., :4, :4] = 1
        tokens = model.vision_model.embeddings(torch.cat([torch.zeros(4, 3, 16, 16), masks[0][:, None]], dim=1))
        tokens[:, -1].sum().backward()
        gradient = model.vision_model.embeddings.position_embedding.weight.grad
        assert gradient[1].eq(4).all()
        assert gradient[[0, *range(2, 17)]].eq(0).all()


class TestSAAM:
    def test_mask_by_hand(self) -> None:
        """CLS, two patches of which the second is the subject, the subject's token; 1 where the row sees the column."""
        allowed = subject_attention_mask(torch.tensor([[False, True]]))
        assert allowed is not None
        assert allowed[0, 0].int().tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 1]]

    @pytest.mark.parametrize("implementation", ["sdpa", "eager"])
    def test_attention_equals_the_matrices_of_the_paper(
        self, tiny_config: Callable[..., EmoCLIPConfig], implementation: str
    ) -> None:
        """The slow formulation: S, U and A written out as matrices, one head after another."""
        config = tiny_config(subject_prompting="saam").vision_config
        config._attn_implementation = implementation
        torch.manual_seed(1)
        layer = EmoCLIPSubjectAttention(config)
        torch.nn.init.normal_(layer.subject_gate)
        hidden, patches = torch.randn(2, 18, 24), torch.rand(2, 16) > 0.5
        with torch.no_grad():
            ours, _ = layer(hidden, subject_patches=patches)
            forbidden = ~subject_attention_mask(patches)[:, 0]  # type: ignore[index]
            heads = []
            for head in range(3):
                rows = slice(8 * head, 8 * head + 8)
                query, key, value = (part(hidden)[..., rows] for part in (layer.q_proj, layer.k_proj, layer.v_proj))
                scores = query @ key.transpose(1, 2) / 8**0.5
                s = scores.softmax(dim=-1)
                u = scores.masked_fill(forbidden, float("-inf")).softmax(dim=-1)
                a = torch.full_like(s, float(layer.subject_gate[head].sigmoid()))
                heads.append((s * (1 - a) + (s * a) @ u) @ value)
            expected = layer.out_proj(torch.cat(heads, dim=-1))
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-6)

    def test_the_subject_changes_the_embedding(
        self, tiny_config: Callable[..., EmoCLIPConfig], tiny_inputs: Callable[..., dict]
    ) -> None:
        """A mask that is accepted and not used would look like a model that ignores whom you mean."""
        model, inputs = model_with(tiny_config(subject_prompting="saam")), tiny_inputs(masks=True)
        pixels, masks = inputs["pixel_values_videos"], inputs["subject_masks"]
        torch.nn.init.constant_(model.vision_model.encoder.layers[0].self_attn.subject_gate, 3.0)
        whole = torch.zeros_like(masks)
        whole[..., :8, :] = 1
        other = whole.flip(-2)
        assert (model.get_frame_features(pixels, whole) - model.get_frame_features(pixels, other)).abs().max() > 1e-4

    def test_starts_close_to_the_tower_it_extends(self, tiny_config: Callable[..., EmoCLIPConfig]) -> None:
        """A gate that starts half open would throw pre-trained attention away."""
        model = model_with(tiny_config(subject_prompting="saam"))
        gates = [layer.self_attn.subject_gate for layer in model.vision_model.encoder.layers]
        assert all(gate.sigmoid().max() < 0.15 for gate in gates)
        assert model.vision_model.embeddings.subject_token.abs().sum() > 0
