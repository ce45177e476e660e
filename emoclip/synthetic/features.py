# SPDX-License-Identifier: Apache-2.0
"""Brows, eyes, nose, cheeks, mouth and wrinkles, each moved by the action units it belongs to.

Every function adds shapes to a sketch. `units` holds intensities in [0, 1]; `side` is -1 for the picture's left, +1 for its right.
Displacements are larger than life so that they are plain at 48 x 48 pixels.
"""

from collections.abc import Mapping

import numpy as np

from emoclip.synthetic.identity import Identity, Pose
from emoclip.synthetic.sketch import Sketch, arc, curve, ellipse, mix, shade


Units = Mapping[str, float]

EYE_Y = -4.0
_BROW_Y = -15.0
_MOUTH_Y = 21.0
_SCLERA = (244.0, 242.0, 238.0)
_TEETH = (246.0, 244.0, 236.0)
_THROAT = (82.0, 22.0, 28.0)
_TONGUE = (178.0, 78.0, 84.0)


def add_features(sketch: Sketch, look: Identity, units: Units, pose: Pose) -> None:
    """Add the whole inner face to the sketch, in painting order."""
    add_cheeks(sketch, look, units)
    add_nose(sketch, look, units)
    add_mouth(sketch, look, units)
    for side in (-1, 1):
        add_eye(sketch, look, units, pose, side)
        add_brow(sketch, look, units, side)
    add_brow_wrinkles(sketch, look, units)
    if look.glasses:
        add_glasses(sketch, look)


def add_brow(sketch: Sketch, look: Identity, units: Units, side: int) -> None:
    """One brow: its inner end follows AU1 and AU4, its outer end AU2."""
    inner_up = units.get("AU1", 0.0)
    outer_up = units.get("AU2L" if side < 0 else "AU2R", 0.0)
    # With the inner end raised, AU4 draws the brows together more than it lowers them.
    lowered = units.get("AU4", 0.0) + 0.35 * units.get("AU9", 0.0)
    drop = lowered * (1 - 0.65 * inner_up)
    spread = look.eye_spacing - 13.5
    inner = (5.8 + spread - 2.6 * lowered, _BROW_Y + 1.0 - 6.0 * inner_up + 5.2 * drop)
    middle = (11.0 + spread - 1.2 * lowered, _BROW_Y - 2.0 - 3.0 * inner_up - 3.4 * outer_up + 4.0 * drop)
    # Only the inner end raised: the whole brow slants, its outer half sinks a little.
    slant = inner_up * (1 - outer_up)
    peak = (17.0 + spread, _BROW_Y - 2.6 + 1.4 * slant - 0.6 * inner_up - 6.4 * outer_up + 2.4 * drop)
    outer = (22.5 + spread, _BROW_Y + 1.6 + 2.6 * slant - 4.0 * outer_up + 0.8 * drop)
    spine = curve(inner, middle, peak, outer)
    half = look.brow_thickness * np.array([0.8, 1.0, 1.1, 1.1, 1.05, 0.95, 0.8, 0.6, 0.3])[:, None] * (0.0, 1.0)
    outline = np.concatenate([spine - half, (spine + half)[::-1]]) * (side, 1.0)
    sketch.fill(outline, mix(shade(look.hair, 0.72), shade(look.skin, 0.3), 0.25))


def add_brow_wrinkles(sketch: Sketch, look: Identity, units: Units) -> None:
    """Lines across the forehead (AU1, AU2) and upright lines between the brows (AU4)."""
    inner, left, right = (units.get(name, 0.0) for name in ("AU1", "AU2L", "AU2R"))
    for y in (-26.0, -29.2):
        for strength, start, end in ((inner, -8.5, 8.5), (left, -19.0, -8.0), (right, 8.0, 19.0)):
            _crease(sketch, look, arc((start, y), 0.8, (end, y)), strength)
    frown = units.get("AU4", 0.0)
    lift = 3.0 * inner
    for x in (-1.9, 1.9):
        _crease(
            sketch, look, curve((1.3 * x, -18.0 - lift), (0.6 * x, -15.0 - lift), (1.2 * x, -11.5 - lift)), 1.3 * frown
        )


