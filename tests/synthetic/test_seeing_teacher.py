# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import torch
from transformers import Blip2ForConditionalGeneration, CLIPVisionConfig, CLIPVisionModel

from emoclip.synthetic.seeing_teacher import save_seeing_teacher


MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
SIDE = 12


def tower_with_norm(spread: float) -> CLIPVisionModel:
    """A CLIP tower of random weights that are far from their start; `spread` is how large the picture is beside the places, whose scales are
    all the same: the less, the more alike are the scales of the tokens."""
    config = CLIPVisionConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE, patch_size=6,
        layer_norm_eps=1e-4, hidden_act="quick_gelu",
    )  # fmt: skip
    torch.manual_seed(1)
    tower = CLIPVisionModel(config).eval()
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        embeddings = getattr(tower, "vision_model", tower).embeddings
        embeddings.patch_embedding.weight.mul_(spread)
        places = embeddings.position_embedding.weight
        places.sub_(places.mean(dim=1, keepdim=True)).div_(places.std(dim=1, keepdim=True))
    return tower


def seen_alike(spread: float, folder: Path) -> float:
    """Mean cosine, over pictures and places, of what the two towers make of pictures that the copy was not fitted to."""
    tower = tower_with_norm(spread)
    vision = getattr(tower, "vision_model", tower)
    pixels = torch.rand(70, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    save_seeing_teacher(folder, vision, MEAN, STD, pixels[:50], width=16, seed=3)
    teacher = Blip2ForConditionalGeneration.from_pretrained(folder).eval()
    middle, deviation = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        states = vision(pixel_values=(pixels[50:] - middle) / deviation).last_hidden_state
        expected = vision.post_layernorm(states)
        found = teacher.vision_model(pixel_values=pixels[50:]).last_hidden_state
    assert found.shape == (20, 5, 24)
    return float(torch.nn.functional.cosine_similarity(found, expected, dim=-1).mean())


def test_the_teacher_sees_what_the_tower_sees(tmp_path):
    """Colours that are not normalised, or query and value exchanged, leave a tower that looks as good and sees nothing."""
    assert seen_alike(1e-3, tmp_path / "even") > 0.9999
    assert seen_alike(1.0, tmp_path / "uneven") > 0.9
