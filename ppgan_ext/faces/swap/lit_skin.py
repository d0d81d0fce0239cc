"""Find the skin of a face in any light: in its highlights and its shade, too.

Skin becomes whiter where it reflects the lamp, and more colourful in shade: the colour of a surface changes with its
brightness (Shafer, Using Color to Separate Reflection Components, 1985). So skin is told by its distance from the
colour that it has at that brightness, not from its most usual colour: of shiny dark skin, half would else pass for
foreign. Deep shade under a nose or in a fold differs from other shade, as light is reflected there from skin to skin;
but it is near to the usual colours of skin. So only what is far from both is foreign.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import SkinWeights, bare_skin, face_copy, face_size
from ppgan_ext.types import FloatArray

_COPY = 140.0  # size of the face on the copy on which skin is found, pixels
_MIN_PIXELS = 48
_LEAST_LEVEL = 2e-4  # luminance of skin in a photo that is nearly black
# Of the skin's luminance, added before logarithms, and before those that tell its colour: of blue, dark skin has so
# little that its logarithm is noise.
_FLOOR, _COLOR_FLOOR = 0.02, 0.1
_CLASSES, _TAILS = 12, 1  # classes of brightness, and how many of them at each end do not tell skin's colour
_OUTLIER = 3.5  # robust deviations from the colour at that brightness
_SPREAD = (0.08, 0.2)  # least and most deviation, of logarithms
# By so much in log light skin is darker than usual, at least, or so many of its deviations: beyond, what is far from
# the usual colours of skin is hair.
_DARKEST, _DARK_DEVIATIONS, _DARK_EDGE = 1.1, 3.0, 0.4
# Where beards grow: from the nose to the jaw. What has a foreign colour there, and is so much darker, is no skin.
_BEARD = [31, 33, 35, *range(13, 2, -1)]
_NO_BEARD = 0.1  # weight of that place below which skin tells the colours
_BEARD_EDGE, _BEARD_DARKER = 0.03, (0.15, 0.4)


class LitSkin(NamedTuple):
    """Skin in a picture, (H, W) float32 in [0, 1] each.

    Attributes:
        skin: weight of bare skin, within the face and outside eyes, brows and mouth.
        clear: how far nothing but the face is shown: no hair, beard or other cover.
        known: how far the face is shown at all.
    """

    skin: npt.NDArray[np.float32]
    clear: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]


def find_lit_skin(landmarks: FloatArray, picture: FloatArray, known: FloatArray, found: SkinWeights) -> LitSkin:
    """Find skin, bright and dark.

    Args:
        landmarks: (68, 2) in the picture.
        picture: (H, W, 3) RGB, 0 to 255.
        known: (H, W) in [0, 1], how far the picture shows the face.
        found: of `faces.skin.find_skin`, which tells skin by its usual colours.
    """
    height, width = known.shape
    size, points = face_copy(known.shape, landmarks, _COPY)
    copy, shown, unusual = (
        cv2.resize(np.asarray(each, np.float32), size, interpolation=cv2.INTER_AREA)
        for each in (picture, known, found.foreign)
    )
    foreign = unusual * _foreign(copy, bare_skin(points, copy.shape) * shown, _beard_place(points, copy.shape))
    clear = np.float32(1.0) - cv2.resize(foreign, (width, height), interpolation=cv2.INTER_LINEAR)
    clear = np.asarray(clear * known, np.float32)
    return LitSkin(bare_skin(landmarks, known.shape) * clear, clear, np.asarray(known, np.float32))


def _foreign(picture: FloatArray, expected: FloatArray, beard: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel, (H, W) in [0, 1], has another colour than skin of its brightness, or is too dark.

    Args:
        picture: (H, W, 3).
        expected: (H, W), where skin is expected.
        beard: (H, W), where a beard may be, in which less is too dark.
    """
    inside = expected > 0.5
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return np.zeros(expected.shape, np.float32)
    light = to_linear(picture)
    level = max(float(np.median(luminance(light)[inside])), _LEAST_LEVEL)
    values, raised = (np.log(light / np.float32(level) + np.float32(floor)) for floor in (_FLOOR, _COLOR_FLOOR))
    brightness = values @ LUMINANCE
    color = raised - (raised @ LUMINANCE)[..., None]
    bare = inside & (beard < _NO_BEARD)
    tells = bare if np.count_nonzero(bare) >= _MIN_PIXELS else inside
    usual, spread = _usual_color(brightness, color, tells)
    foreign = np.clip((np.abs(color - usual) / spread).max(axis=2) - np.float32(_OUTLIER), 0.0, 1.0)
    darkest = max(_DARKEST, _DARK_DEVIATIONS * 1.4826 * float(np.median(np.abs(brightness[inside]))))
    too_dark = np.clip((np.float32(_DARK_EDGE - darkest) - brightness) / np.float32(_DARK_EDGE), 0.0, 1.0)
    hair = beard * np.clip((-brightness - _BEARD_DARKER[0]) / np.ptp(_BEARD_DARKER), 0.0, 1.0)
    return np.asarray(np.maximum(np.maximum(foreign, too_dark), hair), np.float32)


def _beard_place(landmarks: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    sigma = max(0.5, _BEARD_EDGE * face_size(landmarks))
    return cv2.GaussianBlur(draw_part(landmarks[_BEARD], shape, WITH_RIM), (0, 0), sigma)


def _usual_color(
    brightness: FloatArray, color: FloatArray, skin: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the colour of skin at each pixel's brightness, and its robust deviation, (H, W, 3) each.

    They are those of classes of brightness, and change evenly from one to the next.

    Args:
        brightness: (H, W).
        color: (H, W, 3).
        skin: (H, W), where skin is expected.
    """
    lights, colors = brightness[skin], color[skin]
    classes = np.array_split(np.argsort(lights, kind="stable"), _CLASSES)[_TAILS:-_TAILS]
    places = [np.median(lights[which]) for which in classes]
    middles = np.array([np.median(colors[which], axis=0) for which in classes])
    away = [np.median(np.abs(colors[which] - middle), axis=0) for which, middle in zip(classes, middles, strict=True)]
    spreads = np.clip(1.4826 * np.array(away), *_SPREAD)
    usual, spread = (
        np.stack([np.interp(brightness, places, channel) for channel in values.T], axis=2).astype(np.float32)
        for values in (middles, spreads)
    )
    return usual, spread
