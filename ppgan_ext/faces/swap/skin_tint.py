"""The colour of a swapped face's skin, region by region: what the person's shows goes, and a part of the photo's comes.

Skin is red on nose and cheeks, yellow around the eyes or grey on the chin, each person's elsewhere. Drawn on another's
tone, such a region looks like a patch or like a mask. The photo's own regions, whole, would do so as well: they belong
to its highlights and to its features.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.mask import WHOLE_FOREHEAD, WITH_RIM, draw_part, face_mask
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.detail import Detail, blurred, mean_around, reduced, times
from ppgan_ext.types import FloatArray

# Lengths are shares of the face's size.
_COPY = 72.0  # size of the face on the copies, pixels
_REGION = 0.05  # width of the Gaussian over which colours are compared
_SHARE = 0.9  # of a region's own colour that goes
_THEIRS = 0.25  # of that, what comes of the photo's
# Log light over the slow part: up to here colour changes with the light as on usual skin, and from there on, in deep
# shade and in gloss, what a camera records tells nothing about the skin.
_USUAL, _DEEP = 0.4, 0.9
_ENOUGH = 0.3  # weight of skin under the Gaussian from which its colour is known
_EDGE, _SOFT = 0.02, 0.015  # of the face, and of what it is without
_NOT_SKIN = ((RIGHT_EYE, 0.0), (LEFT_EYE, 0.0), (LIPS, 0.02))


def tint_change(own: Detail, other: Detail, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return what takes the colour of its regions off a face's skin, and gives them a part of the photo's.

    Args:
        own: the face's; its colour is what does not follow from its brightness.
        other: that of the photo with the same landmarks.
        landmarks: (68, 2) of both.

    Returns:
        (H, W, 3), to be added to the face's colour; freckles and other small differences stay.
    """
    face, photo, points = reduced(own, other, landmarks, _COPY)
    size = face_size(points)
    skin = face_mask(points, face.light.shape, _EDGE, WHOLE_FOREHEAD)
    for part, width in _NOT_SKIN:
        skin = np.minimum(skin, 1.0 - draw_part(points[part], skin.shape, max(WITH_RIM, width * size)))
    share = _SHARE * skin * blurred(skin, _SOFT * size)
    tints = []
    for each in (face, photo):
        usual = np.clip((_DEEP - np.abs(each.light)) / (_DEEP - _USUAL), 0.0, 1.0)
        weight = np.asarray(skin * each.clear * usual, np.float32)
        share = share * np.minimum(blurred(weight, _REGION * size) / np.float32(_ENOUGH), 1.0)
        tints.append(mean_around(each.color, weight, _REGION * size))
    change = times(np.float32(_THEIRS) * tints[1] - tints[0], share)
    return cv2.resize(change, own.light.shape[1::-1], interpolation=cv2.INTER_LINEAR)