def add_eye(sketch: Sketch, look: Identity, units: Units, pose: Pose, side: int) -> None:
    """One eye: white, iris and pupil, then the lids painted over them as far as they are closed."""
    x = side * look.eye_spacing
    width = 7.8 * look.eye_size
    upper, lower = _lid_heights(look, units)
    iris_x, iris_y = x + 1.8 * pose.gaze + 0.8 * pose.yaw, EYE_Y - 0.2 + 2.2 * units.get("AU64", 0.0)
    inner, outer = (x - side * width, EYE_Y + 0.9), (x + side * width, EYE_Y - 0.3)
    upper_edge, lower_edge = arc(inner, upper, outer), arc(inner, -lower, outer)
    sketch.fill(np.concatenate([upper_edge, lower_edge[::-1]]), _SCLERA)
    sketch.fill(ellipse(iris_x, iris_y, 3.6, 3.6), look.iris)
    sketch.fill(ellipse(iris_x, iris_y, 1.7, 1.7), (18.0, 14.0, 14.0))
    sketch.fill(ellipse(iris_x - 1.2, iris_y - 1.3, 0.9, 0.9), (255.0, 255.0, 255.0))
    # The lids reach beyond the iris they cover; the brow is painted over them afterwards.
    lid = mix(look.skin, shade(look.skin, 0.84), 0.5 + 0.5 * units.get("AU43", 0.0))
    sketch.fill(np.concatenate([upper_edge, arc(inner, 9.2, outer)[::-1]]), look.skin)
    sketch.fill(np.concatenate([upper_edge, arc(inner, upper + 1.7, outer)[::-1]]), lid)
    sketch.fill(np.concatenate([lower_edge, arc(inner, -9.2, outer)[::-1]]), look.skin)
    line = mix(shade(look.skin, 0.35), (20.0, 14.0, 14.0), 0.5)
    sketch.line(upper_edge, line, 3)
    sketch.line(lower_edge, shade(look.skin, 0.55), 1)
    _add_lower_lid_folds(sketch, look, units, x, side, lower)


def _lid_heights(look: Identity, units: Units) -> tuple[float, float]:
    """How far the upper lid's edge is above and the lower lid's edge below the line between the corners."""
    tight, smile = units.get("AU7", 0.0), units.get("AU6", 0.0)
    closed = min(1.0, units.get("AU43", 0.0))
    upper = look.eye_size * (
        4.3 + 3.0 * units.get("AU5", 0.0) - 1.9 * tight - 0.5 * smile - 0.4 * units.get("AU4", 0.0)
    )
    lower = look.eye_size * (
        2.6 + 0.7 * units.get("AU5", 0.0) - 2.0 * tight - 2.4 * smile - 0.5 * units.get("AU9", 0.0)
    )
    upper -= 2.4 * units.get("AU64", 0.0)
    lower += 0.6 * units.get("AU64", 0.0)
    lower = max(lower, -1.2)
    upper = max(upper, 0.6 - lower)
    return upper * (1 - closed) - lower * closed, lower


def _add_lower_lid_folds(sketch: Sketch, look: Identity, units: Units, x: float, side: int, lower: float) -> None:
    """Bags under tightened lids (AU7) and laugh lines at the outer corner (AU6)."""
    tight, smile = units.get("AU7", 0.0), units.get("AU6", 0.0)
    y = EYE_Y + lower + 2.0
    _crease(sketch, look, arc((x - 6.0, y), -1.0, (x + 6.0, y)), max(tight, 0.7 * smile))
    corner = x + side * 8.2
    for slope in (-3.2, 0.2, 3.4):
        _crease(
            sketch, look, np.array([(corner, EYE_Y + 0.25 * slope), (corner + 4.4 * side, EYE_Y + slope)]), 1.2 * smile
        )


def add_cheeks(sketch: Sketch, look: Identity, units: Units) -> None:
    """Cheeks pushed up and reddened (AU6) and the folds from nose to mouth (AU9, AU10, AU12)."""
    smile, sneer = units.get("AU6", 0.0), max(units.get("AU10", 0.0), 0.75 * units.get("AU9", 0.0))
    for side in (-1, 1):
        if smile > 0.05:
            blush = mix(look.skin, (226.0, 104.0, 96.0), 0.32 * smile)
            sketch.fill(ellipse(side * 18.0, 10.5 - 3.5 * smile, 7.0, 4.4), blush)
        pulled = units.get("AU12L" if side < 0 else "AU12R", 0.0)
        fold = curve(
            (side * (5.6 * look.nose_width + 0.4), 7.0 - 2.5 * sneer),
            (side * (11.0 + 4.0 * pulled + 1.5 * sneer), 9.0 - 1.5 * sneer),
            (side * (12.0 + 4.5 * pulled + 1.0 * sneer), 19.5 - 2.0 * pulled),
        )
        _crease(sketch, look, fold, 0.12 + max(1.2 * sneer, 0.7 * pulled))


