"""Lips, and teeth where the mouth is open."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.drawing.colours import Colour, median_lab, shade, to_lab, to_rgb
from ppgan_ext.faces.drawing.features import Paper
from ppgan_ext.faces.drawing.strokes import Mask, area, curve
from ppgan_ext.types import FloatArray

_SPOKEN, _WIDE = 0.06, 0.16  # opening of the lips as a share of the mouth's width: drawn open if teeth show; always
_TEETH = np.array((252.0, 249.0, 245.0), np.float32)
_INSIDE = np.array((96.0, 34.0, 38.0), np.float32)
_SHOWN = 0.62  # share of the opening that the upper teeth fill
_COLOURLESS = 3.0  # CIE Lab's a of skin in a grey photo
_LEAST_TEETH = 0.3  # share of the opening that looks like teeth


def draw_mouth(paper: Paper, mouth: FloatArray) -> None:
    """Draw the mouth, (20, 2): landmarks 48 to 67."""
    upper = np.vstack([curve(mouth[0:4]), curve(mouth[3:7])[1:]])
    lower = curve(np.vstack([mouth[6:12], mouth[:1]]))
    above, below = curve(mouth[[0, 12, 13, 14, 15, 16, 6]]), curve(mouth[[6, 16, 17, 18, 19, 12, 0]])
    inside = area(np.vstack([above, below]), paper.shape)
    teeth = _teeth_share(paper, inside)
    gap = float(np.linalg.norm(mouth[[13, 14, 15]] - mouth[[19, 18, 17]], axis=1).mean())
    gap /= max(float(np.linalg.norm(mouth[6] - mouth[0])), 1e-3)
    is_open = gap > _WIDE or (gap > _SPOKEN and teeth > _LEAST_TEETH)
    lips = _lip_colour(paper, area(np.vstack([upper, lower]), paper.shape) * (1 - inside))
    dark = shade(to_rgb(lips), 0.4)
    paper.paint(area(np.vstack([upper, above[::-1]]), paper.shape), to_rgb(lips - np.array((7.0, 0.0, 0.0))))
    paper.paint(area(np.vstack([below[::-1], lower[::-1]]), paper.shape), to_rgb(lips))
    shine = 0.55 * mouth[[19, 18, 17]] + 0.45 * mouth[[10, 9, 8]]
    paper.brush(curve(shine), (0.5, 3.5, 0.5), to_rgb(lips + np.array((11.0, -2.0, 0.0))), 0.8)
    if is_open:
        paper.paint(inside, _INSIDE)
        if teeth > _LEAST_TEETH:
            drop = _SHOWN * (mouth[18] - mouth[14])
            paper.paint(area(np.vstack([above, above[::-1] + drop]), paper.shape) * inside, _TEETH)
        paper.brush(above, (1.2, 2.0, 1.2), dark)
        paper.brush(below, (0.8, 1.4, 0.8), dark)
    else:
        middle = (above + below[::-1]) / 2
        paper.paint(inside, to_rgb(lips - np.array((4.0, 0.0, 0.0))))
        paper.brush(middle, (1.6, 2.4, 2.0, 2.4, 1.6), dark)
    paper.brush(curve(mouth[[10, 9, 8]]), (0.3, 1.6, 0.3), shade(to_rgb(lips), 0.55), 0.8)


def _lip_colour(paper: Paper, lips: Mask) -> Colour:
    """Return the lips' colour, CIE Lab: the photo's, within what goes with the drawn skin."""
    base, seen = to_lab(paper.skin), median_lab(paper.lab, lips)
    seen = base if seen is None else seen
    light, red = np.clip(seen[0] + 2, base[0] - 16, base[0] - 6), np.clip(1.1 * seen[1], base[1] + 8, base[1] + 20)
    return np.array((light, red, 0.5 * (seen[2] + base[2])), np.float32)


def _teeth_share(paper: Paper, inside: Mask) -> float:
    """Return which share of the opening is about as bright as the skin and less red; in grey photos, brighter."""
    seen = paper.lab[inside > 0.5]
    if len(seen) == 0:
        return 0.0
    if paper.tone[1] < _COLOURLESS:
        return float(np.mean(seen[:, 0] > paper.tone[0]))
    return float(np.mean((seen[:, 0] > paper.tone[0] - 14) & (seen[:, 1] < 0.8 * paper.tone[1])))
