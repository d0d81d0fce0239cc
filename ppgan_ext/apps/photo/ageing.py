"""What the generator leaves out of ageing: wrinkles and grey hair, drawn at the photo's own resolution."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.photo.apparent_age import Estimates
from ppgan_ext.apps.photo.plan import PhotoEdit
from ppgan_ext.faces.ageing.grey_head import HeadOfHair, find_head_of_hair, grey_head
from ppgan_ext.faces.ageing.likeness import Likeness
from ppgan_ext.faces.ageing.measured import measured_years, stops_short
from ppgan_ext.faces.ageing.model import AgeingModel
from ppgan_ext.faces.ageing.neck_ageing import NeckAgeing, prepare_neck
from ppgan_ext.faces.ageing.render import FaceAgeing, Person, prepare
from ppgan_ext.faces.ageing.skin_view import Cover
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.quarter_turns import turn_photo, turn_points, turns_to_upright
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.types import Face, FloatArray, Image

# With all detail, the generator makes this share of the years: shape, expression and light. At more it looks made up.
_GENERATOR_SHARE = 0.4
# Younger faces have few marks to take away: there the generator does most, and more than it is asked for.
_GENERATOR_YOUNGER = 1.2
# How strongly marks are drawn, by what the user asks for, on faces that get older. Wrinkles cost little likeness, and
# what costs more is held back: with 1.25 for 1, +20 gave a year more on 46 portraits, at no larger a distance.
_MARKS = (0.0, 1.0, 1.5), (0.0, 1.25, 1.5)
_HELD_BACK = 0.15  # amount from which it is told, see `Likeness.held`
_UNKNOWN_AGE = 35.0
_SHOWS_MORE = 45.0  # years up to which stronger marks clearly show more of them
# Pixels of width below which wrinkles are finer than a pixel. Of 3 portraits, copies with faces of 40 pixels seemed up
# to 8 years younger than the portraits, those with 30 up to 14.
_SMALL = 48.0
# Mean certainty of the landmarks inside a face: no marks are drawn, and all. Of 94 faces on photos those below 0.65
# were turned to a profile, so that the points lay beside what they name, or wore sunglasses.
_SURE_PLACES = (0.57, 0.77)


class SeenFace(NamedTuple):
    """A face with its hair, ready to be drawn at any age in its photo, which is turned so that the face is upright."""

    face: EncodedFace
    hair: HeadOfHair
    ageing: FaceAgeing
    likeness: Likeness
    neck: NeckAgeing | None
    sure: float
    """How far it is known where its features lie, 0 to 1: marks beside them would be stains."""
    turns: int
    """By how many quarters the photo is turned."""
    landmarks: FloatArray
    """In the turned photo, (68, 2)."""


@dataclass(frozen=True, eq=False)
class Ager:
    """Draws the marks of age on the faces of a photo.

    Attributes:
        model: what is known of old faces.
        estimates: tells apparent age and sex from a code.
        detail: strength of wrinkles, folds and spots; 0 draws none.
        grey: strength of greying hair.
        seed: varies the wrinkles of all faces.
        seen: the faces seen so far, ready to be drawn at any age, by the identity of their objects.
        held: how far they were held back to stay recognisable, see `Likeness.held`, by the same and by years.
    """

    model: AgeingModel
    estimates: Estimates
    detail: float
    grey: float
    seed: int
    seen: dict[int, SeenFace] = field(default_factory=dict)
    held: dict[tuple[int, float], float] = field(default_factory=dict)

    def person(self, face: EncodedFace) -> Person:
        """Tell apparent age and sex of a face, and choose its wrinkles: the same face gets the same ones."""
        age = self.estimates.age(face.w_plus)
        seed = zlib.crc32(np.round(face.w_plus, 1).tobytes(), self.seed & 0xFFFFFFFF)
        return Person(_UNKNOWN_AGE if age is None else age, self.estimates.femininity(face.w_plus), seed)

    def age(self, photo: Image, before: Image, face: EncodedFace, years: float) -> Image:
        """Draw the marks of so many years on one face.

        Args:
            photo: (H, W, 3), in which the generator's change of the face is already.
            before: (H, W, 3), the photo as it was.
            face: the face.
            years: negative for younger.
        """
        if id(face) not in self.seen:
            self.seen[id(face)] = self._see(before, face)
        seen = self.seen[id(face)]
        detail = self.detail * seen.sure
        free = detail
        if years > 0:
            detail = float(np.interp(detail, *_MARKS))
        photo = turn_photo(photo, seen.turns)
        held = seen.likeness.held(seen.ageing, photo, years, detail, free)
        self.held[id(face), years] = held
        photo = seen.ageing.draw(photo, years, detail, held)
        if seen.neck is not None:
            seen.neck.draw(photo, years, detail)
        person = seen.ageing.person
        if years > 0 and self.grey > 0:
            photo = grey_head(photo, seen.hair, seen.landmarks, person.age + years, self.grey, person.seed)
        return turn_photo(photo, -seen.turns)

    def remark(self, face: EncodedFace, years: float) -> str | None:
        """Say that a face changes less than was asked for, and why; None if it does not."""
        if self.detail > 0 and id(face) in self.seen and self.seen[id(face)].sure < 0.5:
            done = "drawn" if years > 0 else "taken away"
            return f"turned far away or covered: at {years:+.0f} years hardly any lines are {done}"
        if self.held.get((id(face), years), 0.0) < _HELD_BACK:
            return None
        return f"kept recognisable: at {years:+.0f} years the face changes less"

    def _see(self, photo: Image, face: EncodedFace) -> SeenFace:
        person, turns = self.person(face), turns_to_upright(face.face.landmarks)
        crop_landmarks = transform_points(face.face.landmarks, face.crop.matrix_photo_to_crop)
        landmarks = turn_points(face.face.landmarks, photo.shape, turns)
        photo = turn_photo(photo, turns)
        hair = find_head_of_hair(photo, landmarks, person.femininity)
        mask = face.before.covered.mask
        covered = None if mask is None else Cover(np.asarray(mask, np.float32), crop_landmarks)
        neck = prepare_neck(photo, landmarks, person, hair)
        ageing = prepare(photo, landmarks, person, self.model, hair, covered, with_neck=neck is None)
        likeness = Likeness.of(photo, landmarks)
        return SeenFace(face, hair, ageing, likeness, neck, sure_places(face.face), turns, landmarks)


def sure_places(face: Face) -> float:
    """Return how far it is known where the features of a face lie, 0 to 1; its outline does not matter."""
    return float(ramp(np.float32(face.certainty[17:].mean()), _SURE_PLACES))


def held_notes(edit: PhotoEdit) -> list[str]:
    """Say of which faces which results were held back to stay recognisable; a line for each."""
    notes = []
    for place, face in enumerate(edit.faces):
        who = f"face {face.face.number}: " if len(edit.faces) > 1 else ""
        for result in edit.edited:
            years = result.codes[place].years
            remark = None if edit.plan.remark is None else edit.plan.remark(face, years)
            if remark is not None:
                notes.append(who + remark)
    return notes


def short_notes(edit: PhotoEdit, estimates: Estimates, target_age: float | None = None) -> list[str]:
    """Say of which faces which results stop short of the years, or the age, asked for; a line for each."""
    notes = []
    for place, face in enumerate(edit.faces):
        age = estimates.age(face.w_plus)
        for result in edit.edited:
            years = result.codes[place].years
            if age is not None and stops_short(age, years):
                cure = "; --detail 1.5 shows more" if years > 0 and age < _SHOWS_MORE else ""
                who = f"face {face.face.number}: " if len(edit.faces) > 1 else ""
                shown = measured_years(age, years)
                if target_age is None:
                    said = f"asked for {years:+.0f} years; about {shown:+.0f} show"
                else:
                    said = f"asked for {target_age:.0f}, looks about {age + shown:.0f}"
                notes.append(f"{who}{said} (measured on other faces of this age){cure}")
    return notes


def small_notes(faces: Sequence[EncodedFace]) -> list[str]:
    """Say which faces have too few pixels; a line for each."""
    notes = []
    for face in faces:
        width = face.face.box.width
        if width < _SMALL:
            who = f"face {face.face.number}: " if len(faces) > 1 else ""
            notes.append(f"{who}the face is {width:.0f} pixels wide: too few for wrinkles, and ages are rough")
    return notes


def generator_years(years: float, detail: float) -> float:
    """Return the years that the generator adds: fewer where detail adds the rest."""
    share = _GENERATOR_SHARE if years > 0 else _GENERATOR_YOUNGER
    return years * (1.0 - (1.0 - share) * min(detail, 1.0))
