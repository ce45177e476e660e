# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from emoclip.evaluation.pictures.attention_maps import plot_attention
from emoclip.evaluation.subject_attention import (
    AttentionMaps,
    clip_attention,
    read_attention,
    subject_attention,
    write_attention,
)


@pytest.fixture(scope="module", params=["sap", "saam"])
def model(request, tiny_model_folder):
    """The tiny model with a subject token and two layers."""
    from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel

    config = EmoCLIPConfig.from_pretrained(tiny_model_folder)
    config.subject_prompting = request.param
    config.vision_config.num_hidden_layers = 2
    torch.manual_seed(3)
    return EmoCLIPModel(config).eval()


@pytest.fixture
def inputs():
    """Three frames of 20 pixels; the subject covers the two left columns of patches of 5 pixels."""
    pixels = torch.randn(1, 3, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    masks = torch.zeros(1, 3, 20, 20)
    masks[..., :10] = 1
    return pixels, masks


def test_maps_are_the_last_row_of_the_last_layer(model, inputs):
    """The class token's row, or the first layer's, would look just as plausible."""
    attention = subject_attention(model, *inputs)
    assert attention.shape == (3, 4, 4)
    caught = {}
    layer = model.vision_model.encoder.layers[-1].self_attn
    handle = layer.register_forward_hook(lambda module, args, output: caught.update(weights=output[1]))
    model.vision_model.set_attn_implementation("eager")
    with torch.inference_mode():
        model.vision_model(inputs[0].flatten(0, 1), subject_masks=inputs[1].flatten(0, 1))
    handle.remove()
    expected = caught["weights"].mean(dim=1)[:, -1]
    assert torch.from_numpy(attention).flatten(1) == pytest.approx(expected[:, 1:-1], abs=1e-6)
    assert (attention.sum(axis=(1, 2)) < 1).all()


def test_implementation_is_as_before(model, inputs):
    """Plain attention is slow; a picture must not leave it switched on."""
    model.vision_model.set_attn_implementation("sdpa")
    subject_attention(model, *inputs)
    assert model.vision_model.config._attn_implementation == "sdpa"


def test_plain_model_is_refused(tiny_model_folder, inputs):
    """Its last token is a patch."""
    from modeling_emoclip import EmoCLIPModel

    with pytest.raises(ValueError, match="Only a model that prompts by subject has a subject token"):
        subject_attention(EmoCLIPModel.from_pretrained(tiny_model_folder), *inputs)


def test_from_clips_to_the_report_s_picture(model, tiny_model_folder, manifest, tmp_path):
    """The whole way: frames as the model saw them, maps, table, picture."""
    from emoclip.data import load
    from modeling_emoclip import EmoCLIPVideoProcessor

    processor = EmoCLIPVideoProcessor.from_pretrained(tiny_model_folder)
    rows = load(manifest)
    maps = clip_attention(model, processor, rows, ["c3", "c0"])
    assert [clip.clip_id for clip in maps] == ["c3", "c0"]
    assert maps[0].frames.shape[1:] == (20, 20, 3)
    assert maps[0].coverage.max() == 0  # no boxes, no subject
    with pytest.raises(ValueError, match="must be in the manifest, nobody are not"):
        clip_attention(model, processor, rows, ["nobody"])
    write_attention(maps, tmp_path, system="tiny", model="m")
    read = read_attention(tmp_path)["tiny"]
    assert [clip.clip_id for clip in read] == ["c3", "c0"]
    assert np.array_equal(read[1].frames, maps[1].frames)
    assert read[1].attention == pytest.approx(maps[1].attention)
    path = plot_attention(read, tmp_path / "p.png", title="tiny")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_pictures_are_those_of_the_video(tiny_model_folder, manifest):
    """Normalised pixels drawn as they are would be black and gaudy."""
    from emoclip.data import load
    from emoclip.data.clips import ClipDataset
    from emoclip.evaluation.subject_attention import _pictures
    from modeling_emoclip import EmoCLIPVideoProcessor

    processor = EmoCLIPVideoProcessor.from_pretrained(tiny_model_folder)
    pixels = ClipDataset(load(manifest), processor)[0]["pixel_values_videos"]
    plain = EmoCLIPVideoProcessor.from_pretrained(tiny_model_folder, do_normalize=False)
    unchanged = ClipDataset(load(manifest), plain)[0]["pixel_values_videos"]
    assert _pictures(pixels, processor) == pytest.approx(_pictures(unchanged, plain), abs=1)
    assert _pictures(unchanged, plain).mean() == pytest.approx(unchanged.mean().item() * 255, abs=1)


def test_report_draws_what_lies_there(make_table, tmp_path):
    """Maps are drawn from their table, without a model."""
    from emoclip.evaluation.report import report_from_predictions, write_tables
    from emoclip.evaluation.results import Resampling

    write_tables(tmp_path, [make_table()])
    frames, grid = np.zeros((2, 20, 20, 3), np.uint8), np.random.default_rng(0).random((2, 4, 5), np.float32)
    write_attention([AttentionMaps("c1", frames, grid / 30, grid)], tmp_path, system="trained", model="m")
    report = report_from_predictions(tmp_path, Resampling(num_resamples=20))
    assert "attention.trained.png" in {picture["file"] for picture in report["pictures"]}
    assert "Where the subject token looks" in (tmp_path / "report.md").read_text()
    (tmp_path / "attention" / "other.parquet").write_text("nothing")
    with pytest.raises(ValueError, match="is no table of attention"):
        report_from_predictions(tmp_path)


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one clip to draw"):
        plot_attention([], tmp_path / "p.png")
    with pytest.raises(ValueError, match="at least one clip to write"):
        write_attention([], tmp_path, system="s", model="m")
