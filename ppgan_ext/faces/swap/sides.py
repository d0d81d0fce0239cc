"""The two photos of a fusion, looked at: what their faces show, and what covers them."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.bare_face import without_glasses
from ppgan_ext.faces.occlusion.face_covers import FaceCovers, find_covers_of
from ppgan_ext.faces.occlusion.headwear import find_headwear, without_headwear
from ppgan_ext.faces.occlusion.strands import without_strands
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.covers_over import lies_over
from ppgan_ext.faces.swap.fringes import hidden_forehead
from ppgan_ext.faces.swap.head import find_hair_over
from ppgan_ext.faces.swap.hidden_landmarks import believable, hidden_points, softened, with_whole_features
from ppgan_ext.faces.swap.mouth import true_lips
from ppgan_ext.faces.swap.nose_shadow import without_nose_shadow
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

_HAIR_EDGE = 0.025  # share of the face's size


class Portrait(NamedTuple):
    """A picture of a face.

    Attributes:
        picture: (H, W, 3) RGB, 0 to 255; uint8 or float32.
        landmarks: (68, 2), its pixels.
    """

    picture: Image | FloatArray
    landmarks: FloatArray


class Sides(NamedTuple):
    """Two photos, looked at.

    Attributes:
        photo: the photo that is kept, uint8; its landmarks are believable where something hides the face.
        person: the person's, without glasses and strands of hair, uint8; likewise.
        seen: (68, 2), the photo's landmarks as they were found.
        hidden: (H', W') float32 in [0, 1], what lies over the person's face in their photo.
        over: (H, W) float32 in [0, 1], what covers the photo's face and lies over the fused one; None for nothing.
        headwear: (H, W) float32 in [0, 1], what hangs over the photo's face from above.
        stays: what covers the photo's face hides so much that the head keeps its shape.
        kept_covers: names of what covers the photo's face.
        dropped_covers: names of what covers the person's.
    """

    photo: Portrait
    person: Portrait
    seen: FloatArray
    hidden: npt.NDArray[np.float32]
    over: npt.NDArray[np.float32] | None
    headwear: npt.NDArray[np.float32]
    stays: bool
    kept_covers: tuple[str, ...]
    dropped_covers: tuple[str, ...]


class SeenFace(NamedTuple):
    """A face that was looked at by itself.

    Attributes:
        portrait: the picture, uint8, and landmarks whose lips are shut where it shows lips between them.
        covers: what covers it.
        hidden: (68,), which landmarks something hides, so that another face's take their place; None for few or none.
    """

    portrait: Portrait
    covers: FaceCovers | None
    hidden: npt.NDArray[np.bool_] | None


class _BarePerson(NamedTuple):
    """A person without what is not taken along.

    Attributes:
        portrait: without glasses and strands of hair, uint8.
        hidden: (H, W) float32 in [0, 1], what lies over their face.
    """

    portrait: Portrait
    hidden: npt.NDArray[np.float32]


class SeenPerson(NamedTuple):
    """A person who was looked at, ready to be put in any number of photos.

    Attributes:
        face: their face.
        bare: the person without what is not taken along; None where that depends on the photo's face.
    """

    face: SeenFace
    bare: _BarePerson | None


def see_face(portrait: Portrait) -> SeenFace:
    """Look at a face: at its lips, and for what covers it."""
    picture = as_image(portrait.picture)
    landmarks = true_lips(picture, portrait.landmarks)
    covers = find_covers_of(picture, landmarks)
    hidden = None if covers is None else hidden_points(landmarks, _hides(covers, picture, landmarks))
    return SeenFace(Portrait(picture, landmarks), covers, hidden)


def see_person(portrait: Portrait) -> SeenPerson:
    """Look at a person who will be put in."""
    face = see_face(portrait)
    return SeenPerson(face, _bare(face.portrait, face.covers) if face.hidden is None else None)


def look_at(photo: Portrait, person: SeenPerson) -> Sides:
    """Look at two photos: for lips, for what covers the faces, and for hair over the person's.

    Args:
        photo: the photo that is kept.
        person: the person who is put in.
    """
    (own, covers, hidden), (theirs, their_covers, their_hidden) = see_face(photo), person.face
    seen = own.landmarks
    if their_hidden is not None:
        theirs = theirs._replace(landmarks=believable(theirs.landmarks, their_hidden, seen))
    if hidden is not None:
        own = own._replace(landmarks=believable(seen, hidden, theirs.landmarks))
    bare = _bare(theirs, their_covers) if person.bare is None else person.bare
    picture = as_image(own.picture)
    return Sides(
        own,
        bare.portrait,
        seen,
        bare.hidden,
        None if covers is None else lies_over(picture, own.landmarks, covers),
        find_headwear(picture, own.landmarks),
        hidden is not None,
        () if covers is None else covers.found,
        () if their_covers is None else their_covers.found,
    )


def _bare(person: Portrait, covers: FaceCovers | None) -> _BarePerson:
    """Take off a person what covers their face, as far as that can be done, and find what hides the rest."""
    picture, landmarks = as_image(person.picture), person.landmarks
    hair = find_hair_over(picture, landmarks)
    hidden = _with_edge(hair, landmarks)
    if covers is not None:
        hides = _hides(covers, picture, landmarks)
        if "sunglasses" in covers.found:
            # Below their frame there is no skin to go on from, as there is below that of clear glasses.
            hides = np.maximum(hides, _with_edge(covers.whole("frame", picture.shape), landmarks))
        hidden = np.maximum(hidden, softened(hides, landmarks))
        picture = without_glasses(picture, landmarks, covers)
    headwear = find_headwear(picture, landmarks)
    forehead = hidden_forehead(picture, landmarks, np.maximum(hair, headwear))
    hidden = np.maximum.reduce([hidden, headwear, forehead])
    bare = without_nose_shadow(without_headwear(picture, landmarks, headwear), landmarks)
    return _BarePerson(Portrait(without_strands(bare, landmarks, hair), landmarks), hidden)


def _hides(covers: FaceCovers, picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return what hides a face, (H, W) in [0, 1], so that nothing of it is seen."""
    return with_whole_features(covers.whole("solid", picture.shape), landmarks)


def _with_edge(cover: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return a cover (H, W) in [0, 1], wider by its thin ends, which the network does not tell from skin."""
    wider = cv2.dilate(np.asarray(cover, np.float32), disc(_HAIR_EDGE * face_size(landmarks)))
    return np.asarray(wider, np.float32)


def as_image(picture: Image | FloatArray) -> Image:
    """Return a picture (H, W, 3), 0 to 255, as uint8."""
    return cast(Image, picture) if picture.dtype == np.uint8 else from_levels(cast(FloatArray, picture))
