# SPDX-License-Identifier: Apache-2.0
"""A small random teacher on disk, rendered stills, and a configuration that distils the one into a tiny CLIP."""

from pathlib import Path

import pytest


WIDTH, SIDE = 40, 28


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory) -> Path:
    """BLIP-2 Flan-T5 of the real classes, 40 wide, for pictures of 28 pixels."""
    from emoclip.synthetic.tiny_teacher import save_tiny_teacher

    return save_tiny_teacher(tmp_path_factory.mktemp("teacher"), width=WIDTH, image_size=SIDE, seed=3)
