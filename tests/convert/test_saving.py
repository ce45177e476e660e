# SPDX-License-Identifier: Apache-2.0
"""Writing of original state dicts."""

from pathlib import Path

import pytest
import torch

from emoclip.convert import load_checkpoint
from emoclip.convert.saving import save_state_dict


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "new/folder/a.safetensors"])
def test_what_is_written_is_read_again_and_nothing_else_is_left(name: str, tmp_path: Path) -> None:
    """A temporary file beside the result would be taken for a second model."""
    path = save_state_dict({"a": torch.arange(3.0)}, tmp_path / name)
    assert torch.equal(load_checkpoint(path)["a"], torch.arange(3.0))
    assert list(path.parent.iterdir()) == [path]


def test_other_endings_are_refused(tmp_path: Path) -> None:
    """A file that nothing opens."""
    with pytest.raises(ValueError, match=r"must end in one of .pth, .pt, .safetensors, got a.bin"):
        save_state_dict({}, tmp_path / "a.bin")
