"""Shadows, highlights, folds and blotches of a swapped face's skin that the photo's light does not explain.

Two faces at the same landmarks have about the same surface, so shade that only one of them shows comes from its light,
from the gloss of its skin, or from its expression. It is judged in bands of size, each by what the photo's skin shows
at the same place and around it. All of it is added to logarithms of light.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, NOSE, RIGHT_BROW, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE
from ppgan_ext.faces.mask import WHOLE_FOREHEAD, WITH_RIM, draw_part, face_mask, height_above_brows
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.detail import Detail, between, blurred, mean_around, reduced, times
from ppgan_ext.types import FloatArray

_COPY, _FINE_COPY = 72.0, 160.0  # size of the face on the copies on which shade is found, pixels


class _Band(NamedTuple):
    """Sizes of shade, and how it is evened.

    Attributes:
        fine, wide: widths of the Gaussians between which it lies, as shares of the face's size.
        least: excess over the photo that is the person's relief on any skin.
        usual: the same, as a share of what the photo's skin around has on average.
        alike: share of the change where the skin around has no more contrast than the photo's; all with much more.
        lacking: share that is added of what only the photo has.
        gleams: share of the least and the usual excess that highlights may have.
        forehead, rim: how far nothing is allowed beyond the photo's on the forehead and along the outline, where the
            face runs into it, and what it lacks is added.
    """

    fine: float
    wide: float
    least: float
    usual: float
    alike: float = 0.0
    lacking: float = 0.0
    gleams: float = 1.0
    forehead: float = 0.0
    rim: float = 0.0


# Small shade is mostly the person's own, and large shade mostly the lamp's. Highlights are the lamp's reflection: as an
# amount of light it is the same on any skin, and as a factor it is large on dark skin only. Where the face is no harder
# than the photo around, its shade stays: what is evened there makes the face look hazy in the photo. But on the
# forehead and along the outline it would end in the middle of the photo's skin, as a patch. Large shade of cheeks and
# jaw tells their form, by which a person is known.
_FINE_LIGHT = (_Band(0.008, 0.025, 0.06, 1.1, gleams=0.5),)
_LIGHT = (
    _Band(0.025, 0.06, 0.07, 1.1, gleams=0.6, forehead=0.8, rim=0.8),
    _Band(0.06, 0.2, 0.05, 0.9, lacking=0.35, gleams=0.7, forehead=1.0),
)
_GLEAMS_OF_LIPS = (_Band(0.008, 0.025, 0.05, 1.0, alike=1.0), _Band(0.025, 0.1, 0.05, 1.0, alike=1.0))
_COLOR = (_Band(0.025, 0.06, 0.045, 0.9, alike=1.0, forehead=0.8, rim=0.8),)
_MUCH_HARDER = 0.6  # so much more contrast than the photo's, as a share of it
_AROUND = 0.15  # width of the Gaussian over the skin around
_FOLDS = (0.02, 0.12)  # Gaussians between which folds of a smile lie, with the bulges beside them
# Width of the creases within them, as a share of the face's size, and depth, in log light, that is left as pores are.
_CREASE, _SHALLOW, _CREASE_SOFT = 0.035, 0.08, 0.003
_FOLDS_FADE = 0.9
_CHEEKS = ([31, 48, 59, 6, 4, 2, 1], [35, 54, 55, 10, 12, 14, 15])
# What keeps its shade, and by how much it is widened.
_FEATURES = (
    (RIGHT_EYE, 0.02), (LEFT_EYE, 0.02), (LIPS, 0.02), (RIGHT_BROW, 0.03), (LEFT_BROW, 0.03),
)  # fmt: skip
_EDGE, _SOFT, _CHEEK_EDGE = 0.02, 0.015, 0.04  # of soft edges
_CHEEKS_WIDER = 0.04  # folds run along the line from the nose to the corner of the mouth, where cheeks begin
# Where a face runs into the photo: so far inside its outline, times this as it rises; and so high above the brows.
_RIM, _RIM_FULL, _RIM_HEIGHT = 0.2, 2.5, (0.02, 0.16)


def even_shading(
    own: Detail, other: Detail, landmarks: FloatArray, relaxed: float = 0.0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Take away shade and blotches of skin that exceed the photo's at the same place.

    Args:
        own: the face's.
        other: that of the photo with the same landmarks.
        landmarks: (68, 2) of both.
        relaxed: how far a smile was taken back, 0 to 1: so far its folds and creases fade, too.

    Returns:
        light: (H, W), the face's.
        color: (H, W, 3), likewise.
    """
    # What changes is smooth: it is found on copies, what is large on the smaller one.
    face, photo, points = reduced(own, other, landmarks, _COPY)
    skin = _skin(points, face.light.shape)
    weights = skin * face.clear, skin * photo.clear
    where = blurred(skin, _SOFT * face_size(points))
    light = _change(face.light, photo.light, weights, where, points, _LIGHT)
    if relaxed > 0.0:
        light += _folds(face.light - light, photo.light, points, relaxed)
    color = _change(face.color, photo.color, weights, where, points, _COLOR)
    color -= (color @ LUMINANCE)[..., None]
    face, photo, points = reduced(own, other, landmarks, _FINE_COPY)
    skin = _skin(points, face.light.shape)
    weights, where = (skin * face.clear, skin * photo.clear), blurred(skin, _SOFT * face_size(points))
    fine = _change(face.light, photo.light, weights, where, points, _FINE_LIGHT)
    lips = _lips(points, skin.shape)
    where = lips * blurred(lips, _SOFT * face_size(points))
    fine += np.maximum(_change(face.light, photo.light, (lips, lips), where, points, _GLEAMS_OF_LIPS), 0.0)
    size = own.light.shape[1::-1]
    light, color, fine = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in (light, color, fine))
    evened = np.asarray(own.light - light - fine, np.float32)
    if relaxed > 0.0:
        evened += _creases(evened, other.light, landmarks, relaxed)
    return evened, np.asarray(own.color - color, np.float32)


