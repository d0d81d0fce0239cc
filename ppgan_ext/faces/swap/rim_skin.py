"""The photo's skin around a fused face becomes as smooth as the face: no old rim around a young middle."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import WIDTHS, blur, local_mean, log_light, split
from ppgan_ext.faces.landmarks import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WHOLE_FOREHEAD, draw_part, face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.types import FloatArray

# Lengths are shares of the eyes' distance.
_BANDS = 4  # of `head.bands`: pores, lines and wrinkles
_NEAR = (0.05, 0.4)  # distances from the face over which its skin's fineness fades
_AROUND = 0.12  # width of the Gaussian over which wrinkles are judged
_MOST, _LEAST_GAIN = 1.0, 0.15  # strength of wrinkles over the face's that stays, and the share that always does
_CHEEKS = 0.45  # of the face's skin that counts, the roughest is left out: folds beside nose and mouth
_DARK = (0.8, 1.3)  # log light below the face's skin, over a width of wrinkles: skin in the shade, and hair
_CREASE = 0.05  # half of the widest crease between skin on both sides
_EDGE = 0.05  # of skin, which stays as it is
_NO_LIGHT = 0.03  # added before logarithms, as a share of the skin's light
_FEW = 60
_FEATURES = ((RIGHT_EYE, 0.1), (LEFT_EYE, 0.1), (RIGHT_BROW, 0.06), (LEFT_BROW, 0.06), (LIPS, 0.05))


def even_rim(
    photo: FloatArray, face: FloatArray, photo_skin: FloatArray, face_skin: FloatArray, landmarks: FloatArray
) -> npt.NDArray[np.float32]:
    """Lower the wrinkles and the stubble of a photo around a face that has less, (H, W, 3) RGB float32.

    Args:
        photo: (H, W, 3) RGB float32, 0 to 255.
        face: (H, W, 3) RGB float32, the fused face in the photo's light.
        photo_skin: (H, W) in [0, 1], skin of the photo, of the face and beside it.
        face_skin: (H, W) in [0, 1], skin of the face.
        landmarks: (68, 2) of both.
    """
    sure, eyes = face_skin > 0.9, eye_distance(landmarks)
    if np.count_nonzero(sure) < _FEW:
        return np.asarray(photo, np.float32)
    light = to_linear(np.asarray(photo, np.float32))
    fused = to_linear(np.asarray(face, np.float32))
    level = float(np.median(luminance(fused)[sure]))
    values = log_light(light, level)
    # Brown hair may have the colour of skin, but it is dark; and the edge of skin is no wrinkle.
    dark = np.clip((-blur(values, WIDTHS[_BANDS - 1] * eyes) - _DARK[0]) / np.ptp(_DARK), 0.0, 1.0)
    # A crease is dark and has a colour of its own, but there is skin on both its sides.
    photo_skin = cv2.morphologyEx(np.asarray(photo_skin, np.float32), cv2.MORPH_CLOSE, disc(_CREASE * eyes))
    photo_skin = np.asarray(photo_skin * (1.0 - dark), np.float32)
    within = blur(cv2.erode(photo_skin, disc(_EDGE * eyes)), 0.4 * _EDGE * eyes)
    weight = _near(landmarks, photo_skin.shape) * within
    if np.count_nonzero(weight > 0.5) < _FEW:
        return np.asarray(photo, np.float32)
    bands = split(values, photo_skin, eyes, _BANDS)
    change = np.zeros(photo_skin.shape, np.float32)
    for band, own in zip(bands, split(log_light(fused, level), face_skin, eyes, _BANDS), strict=True):
        usual = float(np.quantile(_strength(own, face_skin, eyes)[sure], 1.0 - _CHEEKS))
        gain = np.clip(_MOST * usual / np.maximum(_strength(band, photo_skin, eyes), 1e-4), _LEAST_GAIN, 1.0)
        change += (gain - 1.0).astype(np.float32) * band
    slope = 1.0 + _colour_with_light(light / max(level, 1e-4), bands.sum(axis=0), photo_skin, eyes)
    return np.asarray(to_srgb(light * np.exp((weight * change)[..., None] * slope)), np.float32)


def _colour_with_light(light: FloatArray, detail: FloatArray, skin: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return how the colour of skin changes with its detail, (3,): wrinkles are redder than the skin around.

    Args:
        light: (H, W, 3) linear, over the skin's.
        detail: (H, W), of the logarithm of its luminance.
        skin: (H, W) in [0, 1].
        eyes: their distance, pixels.
    """
    colour = np.log(light + np.float32(_NO_LIGHT)) - np.log(luminance(light) + np.float32(_NO_LIGHT))[..., None]
    weight, width = np.where(skin > 0.9, detail, 0.0), WIDTHS[_BANDS - 1] * eyes
    total = max(float((weight * detail).sum()), 1e-6)
    rest = [colour[..., channel] - local_mean(colour[..., channel], skin, width) for channel in range(3)]
    return np.array([float((weight * each).sum()) / total for each in rest], np.float32)


def _strength(band: FloatArray, skin: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return the root mean square of detail around each pixel, (H, W)."""
    return np.sqrt(np.maximum(local_mean(band * band, skin, _AROUND * eyes), 0.0)).astype(np.float32)


def _near(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the face without its features, and what is near it, softly, (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    outside = (face_mask(landmarks, shape, 0.02, WHOLE_FOREHEAD) < 0.5).astype(np.uint8)
    far = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / np.float32(eyes)
    near = np.clip((_NEAR[1] - far) / np.float32(np.ptp(_NEAR)), 0.0, 1.0)
    near = smooth_step(near)
    for points, width in _FEATURES:
        near = near * (1.0 - draw_part(landmarks[points], shape, width * eyes))
    return np.asarray(near, np.float32)
