"""A drawing of a head in flat tones and lines."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.faces.drawing.colours import Picture, picture_to_lab, to_rgb
from ppgan_ext.faces.drawing.features import Paper, draw_brow, draw_eye, draw_nose
from ppgan_ext.faces.drawing.flow import Map, dark_lines, tangents
from ppgan_ext.faces.drawing.head import Head
from ppgan_ext.faces.drawing.mouth import draw_mouth
from ppgan_ext.faces.drawing.regions import Regions, find_regions
from ppgan_ext.faces.drawing.strokes import Mask, area, curve, stroke
from ppgan_ext.faces.drawing.tones import cloth_tones, hair_tones, skin_colour, skin_tones
from ppgan_ext.faces.landmarks import LEFT_BROW, LEFT_EYE, LIPS, MOUTH, NOSE, RIGHT_BROW, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import Image

_GRAIN = 22.0  # difference of colours that the smoothing takes away
_COLOURFUL = 12  # difference of red, green and blue
_INK, _OUTLINE_INK = 0.34, 0.25  # how dark lines are beside what they cross
_WARM = np.array((15.0, 7.0, 9.0), np.float32)  # what is added to it: ink is not black
_ALPHA = {"skin": 0.75, "hair": 0.55, "cloth": 0.85}
_JAW = (1.0, 2.2, 3.0, 3.4, 3.0, 2.2, 1.0)
_LEAST_BEARD = 300.0  # area in squares of the unit
_BEARD = ((0.12, 0.4), (0.45, 0.6))  # cover from which on the beard's tone is laid on; its share, one over the other
_CHIN_SHADE = np.array((0.80, 0.70, 0.70), np.float32)
# Where features are drawn and lines of the photo are left out: landmarks, and by how many units they are widened.
_QUIET = (
    (RIGHT_EYE, 9), (LEFT_EYE, 9), (RIGHT_BROW, 8), (LEFT_BROW, 8), (LIPS, 4),
    (slice(29, 36), 7),
)  # fmt: skip
_PHOTO_ENDS = 10.0  # units from the border of the photo within which nothing is outlined


class Drawing(NamedTuple):
    """A drawing without a background.

    Attributes:
        image: (S, S, 3) RGB uint8.
        share: (S, S) in [0, 1], what of each pixel is drawn.
    """

    image: Image
    share: Mask

    def on(self, background: Image | None = None) -> Image:
        """Put it on a background, (S, S, 3) RGB uint8; None: white."""
        behind = np.float32(255) if background is None else background.astype(np.float32)
        return np.rint(behind + (self.image - behind) * self.share[..., None]).astype(np.uint8)


def draw_head(head: Head) -> Drawing:
    """Draw a head; details are drawn from about 100 pixels on. A grey photo makes a grey drawing."""
    smooth = _without_grain(head.image, head.unit)
    lab = picture_to_lab(smooth)
    regions = find_regions(head, lab)
    light = np.log(lab[..., 0] / np.float32(100) + np.float32(0.08))
    flow = tangents(cv2.GaussianBlur(lab[..., 0], (0, 0), head.unit), 3.0 * head.unit)
    skin = to_rgb(skin_colour(regions.tone))
    paper = Paper(cloth_tones(head, lab, regions.cloth), picture_to_lab(head.image), head.unit, skin, regions.tone)
    paper.paint(regions.skin, skin_tones(head, lab, regions))
    if (regions.hair > 0.6).any():
        paper.paint(regions.hair, hair_tones(head, lab, regions.hair, flow))
    _draw_beard(paper, head, regions, lab)
    _draw_lines(paper, head, regions, light, flow)
    _draw_outlines(paper, head, regions)
    _draw_face(paper, head)
    image = np.rint(np.clip(paper.canvas, 0, 255)).astype(np.uint8)
    if _is_grey(head):
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return Drawing(image, cv2.GaussianBlur(regions.person, (0, 0), 0.6))


def _is_grey(head: Head) -> bool:
    """Whether next to nothing of the head has a colour."""
    colours = head.image[(head.person > 0.5) & (head.inside > 0.5)]
    return len(colours) > 0 and float(np.mean(np.ptp(colours, axis=1) > _COLOURFUL)) < 0.01


def _without_grain(image: Image, unit: float) -> Image:
    """Smooth what lies between edges, by Tomasi and Manduchi's bilateral filter, twice."""
    for _ in range(2):
        image = np.asarray(cv2.bilateralFilter(image, 9, _GRAIN, 5.0 * unit), np.uint8)
    return image


