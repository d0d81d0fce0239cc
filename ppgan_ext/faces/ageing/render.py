"""Ageing a face of a photo at the photo's own resolution."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.faces.ageing import bands, marks
from ppgan_ext.faces.ageing.grey_head import HeadOfHair
from ppgan_ext.faces.ageing.frame import EYES, draw, eye_distance
from ppgan_ext.faces.ageing.model import AgeingModel
from ppgan_ext.faces.ageing.shape import move_face, moved_landmarks
from ppgan_ext.faces.ageing.strength import strength_of
from ppgan_ext.types import FloatArray, Image

_SCALES = (1.0, 2.0)  # how fine the frame is drawn, by the size of the face
_STRIP_ROWS = 512  # rows of the photo changed at a time: a face of 4000 pixels then needs no more memory than the photo
# Shadows of skin are warm: what is darker loses less red than blue.
_SHADOW = np.array([0.86, 1.04, 1.12], np.float32)
_COLOURFUL = 12.0  # chroma of skin from which colours change fully; a photo without colour stays without
_USUAL_LIGHT = 62.0  # L* of skin for which the changes of colour are told


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


def age_skin(
    photo: Image,
    landmarks: FloatArray,
    person: Person,
    years: float,
    model: AgeingModel,
    detail: float = 1.0,
    hair: HeadOfHair | None = None,
) -> Image:
    """Make the skin and the shape of a face older or younger; hair is `greying`'s.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) of the face in it.
        person: whose face it is.
        years: years to add; negative for younger.
        model: what is known of old faces.
        detail: 0 changes nothing, 1 as calibrated, up to 1.5.
        hair: where the face has a beard, on which no wrinkles are drawn.

    Returns:
        A new photo of the same size. Outside the face, its forehead and its outline pixels keep their bits.
    """
    amount = strength_of(person.age, years, detail)
    if years == 0 or detail == 0:
        return photo.copy()
    moved = moved_landmarks(landmarks, model.shape, amount.shape)
    result = move_face(photo, landmarks, moved)
    scale = float(np.clip(eye_distance(landmarks) / EYES, *_SCALES))
    view = marks.view_skin(result, moved, model.mean_face, scale, None if hair is None else (hair.region, hair.beard))
    if view is None:
        return result
    if amount.marks > 0:
        change = marks.older(view, model, amount.marks, person.femininity, person.seed, amount.deepest)
    else:
        change = marks.younger(view, model, -amount.marks, person.femininity)
    _apply(result, view, change)
    return result


def _apply(photo: Image, view: marks.SkinView, change: marks.Marks) -> None:
    """Apply marks to a photo in place, strip by strip."""
    colourful = np.float32(_colourful(view))
    drawn = np.dstack([change.light, change.colour * colourful])
    shadow = np.float32(1.0) + colourful * (_SHADOW - np.float32(1.0))
    left, top, right, bottom = view.placement.region(photo.shape)
    for row in range(top, bottom, _STRIP_ROWS):
        region = (left, row, right, min(bottom, row + _STRIP_ROWS))
        part = photo[row : region[3], left:right]
        local = draw(drawn, view.placement.field_to_photo(region))
        touched = np.abs(local).max(axis=2) > 1e-3
        if touched.any():
            part[touched] = _changed(part, local, shadow)[touched]


def _changed(part: Image, local: FloatArray, shadow: FloatArray) -> Image:
    light = local[..., :1]
    factor = np.exp(light * np.where(light < 0, shadow, np.float32(1.0)))
    picture = bands.encoded(bands.linear(part) * factor)
    lab = cv2.cvtColor(picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    lab[..., 1:] += local[..., 1:] * (lab[..., :1] / np.float32(_USUAL_LIGHT))
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * np.float32(255.0)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _colourful(view: marks.SkinView) -> float:
    """Return 1 for a photo in colour, 0 for one without."""
    lab = cv2.cvtColor(view.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[view.skin > 0.6]
    return float(np.clip(np.median(np.hypot(lab[:, 1], lab[:, 2])) / _COLOURFUL, 0.0, 1.0))