def add_nose(sketch: Sketch, look: Identity, units: Units) -> None:
    """Bridge, tip and nostrils; AU9 shortens the nose and wrinkles its bridge, AU10 lifts its wings."""
    wrinkled = units.get("AU9", 0.0)
    raised = max(wrinkled, 0.5 * units.get("AU10", 0.0))
    half, tip = 4.6 * look.nose_width * (1 + 0.22 * raised), 8.6 - 3.0 * raised
    dark = shade(look.skin, 0.78)
    sketch.fill(np.array([(1.2, -8.0), (2.2, -8.0), (half, tip), (0.8, tip + 1.4)]), shade(look.skin, 0.9))
    sketch.fill(np.array([(-1.0, -8.0), (0.8, -8.0), (1.0, tip), (-1.6, tip)]), shade(look.skin, 1.07))
    sketch.line(arc((-half, tip - 0.5), -2.0, (half, tip - 0.5)), dark, 2)
    for side in (-1, 1):
        sketch.line(
            curve((side * half, tip - 2.4), (side * (half + 1.3), tip - 0.8), (side * half, tip + 0.6)), dark, 2
        )
        sketch.fill(ellipse(side * 2.3 * look.nose_width, tip + 0.4, 1.3, 0.9), shade(look.skin, 0.42))
    for y in (-9.0, -6.2, -3.4, -0.6):
        reach = 3.0 + 0.25 * (y + 9.0)
        _crease(sketch, look, arc((-reach, y), 1.2, (reach, y)), 1.6 * wrinkled)


def add_mouth(sketch: Sketch, look: Identity, units: Units) -> None:
    """Lips, opening, teeth, the dimples beside (AU14) and the chin below (AU17)."""
    left, right = _mouth_corner(look, units, -1), _mouth_corner(look, units, 1)
    middle = _MOUTH_Y + 0.2 * (_MOUTH_Y - (left[1] + right[1]) / 2) - 2.0 * units.get("AU17", 0.0)
    parted, jaw, pressed = units.get("AU25", 0.0), units.get("AU26", 0.0), units.get("AU24", 0.0)
    raised, chin = units.get("AU10", 0.0), units.get("AU17", 0.0)
    top = middle - 1.4 * parted - 1.6 * jaw - 2.6 * raised
    bottom = middle + 2.4 * parted + 10.0 * jaw + 0.2
    thin = (1 - 0.8 * pressed) * look.lip_fullness
    upper_lip = max(0.5, 2.5 * thin - 0.5 * raised)
    lower_lip = max(0.6, (3.3 + 1.0 * chin) * thin)
    upper_edge = _lip(left, right, top, flat=jaw)
    lower_edge = _lip(left, right, bottom, flat=jaw)
    bow = _lip(left, right, top - upper_lip, flat=jaw)
    bow[4, 1] += 0.7 * thin  # the dip of the cupid's bow
    rim = _lip(left, right, bottom + lower_lip, flat=jaw)
    sketch.fill(np.concatenate([bow, upper_edge[::-1]]), shade(look.lips, 0.9))
    sketch.fill(np.concatenate([lower_edge, rim[::-1]]), look.lips)
    if bottom - top > 1.2:
        _add_opening(sketch, upper_edge, lower_edge, bottom - top)
    else:
        sketch.line(upper_edge, shade(look.lips, 0.42), 3)
    _add_mouth_folds(sketch, look, units, left, right)
    _add_chin(sketch, look, units, bottom + lower_lip)


def _mouth_corner(look: Identity, units: Units, side: int) -> tuple[float, float]:
    """Place of one corner: out and up with AU12, down with AU15, out with AU20, in with AU24 and AU26."""
    letter = "L" if side < 0 else "R"
    pulled, dimpled = units.get("AU12" + letter, 0.0), units.get("AU14" + letter, 0.0)
    down, stretched = units.get("AU15", 0.0), units.get("AU20", 0.0)
    x = (
        10.8
        + 3.8 * pulled
        + 1.2 * dimpled
        + 4.6 * stretched
        - 0.4 * down
        - 2.6 * units.get("AU24", 0.0)
        - 2.0 * units.get("AU26", 0.0)
    )
    y = _MOUTH_Y - 5.2 * pulled - 0.6 * dimpled + 5.0 * down + 0.9 * stretched + 2.6 * units.get("AU26", 0.0)
    return side * x * look.mouth_width, y


