"""The two photos of a fusion, looked at: what their faces show, and what covers them."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.occlusion.bare_face import without_glasses
from ppgan_ext.faces.occlusion.face_covers import FaceCovers, find_covers_of
from ppgan_ext.faces.occlusion.headwear import find_headwear, without_headwear
from ppgan_ext.faces.occlusion.strands import without_strands
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.covers import find_hair_over
from ppgan_ext.faces.swap.covers_over import lies_over
from ppgan_ext.faces.swap.fringes import hidden_forehead
from ppgan_ext.faces.swap.hidden_landmarks import believable, softened
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


def look_at(photo: Portrait, other: Portrait) -> Sides:
    """Look at two photos: for lips, for what covers the faces, and for hair over the person's.

    Args:
        photo: the photo that is kept.
        other: the person's.
    """
    photo, person = (
        Portrait(as_image(side.picture), true_lips(as_image(side.picture), side.landmarks)) for side in (photo, other)
    )
    seen = photo.landmarks
    own, theirs = (find_covers_of(as_image(side.picture), side.landmarks) for side in (photo, person))
    if theirs is not None:
        person = person._replace(landmarks=_believable(person, theirs, photo.landmarks))
    if own is not None:
        photo = photo._replace(landmarks=_believable(photo, own, person.landmarks))
    picture, their_picture = as_image(photo.picture), as_image(person.picture)
    hair = find_hair_over(their_picture, person.landmarks)
    hidden = _with_edge(hair, person.landmarks)
    if theirs is not None:
        hides = theirs.whole("solid", their_picture.shape)
        if "sunglasses" in theirs.found:
            # Below their frame there is no skin to go on from, as there is below that of clear glasses.
            hides = np.maximum(hides, _with_edge(theirs.whole("frame", their_picture.shape), person.landmarks))
        hidden = np.maximum(hidden, softened(hides, person.landmarks))
        person = person._replace(picture=without_glasses(their_picture, person.landmarks, theirs))
    their_picture = as_image(person.picture)
    headwear = find_headwear(their_picture, person.landmarks)
    forehead = hidden_forehead(their_picture, person.landmarks, np.maximum(hair, headwear))
    hidden = np.maximum.reduce([hidden, headwear, forehead])
    bare = without_headwear(their_picture, person.landmarks, headwear)
    bare = without_nose_shadow(bare, person.landmarks)
    person = person._replace(picture=without_strands(bare, person.landmarks, hair))
    return Sides(
        photo,
        person,
        seen,
        hidden,
        None if own is None else lies_over(picture, photo.landmarks, own),
        find_headwear(picture, photo.landmarks),
        photo.landmarks is not seen,
        () if own is None else own.found,
        () if theirs is None else theirs.found,
    )


def _with_edge(cover: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return a cover (H, W) in [0, 1], wider by its thin ends, which the network does not tell from skin."""
    side = 2 * max(1, round(_HAIR_EDGE * face_size(landmarks))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(np.asarray(cover, np.float32), kernel), np.float32)


def _believable(side: Portrait, covers: FaceCovers, other_landmarks: FloatArray) -> FloatArray:
    return believable(side.landmarks, covers.whole("solid", side.picture.shape), other_landmarks)


def as_image(picture: Image | FloatArray) -> Image:
    """Return a picture (H, W, 3), 0 to 255, as uint8."""
    return cast(Image, picture) if picture.dtype == np.uint8 else from_levels(cast(FloatArray, picture))
