# SPDX-License-Identifier: Apache-2.0
"""What stored embeddings depend on belongs to their key, or old ones are trained on in silence."""

import ast
import importlib
import importlib.metadata
from pathlib import Path

import pytest

from emoclip.features import identity


def test_modules_of_the_fingerprint_bring_those_they_compute_with() -> None:
    """A module that the tower or the decoding imports and that is not in the list can change without anybody noticing."""
    listed = set(identity._MODULES)
    # No step between a file and its embeddings; what they set is in the key by value (fields of the transform) or of no effect on it.
    others = {
        "checks",
        "expression",
        "hub",
        "labels",
        "preprocessing",
        "presets",
        "prompts",
        "temporal",
        "text_classes",
        "video_fields",
    }
    imported = set()
    for name in listed:
        tree = ast.parse(Path(str(importlib.import_module(name).__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and name.startswith("modeling_emoclip."):
                imported.add(f"modeling_emoclip.{node.module}")
    assert imported - listed == {f"modeling_emoclip.{name}_emoclip" for name in others} & imported
    assert {"emoclip.data.media", "emoclip.features.tower", "modeling_emoclip.attention_emoclip"} <= listed


@pytest.mark.parametrize("package", ["av", "pillow", "torch", "transformers"])
def test_another_version_of_a_library_has_a_store_of_its_own(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders and kernels change between releases."""
    real = importlib.metadata.version
    before = identity.code_fingerprint.__wrapped__()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0" if name == package else real(name))
    assert identity.code_fingerprint.__wrapped__() != before


def test_builds_of_one_version_share_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features that a GPU has computed serve the laptop."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    before = identity.code_fingerprint.__wrapped__()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cu130")
    assert identity.code_fingerprint.__wrapped__() == before