def _lip(left: tuple[float, float], right: tuple[float, float], height: float, *, flat: float) -> np.ndarray:
    """Nine points, (9, 2), from corner to corner whose middle passes through `height`; rounder with a dropped jaw."""
    reach = (0.45 + 0.3 * flat) * 0.5
    center = (left[0] + right[0]) / 2
    half = (right[0] - left[0]) / 2
    mid_y = (8 * height - left[1] - right[1]) / 6
    return curve(left, (center - half * reach * 2, mid_y), (center + half * reach * 2, mid_y), right)


def _add_opening(sketch: Sketch, upper_edge: np.ndarray, lower_edge: np.ndarray, gap: float) -> None:
    """The dark inside of an open mouth, with upper teeth and, if wide open, the tongue."""
    sketch.fill(np.concatenate([upper_edge, lower_edge[::-1]]), _THROAT)
    teeth = min(2.6, 0.55 * gap)
    inner = upper_edge[1:-1]
    hanging = inner + np.array([0.0, teeth]) * np.array([0.4, 0.8, 1.0, 1.0, 1.0, 0.8, 0.4])[:, None]
    sketch.fill(np.concatenate([inner, hanging[::-1]]), _TEETH)
    if gap > 7.0:
        x, y = lower_edge[4]
        sketch.fill(ellipse(x, y - 1.6, 4.2, 1.9), _TONGUE)


def _add_mouth_folds(
    sketch: Sketch, look: Identity, units: Units, left: tuple[float, float], right: tuple[float, float]
) -> None:
    """A dimple beside a tightened corner (AU14) and lines below drooping or stretched corners (AU15, AU20)."""
    for letter, (x, y), side in (("L", left, -1), ("R", right, 1)):
        dimple = units.get("AU14" + letter, 0.0)
        edge = x + side * 1.8
        _crease(sketch, look, curve((edge, y - 3.6), (edge + side * 1.8, y), (edge, y + 3.2)), 1.4 * dimple, width=3)
        down = max(units.get("AU15", 0.0), 0.0)
        _crease(
            sketch, look, curve((x + side * 0.6, y), (x + side * 1.6, y + 2.4), (x + side * 0.8, y + 5.0)), 0.55 * down
        )
        stretched = units.get("AU20", 0.0)
        _crease(sketch, look, curve((edge, y - 2.5), (edge + side * 0.6, y), (edge, y + 2.5)), 0.7 * stretched)


def _add_chin(sketch: Sketch, look: Identity, units: Units, lip_y: float) -> None:
    """The fold under the lower lip and, with AU17, the bunched, dimpled chin."""
    chin = units.get("AU17", 0.0)
    y = lip_y + 2.2
    _crease(sketch, look, arc((-5.5, y), 1.0 + chin, (5.5, y)), 0.25 + 1.1 * chin)
    if chin > 0.05:
        dark = mix(look.skin, shade(look.skin, 0.62), chin)
        for x, drop in ((-3.8, 4.6), (0.0, 3.8), (3.8, 4.6), (-1.9, 6.6), (1.9, 6.6)):
            sketch.fill(ellipse(x, y + drop, 1.0, 0.8), dark)


def add_glasses(sketch: Sketch, look: Identity) -> None:
    """Thin round frames; everything behind them stays in view."""
    frame = (52.0, 48.0, 52.0)
    for side in (-1, 1):
        ring = ellipse(side * look.eye_spacing, EYE_Y + 1.0, 9.4, 8.2)
        sketch.line(np.concatenate([ring, ring[:1]]), frame, 2)
        x = side * (look.eye_spacing + 9.4)
        sketch.line(np.array([(x, EYE_Y - 0.5), (side * look.face_width, EYE_Y - 2.0)]), frame, 2)
    bridge = look.eye_spacing - 9.4
    sketch.line(arc((-bridge, EYE_Y), 1.0, (bridge, EYE_Y)), frame, 2)


def _crease(sketch: Sketch, look: Identity, points: np.ndarray, strength: float, width: int = 2) -> None:
    """A skin fold that darkens with its strength; too weak to see is not drawn."""
    if strength > 0.08:
        sketch.line(points, mix(look.skin, shade(look.skin, 0.5), min(strength, 1.0)), width)
