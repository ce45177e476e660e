# SPDX-License-Identifier: Apache-2.0
"""A list of filled shapes and lines in face coordinates, posed in one go and painted with OpenCV.

Face coordinates: pixels of the final picture, origin between eyes and nose, x to the picture's right, y down. Collecting first and
painting later turns hundreds of small coordinate changes a frame into one.
"""

import cv2
import numpy as np

from emoclip.synthetic.identity import Color, Pose


SUPERSAMPLING = 2

# OpenCV takes coordinates as integers with this many binary places.
_SUBPIXEL_BITS = 4

_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)

_STEPS = np.linspace(0, 1, 9)[:, None]
_QUADRATIC = np.concatenate([(1 - _STEPS) ** 2, 2 * _STEPS * (1 - _STEPS), _STEPS**2], axis=1)
_CUBIC = np.concatenate(
    [(1 - _STEPS) ** 3, 3 * _STEPS * (1 - _STEPS) ** 2, 3 * _STEPS**2 * (1 - _STEPS), _STEPS**3], axis=1
)


def curve(*controls: tuple[float, float]) -> np.ndarray:
    """Nine points, (9, 2), of the Bezier curve with three or four control points."""
    basis = _QUADRATIC if len(controls) == 3 else _CUBIC
    return basis @ np.array(controls)


def arc(start: tuple[float, float], height: float, end: tuple[float, float]) -> np.ndarray:
    """Nine points, (9, 2), of a flat arc whose middle lies `height` above (negative y) the chord."""
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 2 * height)
    return curve(start, middle, end)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """Twenty points, (20, 2), of an ellipse."""
    return CIRCLE * (radius_x, radius_y) + (x, y)


def mix(first: Color, second: Color, share: float) -> Color:
    """Colour between `first` (share 0) and `second` (share 1); shares outside are clipped."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
    return red, green, blue


def shade(color: Color, factor: float) -> Color:
    """`color` made darker (factor below 1) or lighter, within [0, 255]."""
    red, green, blue = (min(255.0, channel * factor) for channel in color)
    return red, green, blue


class Sketch:
    """Shapes in painting order."""

    def __init__(self) -> None:
        self._points: list[np.ndarray] = []
        self._styles: list[tuple[Color, int]] = []

    def fill(self, points: np.ndarray, color: Color) -> None:
        """Add a filled polygon; points: (n, 2)."""
        self._points.append(points)
        self._styles.append((color, 0))

    def line(self, points: np.ndarray, color: Color, width: int = 2) -> None:
        """Add an open line; points: (n, 2); width in half pixels of the final picture."""
        self._points.append(points)
        self._styles.append((color, width))

    def paint(self, canvas: np.ndarray, pose: Pose, center: tuple[float, float]) -> None:
        """Paint everything onto `canvas`, uint8 (2 * height, 2 * width, 3), in place."""
        if not self._points:
            return
        fixed = _to_canvas(np.concatenate(self._points), pose, center)
        start = 0
        for points, (color, width) in zip(self._points, self._styles, strict=True):
            part = [fixed[start : start + len(points)]]
            start += len(points)
            if width:
                cv2.polylines(canvas, part, False, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)
            else:
                cv2.fillPoly(canvas, part, color, cv2.LINE_AA, _SUBPIXEL_BITS)


def _to_canvas(points: np.ndarray, pose: Pose, center: tuple[float, float]) -> np.ndarray:
    """Turn, nod, roll, scale and move points; int32 in fixed-point canvas coordinates."""
    x, y = points[:, 0], points[:, 1]
    # A turned head shows its middle moved sideways while the outline stays: features slide over a round surface.
    bulge = np.clip(1 - (x * x + y * y) / 1600, 0, 1)
    x = x + 6.0 * pose.yaw * bulge
    y = y + 7.0 * pose.pitch * bulge
    angle = np.deg2rad(pose.roll)
    cos, sin = pose.scale * np.cos(angle), pose.scale * np.sin(angle)
    moved = np.stack(
        [cos * x - sin * y + pose.x + center[0] - 0.25, sin * x + cos * y + pose.y + center[1] - 0.25], axis=1
    )
    return np.rint(moved * (SUPERSAMPLING << _SUBPIXEL_BITS)).astype(np.int32)
