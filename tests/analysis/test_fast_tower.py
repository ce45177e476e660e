# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from emoclip.analysis.encoding import VideoEncoder, chosen_dtype
from emoclip.analysis.fast_tower import FastImageTower, agrees, is_usable
from emoclip.precision import cpu_computes_bfloat16
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPVideoProcessor


needs_bfloat16 = pytest.mark.skipif(not cpu_computes_bfloat16(), reason="this CPU computes no bfloat16")
PROCESSOR = EmoCLIPVideoProcessor(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24})


def make_model(hidden_act="quick_gelu", image_size=24, **fields):
    torch.manual_seed(3)
    vision = {
        "image_size": image_size, "patch_size": 8, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3,
        "num_attention_heads": 2, "hidden_act": hidden_act,
    }  # fmt: skip
    text = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    temporal = {"num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 7, "intermediate_size": 13}
    config = EmoCLIPConfig(
        text_config=text, vision_config=vision, temporal_config=temporal, projection_dim=16, **fields
    )
    model = EmoCLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.vision_model.parameters():
            # Norms and biases of fresh models are ones and zeros, which would hide a mistake in them.
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


@needs_bfloat16
@pytest.mark.parametrize(("hidden_act", "side"), [("quick_gelu", 24), ("gelu", 24), ("gelu", 8 * 13)])
def test_fast_tower_gives_the_models_own_numbers(hidden_act, side):
    """Everything is laid out anew: a mixed-up head, norm or factor must show; of many tokens attention is another kernel."""
    model = make_model(hidden_act, side)
    frames = torch.randint(0, 256, (7, 3, side, side), dtype=torch.uint8)
    with torch.inference_mode():
        own = model.get_frame_features(PROCESSOR.normalize_frames(frames)[None])[0]
        fast = FastImageTower(model, PROCESSOR)(frames).float()
    assert torch.nn.functional.cosine_similarity(own, fast, dim=-1).min() > 0.999
    torch.testing.assert_close(fast, own, rtol=0.05, atol=0.05 * own.abs().max().item())


@needs_bfloat16
def test_fast_tower_is_checked_against_the_model():
    """Kernels that compute something else on some computer must be noticed, not trusted."""
    model = make_model()
    tower = FastImageTower(model, PROCESSOR)
    assert agrees(tower, model, PROCESSOR)
    tower.projection = tower.projection.flip(0)
    assert not agrees(tower, model, PROCESSOR)


@needs_bfloat16
def test_encoder_in_half_precision_leaves_the_model_as_it_is():
    """The user's model is used elsewhere too."""
    model = make_model()
    encoder = VideoEncoder(model, PROCESSOR, precision="bfloat16")
    assert encoder.fast is not None
    assert model.dtype == torch.float32
    pictures = list(torch.randint(0, 256, (3, 3, 24, 24), dtype=torch.uint8))
    plain = VideoEncoder(model, PROCESSOR)
    with torch.inference_mode():
        for one, other in zip(encoder.embed(pictures), plain.embed(pictures), strict=True):
            assert torch.nn.functional.cosine_similarity(one.float(), other, dim=0) > 0.999


@needs_bfloat16
def test_pictures_that_are_no_whole_number_of_patches_take_the_models_own_tower():
    """Its convolution leaves the rest of 26 pixels by patches of 8 out; the fast tower's rows could not be cut at all."""
    encoder = VideoEncoder(make_model(image_size=26), PROCESSOR, precision="bfloat16")
    assert encoder.fast is None
    with torch.inference_mode():
        assert encoder.embed([torch.zeros(3, 26, 26, dtype=torch.uint8)])[0].shape == (16,)


def test_small_models_stay_in_float32():
    """They gain nothing, and their numbers are then the same on every computer."""
    assert chosen_dtype(make_model(), "auto") == torch.float32
    assert chosen_dtype(make_model(), "bfloat16") == torch.bfloat16


def test_models_that_prompt_by_subject_keep_their_own_tower():
    """The fast tower knows no subject tokens."""
    assert not is_usable(make_model(subject_prompting="sap"))


def test_models_that_prompt_by_subject_are_told_where_it_is():
    """A frame without a subject and one with it are two things to such a model."""
    model = make_model(subject_prompting="sap")
    encoder = VideoEncoder(model, PROCESSOR, precision="auto")
    picture = torch.randint(0, 256, (3, 24, 24), dtype=torch.uint8)
    mask = torch.zeros(24, 24)
    mask[8:16, :8] = 1
    with torch.inference_mode():
        nobody, somebody = encoder.embed([picture, picture], [None, mask])
        pixels = PROCESSOR.normalize_frames(picture)[None, None]
        expected = model.get_frame_features(pixels, mask[None, None])[0, 0]
    torch.testing.assert_close(somebody, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(nobody, somebody, atol=1e-3)
