# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from emoclip.synthetic.identity import Pose
from emoclip.synthetic.sketch import Sketch, arc, curve, ellipse, mix, shade


def test_curve_starts_and_ends_at_its_outer_controls():
    """Parts of the face would not meet."""
    for controls in ([(0, 0), (1, 5), (2, 1)], [(0, 0), (1, 5), (3, 3), (2, 1)]):
        points = curve(*controls)
        assert points.shape == (9, 2)
        np.testing.assert_allclose(points[[0, -1]], [controls[0], controls[-1]])


def test_arc_reaches_its_height_in_the_middle():
    """Eyes would open less or more than their units say."""
    np.testing.assert_allclose(arc((-4, 1), 3, (4, 1))[4], (0, -2))


def test_mix_and_shade_stay_within_colors():
    """Colours beyond the ends would be painted wrong."""
    assert mix((0, 0, 0), (100, 200, 50), 0.5) == (50, 100, 25)
    assert mix((0, 0, 0), (100, 200, 50), 7.0) == (100, 200, 50)
    assert shade((200, 100, 10), 2.0) == (255.0, 200, 20)


def test_paint_puts_a_shape_where_the_pose_says():
    """A pose that is ignored would leave every head in the same place."""
    sketch = Sketch()
    sketch.fill(ellipse(0, 0, 5, 5), (255, 255, 255))
    canvas = np.zeros((80, 96, 3), np.uint8)
    sketch.paint(canvas, Pose(x=6.0, y=-4.0), (20.0, 20.0))
    rows, columns = np.nonzero(canvas[..., 0] > 128)
    assert columns.mean() / 2 == pytest.approx(26, abs=0.5)
    assert rows.mean() / 2 == pytest.approx(16, abs=0.5)
    # OpenCV fills the edge pixels of a polygon as well.
    assert len(rows) / 4 == pytest.approx(np.pi * 25, rel=0.15)


def test_empty_sketch_leaves_the_canvas():
    """Painting nothing must not fail."""
    canvas = np.full((10, 12, 3), 7, np.uint8)
    Sketch().paint(canvas, Pose(), (5.0, 5.0))
    assert (canvas == 7).all()
