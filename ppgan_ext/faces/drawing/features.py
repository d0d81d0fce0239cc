"""Eyes, brows, nose and mouth, as shapes placed by landmarks and coloured after the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.faces.drawing.colours import Colour, Picture, lighter, median_lab, shade, to_lab, to_rgb
from ppgan_ext.faces.drawing.strokes import Mask, area, curve, disc, stroke
from ppgan_ext.types import FloatArray

_LINE = np.array((44.0, 28.0, 30.0), np.float32)
_WHITE = np.array((250.0, 247.0, 244.0), np.float32)
_WIDER, _OPENER = 1.20, 1.42  # how much larger than the photo's an eye is drawn, across and down
_LEAST_OPEN = 0.13  # height of an eye as a share of its width, below which it is drawn closed
_IRIS = 12.5  # radius in units
_CALM = 2.5  # units by which brows are raised at the nose, where their thick ends look like a frown
_REACH = 0.16  # of a gaze to the side, as a share of the eye's width


@dataclass(frozen=True, eq=False)
class Paper:
    """What a face is drawn on.

    Attributes:
        canvas: (H, W, 3) float32 RGB, 0 to 255; the functions here change it in place.
        lab: (H, W, 3), the photo in CIE Lab.
        unit: a hundredth of the distance between the eyes, in pixels.
        skin: RGB in which skin is drawn.
        tone: CIE Lab of the skin in the photo.
    """

    canvas: Picture
    lab: Picture
    unit: float
    skin: Colour
    tone: Colour

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.canvas.shape[0], self.canvas.shape[1]

    def paint(self, mask: Mask, colour: FloatArray, share: float = 1.0) -> None:
        """Paint where a mask (H, W) says: a colour (3,), or another picture (H, W, 3)."""
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        if len(rows) == 0:
            return
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        colour = np.asarray(colour, np.float32)
        over = colour[part] if colour.ndim == 3 else colour
        self.canvas[part] += (over - self.canvas[part]) * (mask[part] * np.float32(share))[..., None]

    def brush(self, line: FloatArray, widths: tuple[float, ...], colour: FloatArray, share: float = 1.0) -> None:
        """Draw a line (N, 2) with a brush whose widths are told in units."""
        self.paint(stroke(line, self.unit * np.array(widths), self.shape), colour, share)


def draw_eye(paper: Paper, eye: FloatArray, outer_first: bool) -> None:
    """Draw an eye.

    Args:
        paper: changed.
        eye: (6, 2): the corner at image left, the upper lid from there, the other corner, the lower lid back.
        outer_first: whether the first point is the outer corner.
    """
    unit, across = paper.unit, eye[3] - eye[0]
    width = max(float(np.hypot(*across)), 1e-3)
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]]) / width
    centre = (eye[0] + eye[3]) / 2
    level = (eye - centre) @ turn.T
    is_open = (level[4:, 1].mean() - level[1:3, 1].mean()) / width > _LEAST_OPEN
    level = level * (_WIDER, _OPENER if is_open else 1.0)
    points = level @ turn + centre
    upper, lower = curve(points[:4]), curve(points[[3, 4, 5, 0]])
    lid = shade(paper.skin, 0.45)
    if is_open:
        opening = area(np.vstack([upper, lower]), paper.shape)
        paper.paint(opening, _WHITE)
        shaded = area(np.vstack([upper, upper[::-1] + turn[1] * 3.5 * unit]), paper.shape) * opening
        paper.paint(shaded, shade(_WHITE, 0.82))
        _draw_iris(paper, points, opening)
    crease = (level[:4] * (0.92, 1.0) - (0.0, 5.5 * unit)) @ turn + centre
    paper.brush(curve(crease), (0.3, 1.6, 0.3), lid, 0.8)
    paper.brush(lower, (0.6, 1.5, 0.6), lid, 0.9)
    paper.brush(upper if outer_first else upper[::-1], (3.6, 4.6, 3.4, 1.6), _LINE)


def _draw_iris(paper: Paper, points: FloatArray, opening: Mask) -> None:
    radius, shape = _IRIS * paper.unit, paper.shape
    middle = points.mean(axis=0) - (0.0, 0.06 * radius)
    inside = opening > 0.9
    light = cv2.GaussianBlur(paper.lab[..., 0], (0, 0), 2.0 * paper.unit)
    if inside.any():
        dark = np.maximum(float(np.quantile(light[inside], 0.45)) - light, 0.0) * inside
        if dark.sum() > 0:
            seen = float(dark.sum(axis=0) @ np.arange(shape[1]) / dark.sum())
            reach = _REACH * float(np.ptp(points[:, 0]))
            middle[0] += np.clip(seen - middle[0], -reach, reach)
    seen_lab = median_lab(paper.lab, disc(middle, 0.75 * radius, shape) * opening)
    light_, red, yellow = (30.0, 6.0, 8.0) if seen_lab is None else seen_lab
    colour = to_rgb(np.array((np.clip(light_ + 6, 22, 52), 1.3 * red, 1.3 * yellow + 2)))
    inner = disc(middle, 0.84 * radius, shape) * opening
    paper.paint(disc(middle, radius, shape) * opening, shade(colour, 0.5))
    paper.paint(inner, colour)
    paper.paint(disc(middle + np.array((0.0, 0.45)) * radius, 0.5 * radius, shape) * inner, lighter(colour, 14.0), 0.7)
    paper.paint(disc(middle, 0.48 * radius, shape) * opening, 0.6 * _LINE)
    paper.paint(disc(middle - 0.35 * radius, 0.28 * radius, shape) * opening, _WHITE)
    paper.paint(disc(middle + 0.38 * radius, 0.13 * radius, shape) * opening, _WHITE, 0.9)


def draw_brow(paper: Paper, brow: FloatArray) -> None:
    """Draw a brow, (5, 2) from the temple to the nose, in the darker part of its colours."""
    up = -_direction(np.array((-(brow[4] - brow[0])[1], (brow[4] - brow[0])[0])))
    up = up if up[1] < 0 else -up
    line = curve(brow + np.array([0.0, 0.0, 0.0, 0.5, _CALM])[:, None] * paper.unit * up)
    band = paper.lab[stroke(line, np.array([10 * paper.unit]), paper.shape) > 0.5]
    if len(band) == 0:
        return
    dark = band[band[:, 0] <= np.quantile(band[:, 0], 0.4)].mean(axis=0)
    dark[0] = min(float(dark[0]), float(to_lab(paper.skin)[0]) - 12.0)
    paper.brush(line, (1.8, 6.0, 7.5, 6.0), to_rgb(dark))


def draw_nose(paper: Paper, nose: FloatArray) -> None:
    """Draw wings, nostrils and the line below the tip.

    Args:
        paper: changed.
        nose: (9, 2), the bridge downwards, then the base from image left to right.
    """
    line, unit, base = shade(paper.skin, 0.42), paper.unit, nose[4:9]
    down = _direction(base[2] - nose[0])
    for side, inner in ((0, 1), (4, 3)):
        outward = _direction(base[side] - base[2])
        steps = np.array([[4.0, -14.0], [8.0, -5.0], [3.0, 2.0]]) * unit
        paper.brush(curve(base[side] + steps[:, :1] * outward + steps[:, 1:] * down), (0.4, 2.2, 1.2), line)
        arch = (base[side] + base[inner]) / 2 - 2.5 * unit * down
        paper.brush(curve(np.stack([base[side] + 0.5 * unit * down, arch, base[inner]])), (1.0, 3.6, 1.2), line)
    tip = np.stack([base[1], base[2] + 2.0 * unit * down, base[3]])
    paper.brush(curve(tip), (0.5, 1.6, 0.5), line, 0.8)


def _direction(vector: FloatArray) -> FloatArray:
    return vector / max(float(np.hypot(*vector)), 1e-6)