def _folds(own: FloatArray, other: FloatArray, landmarks: FloatArray, relaxed: float) -> npt.NDArray[np.float32]:
    """Return the folds of a smile that a face, (H, W), has beyond the photo's, as far as it was taken back."""
    everywhere = np.ones(own.shape, np.float32)
    bands = (between(each, everywhere, _FOLDS, face_size(landmarks)) for each in (own, other))
    return np.asarray(_FOLDS_FADE * np.float32(relaxed) * _cheeks(landmarks, own.shape) * _excess(*bands), np.float32)


def _creases(own: FloatArray, other: FloatArray, landmarks: FloatArray, relaxed: float) -> npt.NDArray[np.float32]:
    """Return what evens creases of a smile that a face, (H, W), has beyond the photo's, as far as it was taken back.

    They are thinner than pixels of the copies. A crease is what a morphological closing fills, a line darker than the
    skin on both its sides, and the edge of a fold is what an opening takes away.
    """
    size = face_size(landmarks)
    kernel = disc(_CREASE * size / 2.0)
    change = np.zeros(own.shape, np.float32)
    for sign in (1.0, -1.0):
        depth, usual = (
            cv2.morphologyEx(np.asarray(sign * each, np.float32), cv2.MORPH_BLACKHAT, kernel) for each in (own, other)
        )
        # Creases of two faces lie beside each other.
        excess = np.maximum(depth - np.maximum(cv2.dilate(usual, kernel), np.float32(_SHALLOW)), 0.0)
        change += np.float32(sign) * np.minimum(np.maximum(blurred(excess, _CREASE_SOFT * size), excess), depth)
    return np.asarray(_FOLDS_FADE * np.float32(relaxed) * _cheeks(landmarks, own.shape) * change, np.float32)


