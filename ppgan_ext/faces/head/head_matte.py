"""How much of each pixel of a photo belongs to the head and the body of a person, with the edges of the hair."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.beard import beard_cover
from ppgan_ext.faces.head.hair import Refusal, find_hair
from ppgan_ext.faces.head.hair_network import hair_chances
from ppgan_ext.faces.head.head_patch import EYES, SHAPE, head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_SOFT = 0.03  # deviation of the Gaussian on the outline, as a share of the distance between the eyes
_FADE = 0.08  # share of the patch over which the matte ends below, where the body goes on


class HeadParts(NamedTuple):
    """What belongs to the person around a face. All are (H, W) in [0, 1], of the photo's size.

    Attributes:
        person: head and body, with the edges of the hair.
        hair: how likely there is hair of the head; nothing where there is none or something covers it.
        beard: how far it covers the skin; stubble in part.
    """

    person: npt.NDArray[np.float32]
    hair: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]


def head_matte(photo: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return the matte of the person around a face, `HeadParts.person`."""
    return head_parts(photo, landmarks).person


def head_parts(photo: Image, landmarks: FloatArray) -> HeadParts:
    """Find the person around a face, and hair and beard.

    The outline comes from the network that tells people from the background; where it runs through hair, the matte of
    the hair decides, strand by strand.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.

    Returns:
        Maps that are 0 farther than about three distances of the eyes from the face.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    patch = head_patch(photo, landmarks)
    chances = hair_chances(patch)
    person = cv2.GaussianBlur(chances.person, (0, 0), _SOFT * EYES)
    person[-round(_FADE * SHAPE[0]) :] *= np.linspace(1.0, 0.0, round(_FADE * SHAPE[0]), dtype=np.float32)[:, None]
    matte = patch_to_picture(person, landmarks, photo.shape[:2])
    found = find_hair(photo, landmarks, patch, chances)
    left, top, right, bottom = found.region
    if found.refusal is None:
        inside = matte[top:bottom, left:right]
        matte[top:bottom, left:right] = np.maximum(inside, found.alpha * found.confidence)
    none = found.refusal in (Refusal.NO_HAIR, Refusal.COVERED)
    hair = patch_to_picture(np.zeros(SHAPE, np.float32) if none else chances.hair, landmarks, photo.shape[:2])
    return HeadParts(np.clip(matte, 0.0, 1.0), hair, beard_cover(photo, landmarks))
