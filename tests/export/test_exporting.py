# SPDX-License-Identifier: Apache-2.0
"""Exported graphs against PyTorch: every method, other numbers of clips, frames and texts than the exporter saw."""

import json
import sys

import numpy as np
import pytest
import torch

from emoclip import cli
from emoclip.export import export_model, load_exported
from emoclip.export.runtime import relative_match
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


METHODS = {
    "emoclip": {"temporal_config": {"pooling": "cls_transformer"}},
    "emotionclip": {"temporal_config": {"pooling": "residual_transformer"}, "subject_prompting": "sap"},
    "expclip": {"temporal_config": {"pooling": "mean"}, "expression_projection_dim": 31},
    "middle": {"temporal_config": {"pooling": "middle_frame"}},
}
TEXTS = ["happy", "somewhat surprised", "x"]


def make_model(method, tiny_model_folder, folder):
    """Saves a model of a method with the tiny model's other sizes and its processor."""
    config = EmoCLIPModel.config_class.from_pretrained(tiny_model_folder).to_dict()
    overrides = METHODS[method]
    temporal = config["temporal_config"] | overrides.get("temporal_config", {})
    rest = {key: value for key, value in overrides.items() if key != "temporal_config"}
    torch.manual_seed(3)
    model = EmoCLIPModel(EmoCLIPModel.config_class(**{**config, "temporal_config": temporal, **rest})).eval()
    model.save_pretrained(folder)
    EmoCLIPProcessor.from_pretrained(tiny_model_folder).save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def exported(tiny_model_folder, tmp_path_factory):
    """The ONNX export of the tiny EmoCLIP model, with everything."""
    output = tmp_path_factory.mktemp("export") / "onnx"
    record = export_model(tiny_model_folder, output, int8=True, parts=True)
    return output, record, EmoCLIPModel.from_pretrained(tiny_model_folder).eval()


