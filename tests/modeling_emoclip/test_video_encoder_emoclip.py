# SPDX-License-Identifier: Apache-2.0
"""The way from frames to one embedding per clip, which all models share."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


MakeConfig = Callable[..., EmoCLIPConfig]
MakeInputs = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture
def tiny_model(tiny_config: MakeConfig) -> EmoCLIPModel:
    torch.manual_seed(0)
    return EmoCLIPModel(tiny_config()).eval()


class TestPooling:
    def test_masked_frames_do_not_change_the_embedding(
        self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs
    ) -> None:
        """Padding frames that leak into attention would make the score depend on the batch."""
        pixels = tiny_inputs()["pixel_values_videos"]
        mask = torch.tensor([[True, True, True, False, False]] * 3)
        short = tiny_model.get_video_features(pixels[:, :3]).pooler_output
        padded = tiny_model.get_video_features(pixels, frame_mask=mask).pooler_output
        torch.testing.assert_close(padded, short)

    def test_order_of_frames_changes_the_embedding(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """Without positions a rise could not be told from a fall."""
        embeds = tiny_model.get_frame_features(tiny_inputs()["pixel_values_videos"])
        forward = tiny_model.get_video_features(frame_embeds=embeds).pooler_output
        backward = tiny_model.get_video_features(frame_embeds=embeds.flip(1)).pooler_output
        assert (forward - backward).abs().max() > 1e-3

    def test_middle_frame_takes_the_later_of_two_middles(self, tiny_config: MakeConfig) -> None:
        """The baseline of the papers takes frame n // 2."""
        model = EmoCLIPModel(tiny_config({"pooling": "middle_frame"}))
        frames = torch.arange(4.0).view(1, 4, 1).expand(1, 4, 18)
        assert model.get_video_features(frame_embeds=frames).pooler_output[0, 0] == 2

    def test_still_image_is_a_clip_of_one_frame(self, tiny_model: EmoCLIPModel, tiny_inputs: MakeInputs) -> None:
        """Stills and clips share one path."""
        out = tiny_model(tiny_inputs()["pixel_values_videos"][:, :1], tiny_inputs()["input_ids"])
        assert out.logits_per_video.shape == (3, 3)


class TestInputs:
    def test_features_want_exactly_one_input(self, tiny_model: EmoCLIPModel) -> None:
        """Pixels beside frame embeddings would be ignored silently."""
        with pytest.raises(ValueError, match="either `pixel_values_videos` or `frame_embeds`"):
            tiny_model.get_video_features()


class TestLoading:
    def test_a_damaged_weight_file_is_named(self, tiny_model: EmoCLIPModel, tmp_path: Path) -> None:
        """A download that broke off is the commonest fault, and its bare error names neither file nor remedy."""
        tiny_model.save_pretrained(tmp_path)
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(ValueError, match=r"weights of .* cannot be read .*download it again"):
            EmoCLIPModel.from_pretrained(tmp_path)
