"""Ageing a face of a photo at the photo's own resolution."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ppgan_ext.faces.ageing import marks
from ppgan_ext.faces.ageing.frame import EYES, Placement, draw
from ppgan_ext.faces.ageing.grey_head import HeadOfHair
from ppgan_ext.faces.ageing.lids import lids_move
from ppgan_ext.faces.ageing.model import AgeingModel
from ppgan_ext.faces.ageing.shape import move_face, moved_landmarks
from ppgan_ext.faces.ageing.skin_change import change_skin, colourful_share, kept_colour
from ppgan_ext.faces.ageing.skin_view import Cover, SkinView, view_skin
from ppgan_ext.faces.ageing.strength import strength_of
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.head_patch import patch_matrix
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.head.strips import strips
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.types import FloatArray, Image

_SCALES = (1.0, 2.0)  # how fine the frame is drawn, by the size of the face
_HAIR = (0.5, 0.8)  # chance of hair from where a face may be covered by it, and surely is
_CLEAR_LIDS = (0.85, 0.97)  # share of upper lids that no rim covers: they stay, and come down fully


class Person(NamedTuple):
    """What is to be known of a face before it is aged.

    Attributes:
        age: apparent age, years.
        femininity: 0 male, 1 female; in between a mixture is drawn.
        seed: decides which wrinkles the face gets.
    """

    age: float
    femininity: float
    seed: int


@dataclass(frozen=True, eq=False)
class FaceAgeing:
    """A face of a photo, ready to be drawn at any age.

    Attributes:
        person: whose face it is.
        landmarks: (68, 2), photo pixels.
        model: what is known of old faces.
        view: the face in the frame; None if it shows too little bare skin.
        keeps_shape: what covers a part of the face must not be bent.
        bare_lids: how far upper lids may come down, 0 to 1: not under rims of glasses, which would be bent.
    """

    person: Person
    landmarks: FloatArray
    model: AgeingModel
    view: SkinView | None
    keeps_shape: bool = False
    bare_lids: float = 1.0

    @functools.cached_property
    def prospect(self) -> marks.Prospect:
        """What age will bring to the face; worked out once."""
        assert self.view is not None
        return marks.foresee(self.view, self.model, self.person.femininity, self.person.seed)

    def draw(
        self,
        photo: Image,
        years: float,
        detail: float = 1.0,
        held: float = 0.0,
        landmarks: FloatArray | None = None,
    ) -> Image:
        """Make the skin and the shape of the face older or younger; hair is `grey_head`'s.

        Args:
            photo: (H, W, 3) RGB uint8, the photo of `prepare`, or what a generator made of it.
            years: years to add; negative for younger.
            detail: 0 changes nothing, 1 as calibrated, up to 1.5.
            held: how far age is held back to keep the face recognisable, 0 to 1, or brought forward, down to -1;
                see `likeness`.
            landmarks: (68, 2) of the face in ``photo``, if that is a copy of another size.

        Returns:
            A new photo of the same size. Far from the face, and where no skin is bare, pixels keep their bits.
        """
        if years == 0 or detail == 0:
            return photo.copy()
        strength = strength_of(self.person.age, years, detail).held_back(held)
        moved = self.landmarks_after(years, detail, held, landmarks)
        lids = 0.0 if self.keeps_shape else self.bare_lids * strength.sag
        result = move_face(photo, self.landmarks if landmarks is None else landmarks, moved, lids)
        if self.view is None:
            return result
        if strength.marks > 0:
            change = marks.older(self.view, self.prospect, strength, held)
        else:
            change = marks.younger(self.view, self.prospect, self.model, -strength.marks, self.person.femininity)
        _apply(
            result, self.view, change, self.view.placement._replace(landmarks=moved), kept_colour(self.prospect.tone)
        )
        return result

    def landmarks_after(
        self, years: float, detail: float = 1.0, held: float = 0.0, landmarks: FloatArray | None = None
    ) -> FloatArray:
        """Return where `draw` moves the landmarks, (68, 2)."""
        strength = strength_of(self.person.age, years, detail).held_back(held)
        places = self.landmarks if landmarks is None else landmarks
        if self.keeps_shape:
            return places.copy()
        lids = self.bare_lids * strength.sag
        return moved_landmarks(places, self.model.shape, strength.shape, strength.features, strength.sag, lids)


def prepare(
    photo: Image,
    landmarks: FloatArray,
    person: Person,
    model: AgeingModel,
    hair: HeadOfHair | None = None,
    covered: Cover | None = None,
    with_neck: bool = True,
) -> FaceAgeing:
    """Look at a face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) of the face in it.
        person: whose face it is.
        model: what is known of old faces.
        hair: where the face has a beard, on which no wrinkles are drawn, and rims of glasses.
        covered: a mask, a hand or sunglasses on the face; then its shape stays too.
        with_neck: draw on the neck what is drawn on the face; not where `neck_ageing` draws.
    """
    scale = float(np.clip(eye_distance(landmarks) / EYES, *_SCALES))
    covers = [] if hair is None else [Cover(hair.beard, hair.in_copy(landmarks)), _fringe(hair, landmarks)]
    if covered is not None:
        covers.append(covered)
    view = view_skin(photo, landmarks, model.mean_face, scale, covers, with_neck)
    bare_lids = 1.0 if hair is None else _bare_lids(hair, landmarks)
    return FaceAgeing(person, landmarks, model, view, covered is not None, bare_lids)


def _fringe(hair: HeadOfHair, landmarks: FloatArray) -> Cover:
    """Return where hair of the head hangs over the face: no wrinkle crosses a strand."""
    return Cover(ramp(hair.chances.hair, _HAIR), transform_points(landmarks, patch_matrix(landmarks)))


def _bare_lids(hair: HeadOfHair, landmarks: FloatArray) -> float:
    """Return 1 for upper lids that nothing crosses, 0 for those under rims of glasses."""
    moves = np.abs(lids_move(hair.in_copy(landmarks), hair.clear.shape, 1.0)).sum(axis=2)
    clear = float((moves * hair.clear).sum() / max(float(moves.sum()), 1e-6))
    return float(np.interp(clear, _CLEAR_LIDS, (0.0, 1.0)))


def _apply(photo: Image, view: SkinView, change: marks.Marks, placement: Placement, kept: FloatArray) -> None:
    """Apply marks to a photo in place, strip by strip; ``kept`` is as `skin_change.KEPT_COLOUR`."""
    colourful = colourful_share(view.picture, view.skin)
    drawn = np.dstack([change.light, change.colour])
    left, top, right, bottom = placement.region(photo.shape)
    face = photo[top:bottom, left:right]
    for start, stop in strips(face.shape):
        field = placement.field_to_photo((left, top + start, right, top + stop))
        change_skin(face[start:stop], draw(drawn, field), colourful, kept)
