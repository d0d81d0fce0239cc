"""A beard grows on another face: its hairs are a factor of light over whatever skin is below."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import NOSTRILS
from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.skin_light import slow_part
from ppgan_ext.types import FloatArray

_MIN_PIXELS = 24
_FLOOR, _LEAST_LEVEL = 0.02, 2e-4  # of the skin's luminance, added before logarithms; that of a photo nearly black
_HAIR_STANDS_OUT = (0.05, 0.3)  # in log light beside skin: shade, and hair
# Distances from the nose over which a moustache rises to its density, as shares of the face's size.
_MOUSTACHE = (0.015, 0.085)
_WHITE_BEARD = (0.25, 0.5)  # share of hairs that are brighter than skin: a dark beard, and a white one
_COLOR = (np.eye(3) - LUMINANCE[:, None]).astype(np.float32)  # from logarithms of channels to those over the luminance
_GLEAM = np.float32(0.25)  # log light over the skin's that hairs of a dark beard reach
_GREYEST = 0.65  # share of the skin's colour that hair lacks at most
_FINE = 0.012  # width of the Gaussian that takes single hairs away, a share of the face's size


def grow_beard(
    face: FloatArray,
    photo: FloatArray,
    photo_skin: FloatArray,
    landmarks: FloatArray,
    grows: FloatArray,
    same_light: bool = True,
) -> FloatArray:
    """Let the hairs of a photo's beard grow on a face.

    A hair is what stands out from the photo's skin: as a factor of light it is drawn over the face, whose relief stays.
    Single hairs grow wherever there may be some, so no bare middle is left within a beard. Where the face is as dark
    already, with hair of its own or shade, nothing becomes darker.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255.
        photo: (H, W, 3) RGB float32, 0 to 255, with its features at the same positions.
        photo_skin: (H, W), weight of skin in the photo.
        landmarks: (68, 2) of both.
        grows: (H, W) in [0, 1], where hairs may grow.
        same_light: the face is in the photo's light. Else the photo's lamps colour no hair: it has the colour of the
            face's skin or less of it.

    Returns:
        (H, W, 3) RGB float32.
    """
    if np.count_nonzero(photo_skin > 0.5) < _MIN_PIXELS:
        return face
    (hair, usual), (own, on) = (_over_skin(picture, photo_skin, landmarks) for picture in (photo, face))
    if not same_light:
        hair = _with_colour_of(hair, usual @ _COLOR, on @ _COLOR)
    sigma = max(0.5, _FINE * face_size(landmarks))
    grows = np.asarray(grows, np.float32) * _below_nose(landmarks, photo_skin.shape)
    white = _whiteness(hair @ LUMINANCE, grows)
    dense = _hair_weight(hair @ LUMINANCE, grows, white)
    broad, already = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (hair, own @ LUMINANCE))
    tufts = dense[..., None] * broad
    dark = tufts @ LUMINANCE
    share = np.where(dark < 0, 1.0 - np.clip(already / np.minimum(dark, -1e-3), 0.0, 1.0), 1.0)
    grown = share[..., None].astype(np.float32) * tufts + grows[..., None] * (hair - broad)
    # Grey hairs between black ones are no brighter than they were, and hardly brighter than skin in a dark beard.
    brightest = np.minimum(hair, _GLEAM + white * np.maximum(hair, 0.0))
    grown = np.minimum(grown, np.maximum(brightest - own, 0.0))
    if same_light:
        # Below stubble no skin is reddened.
        grown -= grows[..., None] * (cv2.GaussianBlur(own, (0, 0), sigma) @ _COLOR)
    return to_srgb(to_linear(np.asarray(face, np.float32)) * np.exp(grown))


def _over_skin(picture: FloatArray, skin: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return, (H, W, 3), by how much a pixel stands out from the skin around, and that skin, in logarithms of light."""
    light = to_linear(np.asarray(picture, np.float32))
    level = max(float(np.median(luminance(light)[skin > 0.5])), _LEAST_LEVEL)
    values = np.log(light + np.float32(_FLOOR * level))
    usual = slow_part(values, skin, landmarks)[0]
    return np.asarray(values - usual, np.float32), np.asarray(usual, np.float32)


def _with_colour_of(hair: FloatArray, usual: FloatArray, other: FloatArray) -> npt.NDArray[np.float32]:
    """Return hair (H, W, 3) with the colour of other skin (H, W, 3), or less of it, as it has of the usual skin's."""
    along = ((hair @ _COLOR) * usual).sum(axis=2) / (np.square(usual).sum(axis=2) + np.float32(1e-6))
    colour = np.clip(along, -_GREYEST, 0.0)[..., None] * other
    return np.asarray((hair @ LUMINANCE)[..., None] + colour, np.float32)


def _whiteness(over: FloatArray, grows: FloatArray) -> np.float32:
    """Return how white a beard is, 0 to 1: in a dark one what is brighter is skin with a gleam."""
    weight = grows * _standing_out(over)
    bright = float((weight * (over > 0)).sum()) / max(float(weight.sum()), 1e-6)
    return np.float32(np.clip((bright - _WHITE_BEARD[0]) / np.ptp(_WHITE_BEARD), 0.0, 1.0))


def _hair_weight(over: FloatArray, grows: FloatArray, white: np.float32) -> npt.NDArray[np.float32]:
    """Return how far each pixel is hair, (H, W) in [0, 1], of a beard that is so white."""
    return np.asarray(grows * _standing_out(over) * np.where(over > 0, white, np.float32(1.0)), np.float32)


def _standing_out(over: FloatArray) -> npt.NDArray[np.float32]:
    rise = np.clip((np.abs(over) - _HAIR_STANDS_OUT[0]) / np.ptp(_HAIR_STANDS_OUT), 0.0, 1.0)
    return np.asarray(rise, np.float32)


def _below_nose(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a moustache is dense, (H, W) in [0, 1]: it rises slowly below the nose, where there is shade, too."""
    away = (draw_part(landmarks[NOSTRILS], shape, WITH_RIM) == 0).astype(np.uint8)
    far = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / face_size(landmarks)
    rise = np.clip((far - np.float32(_MOUSTACHE[0])) / np.float32(np.ptp(_MOUSTACHE)), 0.0, 1.0)
    return np.asarray(smooth_step(rise), np.float32)
