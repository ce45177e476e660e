# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.data.manifest import read_manifest
from emoclip.synthetic.action_units import are_opposed, draw_expression
from emoclip.synthetic.compounds import COMPOUNDS, draw_compound
from emoclip.synthetic.render import World, render_world
from emoclip.synthetic.samples import make_clip
from modeling_emoclip.labels_emoclip import MAFW_COMPOUND_CLASSES


def test_classes_are_those_of_mafw():
    """The list is repeated, so that rendering needs no torch; it must not drift away."""
    assert tuple(MAFW_COMPOUND_CLASSES) == COMPOUNDS


def test_one_emotion_is_drawn_as_before():
    """The rendered world of the packaged model must stay what it was."""
    units, _ = draw_compound(["fear"], np.random.default_rng(3))
    assert units == draw_expression("fear", np.random.default_rng(3))


@pytest.mark.parametrize("name", [name for name in COMPOUNDS if "_" in name])
def test_movements_of_all_components_but_those_that_exclude_each_other(name):
    """A smile and a pressed mouth in one face is no face."""
    for seed in range(5):
        units, _ = draw_compound(name.split("_"), np.random.default_rng(seed))
        assert not any(are_opposed(a, b) for a in units for b in units if a != b)
    happy_surprise, _ = draw_compound(["happiness", "surprise"], np.random.default_rng(0))
    assert {"AU12L", "AU12R", "AU1", "AU26"} <= set(happy_surprise)


def test_compound_clips_have_a_manifest_of_their_own(tmp_path):
    """Their classes are others, so that they cannot stand beside the eleven."""
    assert render_world(tmp_path, World(1, 1, 0, 1, compound_clips=2), workers=1) == 0
    manifest = read_manifest(tmp_path / "compound.parquet")
    assert manifest.class_names == list(COMPOUNDS)
    assert manifest.table["label"].to_pylist() == [0, 1]
    assert manifest.table["split"].to_pylist() == ["test", "test"]
    assert read_manifest(tmp_path / "clips.parquet").table.num_rows == 1


def test_compound_clips_alone_need_no_tokenizer(tmp_path):
    """They are for evaluation; nothing is trained on them."""
    assert render_world(tmp_path, World(1, 0, 0, 0, compound_clips=1), workers=1) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"clips", "render.json", "compound.parquet"}


def test_compound_clip_by_its_index():
    clip = make_clip(0, "compound", 13 + 43)
    assert (clip.emotion, clip.subject_id) == (COMPOUNDS[13], "compound_00001")
