# SPDX-License-Identifier: Apache-2.0
"""Exported models in use: embeddings and relative match by ONNX Runtime or OpenVINO, the processor as ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emoclip.console import require


RECORD = "export.json"
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
PRECISIONS = ("float32", "int8")
# The inputs of a graph by name -> its one output.
Runner = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class ExportedModel:
    """An exported model with its processor.

    Args:
        runners: Graph name -> what runs it.
        processor: The `EmoCLIPProcessor` that was exported with it.
        logit_multiplier: Of the cosines before the softmax.

    Example:
        >>> model = load_exported("my-emoclip-onnx")
        >>> model.match("clip.mp4", ["a broad smile", "a frown"])
    """

    runners: dict[str, Runner]
    processor: Any
    logit_multiplier: float
    record: dict[str, Any] = field(default_factory=dict)

    def embed_videos(self, videos: Any, **options: Any) -> np.ndarray:
        """Return clip embeddings, float32, (clips, dim), not normalised.

        Args:
            videos: Whatever the processor takes: a path, frames, or a list of them.
            options: Of the processor, `subject_masks` among them.
        """
        return self.run("video", self.processor(videos=videos, return_tensors="np", **options))

    def embed_texts(self, texts: str | list[str]) -> np.ndarray:
        """Return text embeddings, float32, (texts, dim), not normalised."""
        return self.run("text", self.processor(text=texts, return_tensors="np"))

    def match(self, videos: Any, texts: str | list[str], **options: Any) -> np.ndarray:
        """Return the relative match of each text to each clip, (clips, texts); every row adds up to 1."""
        return relative_match(self.embed_videos(videos, **options), self.embed_texts(texts), self.logit_multiplier)

    def run(self, graph: str, inputs: Mapping[str, Any]) -> np.ndarray:
        """Return the output of one graph.

        Args:
            graph: `video`, `text`, and `frames` and `pooling` where they were exported.
            inputs: Arrays or tensors by name; others than the graph's are passed over.

        Raises:
            ValueError: The graph was not exported.
        """
        if graph not in self.runners:
            raise ValueError(
                f"The graph must be one of {', '.join(self.runners)}, got {graph!r}; export again with --parts."
            )
        return self.runners[graph]({name: np.asarray(value) for name, value in inputs.items()})


def load_exported(folder: str | Path, *, precision: str = "float32", threads: int | None = None) -> ExportedModel:
    """Return the model that `emoclip export` wrote to a folder.

    Args:
        folder: With `export.json`.
        precision: `float32`, or `int8` where it was exported.
        threads: Of the runtime; its own choice by default.

    Raises:
        FileNotFoundError: The folder holds no exported model, or not in this precision.
        ImportError: The runtime is not installed; the message carries the command that installs it.
        ValueError: The precision is unknown.
    """
    from modeling_emoclip import EmoCLIPProcessor

    folder = Path(folder)
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
    if not (folder / RECORD).is_file():
        raise FileNotFoundError(f"An exported model must hold {RECORD}, {folder} has none; write one: emoclip export")
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    make = {"onnx": onnx_runner, "openvino": openvino_runner}[record["format"]]
    paths = {name: folder / graph_file(name, record["format"], precision) for name in record["graphs"]}
    absent = [path.name for path in paths.values() if not path.is_file()]
    if absent:
        raise FileNotFoundError(
            f"{folder} was not exported in {precision}: no {absent[0]}; export with --{precision}."
        )
    runners = {name: make(path, threads=threads) for name, path in paths.items()}
    return ExportedModel(runners, EmoCLIPProcessor.from_pretrained(folder), record["logit_multiplier"], record)


def graph_file(graph: str, format: str, precision: str) -> str:
    """Return the file name of a graph, for example `video.onnx` or `video_int8.xml`."""
    return f"{graph}{'' if precision == 'float32' else f'_{precision}'}{SUFFIXES[format]}"


def onnx_runner(path: Path, *, threads: int | None = None) -> Runner:
    """Return what runs an ONNX file by ONNX Runtime, on a GPU where the installed runtime offers one."""
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Warnings of constant folding say nothing that a user can act on.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=onnxruntime.get_available_providers())
    names = [node.name for node in session.get_inputs()]
    return lambda inputs: session.run(None, {name: inputs[name] for name in names})[0]


def openvino_runner(path: Path, *, threads: int | None = None) -> Runner:
    """Return what runs an OpenVINO file on the CPU in float32; OpenVINO would choose bfloat16 by itself."""
    openvino = require("openvino", "openvino")
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    names = [node.get_any_name() for node in compiled.inputs]
    return lambda inputs: compiled({name: inputs[name] for name in names})[0]


def relative_match(video_embeds: np.ndarray, text_embeds: np.ndarray, multiplier: float) -> np.ndarray:
    """Return the softmax of scaled cosines over the texts, (clips, texts).

    Args:
        video_embeds: (clips, dim), of any norm.
        text_embeds: (texts, dim), of any norm.
        multiplier: Of the cosines.
    """
    logits = multiplier * directions(video_embeds) @ directions(text_embeds).T
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def directions(embeds: np.ndarray) -> np.ndarray:
    """Return embeddings scaled to length 1."""
    return embeds / np.linalg.norm(embeds, axis=-1, keepdims=True)


__all__ = [
    "ExportedModel",
    "directions",
    "graph_file",
    "load_exported",
    "onnx_runner",
    "openvino_runner",
    "relative_match",
]