def _change(
    own: FloatArray,
    other: FloatArray,
    weights: tuple[FloatArray, FloatArray],
    where: FloatArray,
    landmarks: FloatArray,
    bands: tuple[_Band, ...],
) -> npt.NDArray[np.float32]:
    """Return by how much values, (H, W) or (H, W, 3), go too far beyond the photo's.

    Args:
        own: the face's.
        other: the photo's.
        weights: (H, W) each, skin of the face and of the photo.
        where: (H, W) in [0, 1], how far it is changed.
        landmarks: (68, 2) of both.
        bands: coarser last.
    """
    size, change = face_size(landmarks), np.zeros(own.shape, np.float32)
    told = blurred(weights[1], 0.03 * size)
    forehead, rim = (times(np.ones_like(own), told * where) for where in _runs_into(landmarks, told.shape))
    for band in bands:
        has, shows = (
            between(values, weight, (band.fine, band.wide), size)
            for values, weight in zip((own - change, other), weights, strict=True)
        )
        contrasts = [mean_around(np.abs(values), weights[1], _AROUND * size) for values in (has, shows)]
        allowed = np.maximum(band.usual * contrasts[1], np.float32(band.least))
        allowed = allowed * np.where(has > 0, np.float32(band.gleams), np.float32(1.0))
        runs = np.maximum(np.float32(band.forehead) * forehead, np.float32(band.rim) * rim)
        allowed = allowed * (1.0 - runs)
        harder = np.clip((contrasts[0] / np.maximum(contrasts[1], 1e-3) - 1.0) / _MUCH_HARDER, 0.0, 1.0)
        excess = _excess(has, shows)
        much = np.abs(excess)
        # What is allowed stays, and of what goes beyond ever less: never more than twice of it.
        by = np.sign(excess) * np.square(np.maximum(much - allowed, 0.0)) / np.maximum(much, 1e-6)
        by *= np.float32(band.alike) + np.float32(1.0 - band.alike) * np.maximum(harder, runs)
        if band.lacking:
            by -= times(_excess(shows, has), np.maximum(np.float32(band.lacking) * told, runs))
        change += times(by, where)
    return np.asarray(change, np.float32)


def _excess(own: FloatArray, other: FloatArray) -> FloatArray:
    """Return by how much values go beyond others of the same sign."""
    sign = np.sign(own)
    return np.asarray(sign * np.maximum(np.abs(own) - np.maximum(sign * other, 0.0), 0.0), np.float32)


def _skin(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the face without its features, (H, W) in [0, 1]; it goes nearer to them than `faces.skin.bare_skin`."""
    size = face_size(landmarks)
    skin = face_mask(landmarks, shape, _EDGE, WHOLE_FOREHEAD)
    for part, width in _FEATURES:
        skin = np.minimum(skin, 1.0 - draw_part(landmarks[part], shape, width * size))
    return np.asarray(skin, np.float32)


def _runs_into(
    landmarks: FloatArray, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return where the face runs into the photo, (H, W) in [0, 1] each: on the forehead, and along its outline."""
    height = np.clip((height_above_brows(landmarks, shape) - _RIM_HEIGHT[0]) / np.ptp(_RIM_HEIGHT), 0.0, 1.0)
    rim = np.minimum(_RIM_FULL * (1.0 - face_mask(landmarks, shape, _RIM, WHOLE_FOREHEAD)), 1.0)
    return np.asarray(height, np.float32), np.asarray(rim, np.float32)


def _lips(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the lips, (H, W) in [0, 1], without what they show between them."""
    between = draw_part(landmarks[INNER_LIPS], shape, 0.01 * face_size(landmarks))
    return np.asarray(draw_part(landmarks[LIPS], shape, WITH_RIM) * (1.0 - between), np.float32)


def _cheeks(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the cheeks beside nose and mouth, (H, W) in [0, 1], without the lips."""
    size = face_size(landmarks)
    cheeks = np.maximum(*(draw_part(landmarks[part], shape, _CHEEKS_WIDER * size) for part in _CHEEKS))
    cheeks *= 1.0 - draw_part(landmarks[NOSE], shape, WITH_RIM)
    cheeks *= 1.0 - draw_part(landmarks[LIPS], shape, 0.01 * size)
    return np.asarray(cv2.GaussianBlur(cheeks, (0, 0), max(0.5, _CHEEK_EDGE * size)), np.float32)
