# SPDX-License-Identifier: Apache-2.0
"""Graphs as ONNX files, in float32 and with int8 weights."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from emoclip.console import require

from .graphs import Graph


OPSET = 18
# One ONNX file may hold 2 GiB; above this the weights lie beside it.
MOST_BYTES_INSIDE = 1_900_000_000
QUANTIZED = ("MatMul", "Gemm")


def require_onnx() -> None:
    """Check that what exports and runs ONNX is there.

    Raises:
        ImportError: A package is missing; the message carries the command that installs it.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require(package, "onnx")


def write_onnx(graph: Graph, path: Path, limits: dict[str, int]) -> None:
    """Write a graph in float32.

    Args:
        graph: What to export; its module is in evaluation mode.
        path: Ends in `.onnx`.
        limits: Largest size of every axis that may vary.
    """
    names = {name for axes in graph.axes.values() for name in axes.values()}
    sizes = {name: torch.export.Dim(name, min=1, max=limits[name]) for name in names}
    shapes = tuple({axis: sizes[name] for axis, name in graph.axes[key].items()} for key in graph.inputs)
    with _quiet_exporter(), torch.no_grad():
        program: Any = torch.onnx.export(
            graph.module.eval(),
            tuple(graph.inputs.values()),
            input_names=list(graph.inputs),
            output_names=[graph.output],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        size = sum(value.numel() * value.element_size() for value in graph.module.parameters())
        program.save(str(path), external_data=size > MOST_BYTES_INSIDE)


def write_onnx_int8(source: Path, path: Path) -> None:
    """Write a float32 file with int8 weights, per channel; what flows through is quantised as it comes (dynamic)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet_exporter():
        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=list(QUANTIZED),
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=source.stat().st_size > MOST_BYTES_INSIDE,
            # The exporter's symbolic shapes contradict the quantiser's own inference.
            extra_options={"DefaultTensorType": 1},
        )


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns of packages that nothing here needs; errors pass."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.onnx._internal.exporter._registration", "")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


__all__ = ["require_onnx", "write_onnx", "write_onnx_int8"]