def inputs_of(model, clips, frames, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    side = model.config.vision_config.image_size
    mask = torch.ones(clips, frames, dtype=torch.bool)
    mask[0, frames // 2 + 1 :] = False
    inputs = {
        "pixel_values_videos": torch.randn(clips, frames, 3, side, side, generator=generator),
        "frame_mask": mask,
    }
    if model.config.subject_prompting != "none":
        inputs["subject_masks"] = torch.rand(clips, frames, side, side, generator=generator).round()
    return inputs


def check_video(model, loaded, clips, frames, tolerance):
    inputs = inputs_of(model, clips, frames, seed=clips)
    with torch.inference_mode():
        expected = model.get_video_features(**inputs).pooler_output.numpy()
    np.testing.assert_allclose(loaded.run("video", inputs), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("clips", "frames"), [(1, 1), (3, 4), (2, 8)])
def test_onnx_gives_the_same_embeddings_for_any_number_of_clips_and_frames(exported, clips, frames):
    """A graph fixed to its example's sizes, or one that forgets the mask, is of no use."""
    output, _, model = exported
    check_video(model, load_exported(output), clips, frames, 1e-5)


def test_onnx_texts_are_the_same_alone_and_together(exported):
    """Any number of texts of any length; padding must not count."""
    output, _, model = exported
    loaded = load_exported(output)
    with torch.inference_mode():
        expected = model.get_text_features(**loaded.processor(text=TEXTS)).pooler_output.numpy()
    np.testing.assert_allclose(loaded.embed_texts(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(loaded.embed_texts(TEXTS[2]), expected[2:], atol=1e-5)


def test_parts_in_a_row_are_the_whole(exported):
    """Who slides windows encodes each frame once and pools many times."""
    output, _, model = exported
    loaded = load_exported(output)
    inputs = inputs_of(model, 2, 4)
    frames = loaded.run("frames", inputs)
    assert frames.shape == (2, 4, model.config.projection_dim)
    pooled = loaded.run("pooling", {"frame_embeds": frames, "frame_mask": inputs["frame_mask"]})
    np.testing.assert_allclose(pooled, loaded.run("video", inputs), atol=1e-5)


def test_match_is_the_models(exported, short_clip):
    """From a file and words to the relative match, the scale of the logits included."""
    output, _, model = exported
    loaded = load_exported(output, threads=1)
    with torch.inference_mode():
        expected = model(**loaded.processor(videos=str(short_clip), text=TEXTS)).logits_per_video.softmax(-1)
    np.testing.assert_allclose(loaded.match(str(short_clip), TEXTS), expected.numpy(), atol=1e-5)


def test_int8_is_smaller_and_its_loss_is_measured(exported):
    """The loss is a number in the record, and near, not equal: equal would mean that nothing was quantised."""
    output, record, _ = exported
    int8, float32 = record["fidelity"]["int8"], record["fidelity"]["float32"]
    assert float32["lowest_video_cosine"] > 0.99999
    assert 0.9 < int8["lowest_video_cosine"] < 0.999999
    assert load_exported(output, precision="int8").embed_texts(TEXTS).shape == (3, 10)
    assert json.loads((output / "export.json").read_text()) == record


def test_folder_has_a_card_and_no_code(exported):
    """The card carries the measured loss; code that nothing calls would only be a question of trust."""
    output, record, _ = exported
    card = (output / "README.md").read_text()
    assert f"{record['fidelity']['int8']['largest_match_difference']:.6f}" in card
    assert list(output.glob("*.py")) == []
    assert "auto_map" not in (output / "config.json").read_text()


def test_graph_that_computes_something_else_is_never_written(tiny_model_folder, tmp_path, monkeypatch):
    """A silent error of the exporter must not become a model that scores plausibly."""
    from emoclip.export import exporting

    def rounded(model, exported, videos, texts):
        return {"lowest_video_cosine": 0.99, "lowest_text_cosine": 1.0, "largest_match_difference": 0.0}

    monkeypatch.setattr(exporting, "write_onnx", lambda graph, path, limits: path.write_bytes(b""))
    monkeypatch.setattr(exporting, "load_exported", lambda folder, precision: None)
    monkeypatch.setattr(exporting, "measure_fidelity", rounded)
    with pytest.raises(ValueError, match=r"differ by 0\.01"):
        export_model(tiny_model_folder, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_kept(tiny_model_folder, tmp_path, capsys):
    """Checked before the minute of work; a folder of another kind is never replaced."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    for extra in ([], ["--overwrite"]):
        assert cli.main(["export", str(tiny_model_folder), str(tmp_path / "mine"), *extra]) == 2
    assert "export.json" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("format", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_missing_runtime_names_the_extra(format, package, tiny_model_folder, tmp_path, monkeypatch, capsys):
    """The exact line that installs it, before any work."""
    monkeypatch.setitem(sys.modules, package, None)
    assert cli.main(["export", str(tiny_model_folder), str(tmp_path / "out"), "--format", format]) == 2
    assert f"run: pip install 'emoclip[{format}]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda output: load_exported(output, precision="int4"), ValueError, "one of float32, int8, got 'int4'"),
        (lambda output: load_exported(output.parent), FileNotFoundError, "must hold export.json"),
        (lambda output: load_exported(output).run("audio", {}), ValueError, "one of video, text, frames, pooling"),
        (lambda output: export_model(output, output, format="tflite"), ValueError, "one of onnx, openvino"),
    ],
)
def test_wrong_calls_say_what_is_right(call, error, message, exported):
    with pytest.raises(error, match=message):
        call(exported[0])


def test_relative_match_by_hand():
    """Cosines 1 and 0, a scale of ln 3: 3 / (3 + 1) and 1 / (3 + 1); lengths do not count."""
    match = relative_match(np.array([[7.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 5.0]]), np.log(3.0))
    np.testing.assert_allclose(match, [[0.75, 0.25]])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_every_method_exports_to_every_runtime(method, format, tiny_model_folder, tmp_path):
    """Subject masks, the expression projection and every pooling, in graphs of varying sizes, and int8 near it."""
    model = make_model(method, tiny_model_folder, tmp_path / "model")
    record = export_model(tmp_path / "model", tmp_path / "out", format=format, int8=True)
    loaded = load_exported(tmp_path / "out")
    for clips, frames in ((1, 1), (3, 4), (2, 7)):
        check_video(model, loaded, clips, frames, 1e-4)
    assert 0.9 < record["fidelity"]["int8"]["lowest_video_cosine"] <= 1.000001