def _draw_face(paper: Paper, head: Head) -> None:
    points = head.landmarks
    draw_nose(paper, points[NOSE])
    draw_mouth(paper, points[MOUTH])
    draw_brow(paper, points[RIGHT_BROW])
    draw_brow(paper, points[26:21:-1])
    draw_eye(paper, points[RIGHT_EYE], outer_first=True)
    draw_eye(paper, points[LEFT_EYE], outer_first=False)


def _draw_beard(paper: Paper, head: Head, regions: Regions, lab: Picture) -> None:
    """Draw the beard in one tone: stubble lets the skin through, a full beard does not."""
    below = np.arange(head.shape[0], dtype=np.float32)[:, None] > head.landmarks[33, 1]
    cover = cv2.GaussianBlur(head.beard * regions.skin * below, (0, 0), 2.0 * head.unit)
    inside = cover > _BEARD[0][0]
    if np.count_nonzero(inside) < _LEAST_BEARD * head.unit**2:
        return
    tone = np.average(lab[inside], axis=0, weights=cover[inside]) * np.array((0.9, 1.0, 1.0))
    for begins, share in _BEARD:
        mask = np.clip((cover - begins) / 0.06 + 0.5, 0.0, 1.0).astype(np.float32)
        paper.paint(mask, to_rgb(tone), share)


def _draw_lines(paper: Paper, head: Head, regions: Regions, light: Map, flow: Map) -> None:
    """Draw what the photo has of lines: folds of skin, strands, seams, glasses."""
    drawn = dark_lines(np.asarray(light, np.float32), flow, 1.3 * head.unit, 4 * head.unit, 0.03, 0.05)
    quiet = np.ones(head.shape, np.float32)
    for points, width in _QUIET:
        part = draw_part(head.landmarks[points], head.shape, width * head.unit)
        quiet *= 1 - cv2.GaussianBlur(part, (0, 0), 1.5 * head.unit)
    alpha = _ALPHA["skin"] * quiet * regions.skin + _ALPHA["hair"] * regions.hair + _ALPHA["cloth"] * regions.cloth
    paper.paint(drawn * alpha * _within(head), paper.canvas * np.float32(_INK) + _WARM)


def _draw_outlines(paper: Paper, head: Head, regions: Regions) -> None:
    """Draw the outlines of head, hair and jaw, and the chin's shade on the neck."""
    unit = head.unit
    jaw = curve(head.landmarks[1:16])
    down = head.landmarks[8] - head.landmarks[27]
    drop = 26.0 * unit * down / max(float(np.hypot(*down)), 1e-6)
    below = area(np.vstack([jaw, jaw[::-1] + drop]), head.shape) * regions.skin * (1 - regions.face)
    paper.paint(below, paper.skin * _CHIN_SHADE, 0.75)
    line = stroke(jaw, unit * np.array(_JAW), head.shape) * regions.skin * np.float32(0.85)
    hair = _rim(regions.hair, 2.4 * unit) * (regions.hair > 0.5) * np.float32(0.9)
    rims = np.maximum(hair, _rim(regions.person, 3.4 * unit)) * _within(head)
    ink = paper.canvas * np.float32(_OUTLINE_INK) + _WARM
    paper.paint(np.asarray(np.maximum(line, rims), np.float32), ink)


def _within(head: Head) -> Mask:
    """Return where lines may lie: where the photo ends, the person does not."""
    margin = max(1, round(_PHOTO_ENDS * head.unit))
    padded = np.pad((head.inside > 0.5).astype(np.uint8), 1, mode="edge")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return cv2.erode(padded, kernel)[1:-1, 1:-1].astype(np.float32)


def _rim(mask: Mask, width: float) -> Mask:
    """Return a line of a width in pixels just inside a mask's outline, and all that is outside."""
    padded = np.pad((mask > 0.5).astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    line = np.clip(width + 0.5 - depth, 0, 1)
    return cv2.GaussianBlur(line.astype(np.float32), (0, 0), 0.7)
