# SPDX-License-Identifier: Apache-2.0
"""The model through PyTorch's compiler and exporter."""

import shutil
from collections.abc import Callable

import pytest
import torch

from modeling_emoclip import EmoCLIPModel


METHODS = {
    "emoclip": {"temporal": {"pooling": "cls_transformer"}},
    "emotionclip": {"temporal": {"pooling": "residual_transformer"}, "subject_prompting": "sap"},
    "expclip": {"temporal": {"pooling": "mean"}, "expression_projection_dim": 31},
}


@pytest.fixture(params=METHODS)
def model(request: pytest.FixtureRequest, tiny_config: Callable) -> EmoCLIPModel:
    torch.manual_seed(0)
    torch._dynamo.reset()
    return EmoCLIPModel(tiny_config(**METHODS[request.param])).eval()


@pytest.fixture
def inputs(model: EmoCLIPModel, tiny_inputs: Callable) -> dict[str, torch.Tensor]:
    return tiny_inputs(masks=model.config.subject_prompting != "none")


def test_towers_and_pooling_compile_without_graph_breaks(model: EmoCLIPModel, inputs: dict) -> None:
    """A break in every layer makes the compiled model slower than the plain one; `fullgraph` refuses any."""
    texts = inputs.pop("input_ids")
    video = torch.compile(model.get_video_features, fullgraph=True, backend="aot_eager")
    text = torch.compile(model.get_text_features, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(video(**inputs).pooler_output, model.get_video_features(**inputs).pooler_output)
        torch.testing.assert_close(text(texts).pooler_output, model.get_text_features(texts).pooler_output)


def test_whole_forward_exports(model: EmoCLIPModel, inputs: dict) -> None:
    """What ONNX and other runtimes start from."""
    names = list(inputs)

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            return self.model(**dict(zip(names, tensors, strict=True))).logits_per_video

    with torch.no_grad():
        program = torch.export.export(Scores(), tuple(inputs.values()))
        torch.testing.assert_close(program.module()(*inputs.values()), model(**inputs).logits_per_video)


def test_exported_graph_takes_other_numbers_of_clips_and_texts(
    model: EmoCLIPModel, inputs: dict, tiny_inputs: Callable
) -> None:
    """A graph fixed to the numbers of its example is of no use to a server."""
    names = list(inputs)

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            return self.model(**dict(zip(names, tensors, strict=True))).logits_per_video

    clips, texts = torch.export.Dim("clips", min=1, max=64), torch.export.Dim("texts", min=1, max=64)
    shapes = (tuple({0: texts if name == "input_ids" else clips} for name in names),)
    other = {**inputs, "input_ids": tiny_inputs(num_texts=5)["input_ids"]}
    other |= {name: tensor[:2] for name, tensor in inputs.items() if name != "input_ids"}
    with torch.no_grad():
        program = torch.export.export(Scores(), tuple(inputs.values()), dynamic_shapes=shapes)
        result = program.module()(*(other[name] for name in names))
        torch.testing.assert_close(result, model(**other).logits_per_video)
    assert result.shape == (2, 5)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None and shutil.which("clang++") is None, reason="needs a C++ compiler")
def test_default_compiler_gives_the_same_scores(model: EmoCLIPModel, inputs: dict) -> None:
    """The backend that users get."""
    compiled = torch.compile(model.get_frame_features, fullgraph=True)
    pixels = {name: inputs[name] for name in ("pixel_values_videos", "subject_masks") if name in inputs}
    with torch.no_grad():
        expected = model.get_frame_features(**pixels)
        torch.testing.assert_close(compiled(**pixels), expected, rtol=1e-4, atol=1e-4)
