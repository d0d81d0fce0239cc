"""A neck that grows old or young with its face, drawn at the photo's own resolution."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.faces.ageing.grey_head import HeadOfHair
from ppgan_ext.faces.ageing.marks import Marks, tone_factor
from ppgan_ext.faces.ageing.neck import Neck, find_neck
from ppgan_ext.faces.ageing.neck_marks import foresee_neck, older_neck
from ppgan_ext.faces.ageing.render import Person
from ppgan_ext.faces.ageing.skin_change import change_skin, colourful_share, kept_colour
from ppgan_ext.faces.ageing.skin_view import Cover
from ppgan_ext.faces.ageing.strength import Strength, strength_of
from ppgan_ext.faces.ageing.younger_neck import younger_neck
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.strips import strips
from ppgan_ext.faces.warp import compose, invert, rectangle_around, scale_of, transform_points
from ppgan_ext.types import FloatArray, Image

_DRAWN_SHARP = 1.2  # width, in pixels of the photo, of the sharpest lines
_YOUNGER = 1.6  # share of the own marks that goes, for all of the change from 75 to 25 years
_USUAL_COLOUR, _MOST_KEPT = 28.0, 2.0  # chroma of a neck from which its shadows keep more colour; so many times at most


@dataclass(frozen=True, eq=False)
class NeckAgeing:
    """A neck of a photo, ready to be drawn at any age.

    Attributes:
        person: whose neck it is.
        neck: what shows of it.
        edges: how sharp the photo is, see `hair_strokes.edge_width`; lines are not sharper.
    """

    person: Person
    neck: Neck
    edges: float = 0.0

    @functools.cached_property
    def prospect(self) -> Marks:
        """What age will bring to the neck; worked out once."""
        return foresee_neck(self.neck, self.person.seed)

    @functools.cached_property
    def _kept_colour(self) -> FloatArray:
        """How much colour shadows keep: in warm light those of a neck are warm, and lines without colour look dirty.

        As `kept_colour`, of which less is kept of much colour.
        """
        lab = cv2.cvtColor(self.neck.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[self.neck.skin > 0.6]
        chroma = float(np.median(np.hypot(lab[:, 1], lab[:, 2])))
        more = float(np.clip(chroma / _USUAL_COLOUR, 1.0, _MOST_KEPT))
        return kept_colour(tone_factor(self.neck.reflectance)) * np.array([[1.0, more], [1.0, 1.0]], np.float32)

    @property
    def _softness(self) -> float:
        """Width of the Gaussian, in pixels of the frame, that makes lines as soft as the photo."""
        finer = scale_of(self.neck.matrix)
        # A photo smaller than the frame shows less of it, and one that is not sharp as well.
        smaller, unsharp = 0.5 * max(finer - 1.0, 0.0), finer * np.sqrt(max(self.edges**2 - _DRAWN_SHARP**2, 0.0))
        return float(np.hypot(smaller, unsharp))

    def draw(self, photo: Image, years: float, detail: float = 1.0) -> None:
        """Make the neck of a photo older or younger in place; where no skin of it is bare, pixels keep their bits.

        Args:
            photo: (H, W, 3) RGB uint8, the photo of `prepare_neck`, or what was made of it.
            years: years to add; negative for younger.
            detail: 0 changes nothing, 1 as calibrated, up to 1.5.
        """
        strength = strength_of(self.person.age, years, detail)
        if strength.marks == 0:
            return
        drawn = self._older(strength) if strength.marks > 0 else self._younger(strength)
        matrix = self.neck.matrix
        height, width = self.neck.skin.shape
        colourful = colourful_share(self.neck.picture, self.neck.skin)
        left, top, right, bottom = _rectangle(invert(matrix), (width, height), photo.shape)
        whole = photo[top:bottom, left:right]
        for start, stop in strips(whole.shape):
            part = whole[start:stop]
            change_skin(part, _part(drawn, matrix, (left, top + start), part.shape), colourful, self._kept_colour)

    def _older(self, strength: Strength) -> FloatArray:
        change = older_neck(self.prospect, strength.marks, strength.deepest)
        return blur(np.dstack([change.light, change.colour]), self._softness)

    def _younger(self, strength: Strength) -> FloatArray:
        change = younger_neck(self.neck, min(1.0, -_YOUNGER * strength.marks))
        return np.dstack([change.light, change.colour])


def prepare_neck(photo: Image, landmarks: FloatArray, person: Person, hair: HeadOfHair) -> NeckAgeing | None:
    """Look at a neck; None if it is covered or cannot be told from its surroundings.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) of the face in it.
        person: whose face it is.
        hair: of the head, on which nothing is drawn.
    """
    neck = find_neck(photo, landmarks, hair.chances, Cover(hair.beard, hair.in_copy(landmarks)))
    return None if neck is None else NeckAgeing(person, neck, hair.edges)


def _part(drawn: FloatArray, matrix: FloatArray, start: tuple[int, int], shape: tuple[int, ...]) -> FloatArray:
    """Return what a frame holds for the part of a photo that starts at (x, y)."""
    shift = np.array([[1.0, 0.0, start[0]], [0.0, 1.0, start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(drawn, compose(matrix, shift), (shape[1], shape[0]), flags=flags), np.float32)


def _rectangle(to_photo: FloatArray, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the rectangle of the photo that a frame covers: left, top, right, bottom, the last two outside."""
    x, y = size[0] - 1.0, size[1] - 1.0
    return rectangle_around(transform_points(np.array([[0.0, 0.0], [x, 0.0], [0.0, y], [x, y]]), to_photo), shape)
