# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.synthetic.action_units import UNITS
from emoclip.synthetic.face import FaceRenderer
from emoclip.synthetic.features import add_features
from emoclip.synthetic.identity import Pose, draw_identity
from emoclip.synthetic.sketch import Sketch


@pytest.fixture(scope="module")
def renderer():
    return FaceRenderer(draw_identity(np.random.default_rng(0)))


def _change(renderer, units, rows=slice(None), columns=slice(None)):
    """Mean absolute change against the resting face in a part of the picture."""
    change = renderer.draw(units).astype(int) - renderer.draw({}).astype(int)
    return np.abs(change[rows, columns]).mean()


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_is_visible_at_full_intensity(renderer, unit):
    """A unit without effect would be described in captions but never seen."""
    change = np.abs(renderer.draw({unit: 1.0}).astype(int) - renderer.draw({}).astype(int)).max(axis=2)
    assert (change > 40).sum() > 12


@pytest.mark.parametrize("unit", UNITS)
def test_effect_grows_with_intensity(renderer, unit):
    """Words of degree would mean nothing."""
    assert _change(renderer, {unit: 0.3}) < _change(renderer, {unit: 1.0})


@pytest.mark.parametrize(("unit", "rows"), [("AU4", slice(20, 58)), ("AU15", slice(55, 96)), ("AU26", slice(55, 96))])
def test_effect_stays_in_its_part_of_the_face(renderer, unit, rows):
    """Brow units that move the mouth would make captions wrong."""
    outside = np.delete(np.arange(96), np.arange(96)[rows])
    assert _change(renderer, {unit: 1.0}, rows=outside) < 0.2
    assert _change(renderer, {unit: 1.0}, rows=rows) > 0.5


@pytest.mark.parametrize("unit", ["AU2", "AU12", "AU14"])
def test_sides_move_separately(renderer, unit):
    """One-sided contempt would look like a smile."""
    left, right = slice(0, 42), slice(54, 96)
    assert _change(renderer, {unit + "L": 1.0}, columns=left) > 5 * _change(renderer, {unit + "L": 1.0}, columns=right)
    assert _change(renderer, {unit + "R": 1.0}, columns=right) > 5 * _change(renderer, {unit + "R": 1.0}, columns=left)


def test_lids_never_cross():
    """Eyes closed from two causes at once would turn inside out."""
    look = draw_identity(np.random.default_rng(4))
    add_features(Sketch(), look, dict.fromkeys(UNITS, 1.0), Pose())
    closed = FaceRenderer(look).draw({"AU43": 1.0, "AU7": 1.0, "AU6": 1.0, "AU64": 1.0})
    assert closed.shape == (96, 96, 3)
