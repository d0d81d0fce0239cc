"""Bare skin beside hair: scalp, forehead, ears. What is skin is not greyed, whatever the map of the hair says.

Skin differs from dark hair in light and from grey and blond hair in colour; where hair is as light as the skin, in
texture too: skin is smooth, hair is not.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.landmarks import BOTH_BROWS, JAW_AND_BROWS
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc, pieces_at
from ppgan_ext.types import FloatArray

_DARKEST, _LEAST_LIGHT, _MOST_LIGHT = 2.0, 0.08, 0.30  # light of skin in shadow: times the hair's; of the skin's
_SHADOW = 0.2  # from there to surely skin
_BRIGHT_HAIR = (0.20, 0.40)  # of the skin's light: from where texture is looked at
_LIGHTS, _BRIGHT_LIGHTS = 75, (0.40, 0.60)  # percentile of the hair's light; of the skin's, likewise
_TEXTURE = (0.25, 0.75)  # on the way from the face's to the hair's, in logarithms
_FINE, _AROUND = 0.02, 0.05  # widths of the Gaussians for texture, as shares of the eyes' distance
_FOREHEAD, _EARS = 0.7, 0.4  # how far skin reaches above the brows and beside the face, in eyes' distances
# Of ears, above the jaw's upper end and beside it, and how softly they end, likewise.
_EAR_UP, _EAR_OUT, _EAR_SOFT = 0.25, 0.38, 0.06
_EAR_LIGHT = (2.0, 3.0)  # times the lighter part of the hair's light: not told from a strand, and surely an ear
_NARROW = 0.02  # half the width of a bridge, as a share of the eyes' distance
_LEAST_PIXELS = 40


def bare_skin(
    picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray, sure: FloatArray | None = None
) -> npt.NDArray[np.float32]:
    """Return how sure each pixel is bare skin.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], what is thought to be hair.
        sure: (H, W) in [0, 1], how sure that is: there only ears behind dark hair are skin. None for nowhere.

    Returns:
        (H, W) in [0, 1]; 0 everywhere if the face shows too little skin, or has no colour.
    """
    none = np.zeros(hair.shape, np.float32)
    known = SkinColour.of(picture, landmarks)
    if known is None or np.count_nonzero(hair > 0.5) < _LEAST_PIXELS:
        return none
    face, level = known.face, known.level
    light = cv2.GaussianBlur(to_linear(picture), (0, 0), 0.7)
    bright = luminance(light)
    # The darker part of what is thought to be hair surely is.
    hair_light = float(np.percentile(bright[hair > 0.5], 25)) / level
    dark = float(np.clip(_DARKEST * hair_light, _LEAST_LIGHT, _MOST_LIGHT))
    lit = ramp(bright / level, (dark, dark + _SHADOW))
    like_skin = known.likeness(light) * lit
    texture = np.log(_texture(bright, level, eye_distance(landmarks)) + np.float32(0.005))
    smooth, rough = (float(np.median(texture[where])) for where in (face, hair > 0.5))
    textured = ramp((texture - smooth) / max(rough - smooth, 0.2), _TEXTURE)
    # Lit strands of hair that is dark elsewhere have the colour and the light of skin as well.
    hair_lights = float(np.percentile(bright[hair > 0.5], _LIGHTS)) / level
    looked_at = np.maximum(ramp(np.float32(hair_light), _BRIGHT_HAIR), ramp(np.float32(hair_lights), _BRIGHT_LIGHTS))
    skin = like_skin * (1.0 - textured * looked_at)
    joined = _joined(skin, face, max(1, round(_NARROW * eye_distance(landmarks))))
    # Dark hair hangs before an ear; what shows between it is not joined to the face. Brown hair has the colour of skin,
    # so an ear is told by its light.
    clear = ramp(bright / level, (_EAR_LIGHT[0] * hair_lights, _EAR_LIGHT[1] * hair_lights))
    ear = (1.0 - looked_at) * clear * ears(landmarks, hair.shape)
    if sure is not None:
        skin = skin * (1.0 - sure * (1.0 - ear))
    return skin * np.maximum(joined, ear) * head_without_hair(landmarks, hair.shape)


def head_without_hair(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a head has skin, a high forehead and the ears included, softly; (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    return np.asarray(blur(draw_part(face_outline(landmarks), shape, _EARS * eyes), 0.12 * eyes), np.float32)


def face_outline(landmarks: FloatArray) -> FloatArray:
    """Return points (N, 2) whose hull is the face with a high forehead, from its landmarks (68, 2)."""
    raised = landmarks[BOTH_BROWS] + _FOREHEAD * eye_distance(landmarks) * upwards(landmarks)
    return np.concatenate([landmarks[JAW_AND_BROWS], raised])


def ears(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a head has its ears, softly, (H, W) in [0, 1]: beside the jaw's upper ends."""
    eyes = eye_distance(landmarks)
    across = (landmarks[16] - landmarks[0]) / max(float(np.linalg.norm(landmarks[16] - landmarks[0])), 1e-6) * eyes
    up = upwards(landmarks) * eyes
    drawn = np.zeros(shape[:2], np.float32)
    for jaw, outwards in ((landmarks[:4], -across), (landmarks[13:17], across)):
        highest = jaw[np.argmax(jaw @ up)] + _EAR_UP * up
        outline = np.vstack([jaw, highest, [highest + _EAR_OUT * outwards], jaw + _EAR_OUT * outwards])
        np.maximum(drawn, draw_part(outline, shape, 0.0), out=drawn)
    return np.asarray(blur(drawn, _EAR_SOFT * eyes), np.float32)


def _joined(skin: FloatArray, face: npt.NDArray[np.bool_], narrow: int) -> npt.NDArray[np.float32]:
    """Return where skin is joined to the face's by more than a narrow bridge: gloss on brown hair is not."""
    opened = cv2.morphologyEx((skin > 0.3).astype(np.uint8), cv2.MORPH_OPEN, disc(narrow))
    near = cv2.dilate(pieces_at(opened > 0, face).astype(np.uint8), disc(2 * narrow))
    return blur(near.astype(np.float32), 0.5 * narrow)


def _texture(bright: FloatArray, level: float, eyes: float) -> npt.NDArray[np.float32]:
    values = np.log(bright / np.float32(level) + np.float32(0.02))
    fine = values - blur(values, _FINE * eyes)
    return np.sqrt(blur(fine * fine, _AROUND * eyes))
