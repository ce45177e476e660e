# SPDX-License-Identifier: Apache-2.0
"""ONNX files as OpenVINO's own, in float32 and with int8 weights."""

from __future__ import annotations

import logging
from pathlib import Path

from emoclip.console import require


def require_openvino() -> None:
    """Check that what writes and runs OpenVINO files is there.

    Raises:
        ImportError: A package is missing; the message carries the command that installs it.
    """
    require("openvino", "openvino")
    # The way from PyTorch leads over ONNX.
    for package in ("onnx", "onnxscript"):
        require(package, "openvino")


def write_openvino(source: Path, path: Path) -> None:
    """Write an ONNX file as `path` (`.xml`) with its weights beside it (`.bin`), in float32."""
    openvino = require("openvino", "openvino")
    openvino.save_model(openvino.convert_model(str(source)), str(path), compress_to_fp16=False)


def write_openvino_int8(source: Path, path: Path) -> None:
    """Write an ONNX file as `path` (`.xml`) with its weights in int8, a scale and zero point per channel."""
    openvino, nncf = require("openvino", "openvino"), require("nncf", "openvino")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = nncf.compress_weights(
        openvino.convert_model(str(source)), mode=nncf.CompressWeightsMode.INT8_ASYM, ignored_scope=None
    )
    openvino.save_model(model, str(path), compress_to_fp16=False)


__all__ = ["require_openvino", "write_openvino", "write_openvino_int8"]
