# SPDX-License-Identifier: Apache-2.0
"""The small models of the original implementations, with what they computed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open


GOLDEN = Path(__file__).parents[1] / "golden"


class Golden(NamedTuple):
    """One stored model: its tensors, inputs, outputs, gradients, and sizes that no tensor tells."""

    state: dict[str, torch.Tensor]
    given: dict[str, torch.Tensor]
    expected: dict[str, torch.Tensor]
    gradients: dict[str, torch.Tensor]
    sizes: dict


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    """Return a function that reads the stored model of a method."""

    def read(method: str) -> Golden:
        parts: dict[str, dict[str, torch.Tensor]] = {"state": {}, "in": {}, "out": {}, "grad": {}}
        with safe_open(GOLDEN / f"{method}_small.safetensors", framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                part, _, name = key.partition(".")
                parts[part][name] = file.get_tensor(key)
            sizes = json.loads(file.metadata()["config"])
        return Golden(*parts.values(), sizes)

    return read


@pytest.fixture(scope="session")
def expclip_parts(golden: Callable[[str], Golden]) -> tuple[dict, dict]:
    """The head as released, and OpenAI's CLIP beneath."""
    state = golden("expclip").state
    head = {
        name.removeprefix("projection_head."): tensor for name, tensor in state.items() if "projection_head" in name
    }
    base = {name.removeprefix("clip_model."): tensor for name, tensor in state.items() if "clip_model" in name}
    return head, base
