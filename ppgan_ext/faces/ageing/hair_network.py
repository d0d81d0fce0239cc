"""A small network that says where a head patch shows hair and beard, in NumPy: 0.2 million weights, no Paddle.

A U-Net (arXiv 1505.04597) of nine blocks down to a sixteenth of the patch and three up to
half of it; each block is a 3x3 convolution with the batch normalisation folded in, and a rectifier. Its weights ship
as ``hair.safetensors``; `docs/models/hair.md` is their card.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces.ageing.head_patch import CENTRE, EYES, SHAPE, HeadPatch
from ppgan_ext.faces.ageing.parts import hull, skin_area, skin_weight
from ppgan_ext.faces.ageing.person import person_chance
from ppgan_ext.types import FloatArray

_FILE = Path(__file__).parent / "hair.safetensors"
_WHITE = 0.8  # the brightest twentieth of the patch, after its light is evened out
_MOST = 1.3
_PERSON = 8  # its number among the channels
_FEW = 40  # pixels of skin that suffice to know its colour
_LUMA = np.array([0.3, 0.6, 0.1], np.float32)
_DOWN = (("d1", "e1"), ("d2", "e2"), ("d3", "e3"), ("d4", "e4", "e5"))
_UP = ("u3", "u2", "u1")


class Chances(NamedTuple):
    """How likely each pixel of a patch is hair of the head, of a beard, or any of a person.

    All are (240, 192) in [0, 1], and 0 outside the photo.
    """

    hair: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    person: npt.NDArray[np.float32]


def hair_chances(patch: HeadPatch) -> Chances:
    """Run the network."""
    weights = _weights()
    values = channels(patch)
    person = values[_PERSON]
    skips = []
    for names in _DOWN:
        for name in names:
            stride = 2 if name.startswith("d") else 1
            values = np.maximum(_convolve(values, weights[f"{name}.w"], weights[f"{name}.b"], stride), 0.0)
        skips.append(values)
    for name, skip in zip(_UP, skips[-2::-1], strict=True):
        finer = values.repeat(2, axis=1).repeat(2, axis=2)
        joined = np.concatenate([finer, skip])
        values = np.maximum(_convolve(joined, weights[f"{name}.w"], weights[f"{name}.b"], 1), 0.0)
    logits = np.clip(_convolve(values, weights["o.w"], weights["o.b"], 1), -30.0, 30.0)
    hair, beard = (
        cv2.resize(1.0 / (1.0 + np.exp(-logit)), SHAPE[::-1], interpolation=cv2.INTER_LINEAR) * patch.inside
        for logit in logits
    )
    return Chances(hair, beard, person)


def channels(patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Return what the network sees, (10, 240, 192).

    Colour in evened light (3), the photo's extent, position (2), the face, its features, the person, and how far the
    colour is from the face's skin.
    """
    colour = patch.picture / np.float32(255.0)
    inside = patch.inside
    light = (colour @ _LUMA)[inside > 0.5]
    bright = float(np.percentile(light, 95)) if light.size else 1.0
    even = np.clip(colour * np.float32(_WHITE / max(bright, 0.05)), 0.0, _MOST)
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    face, features = (
        cv2.GaussianBlur(hull(patch.landmarks[points], SHAPE, 0), (0, 0), 2.0) for points in (slice(27), slice(36, 68))
    )
    shown = (even - np.float32(0.5)) * inside[..., None]
    place = [(across - CENTRE[0]) / EYES / 3.0, (down - CENTRE[1]) / EYES / 4.0]
    person = person_chance(patch.picture) * inside
    rest = [inside, *place, face, features, person, _unlike_skin(patch)]
    return np.concatenate([shown.transpose(2, 0, 1), np.stack(rest)]).astype(np.float32)


def _unlike_skin(patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Return the distance from the colour of the face's skin, (240, 192); 1 is eight robust deviations or more."""
    lab = cv2.cvtColor(patch.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    skin = skin_weight(patch.picture, skin_area(patch.landmarks, SHAPE)) > 0.6
    if np.count_nonzero(skin) < _FEW:
        return np.zeros(SHAPE, np.float32)
    middle = np.median(lab[skin], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(lab[skin] - middle), axis=0), (5.0, 2.5, 2.5))
    apart = np.abs((lab - middle) / spread).max(axis=2)
    return np.asarray(np.minimum(apart / 8.0, 1.0), np.float32)


def _convolve(values: FloatArray, kernel: FloatArray, bias: FloatArray, stride: int) -> npt.NDArray[np.float32]:
    """Correlate (C, H, W) with a kernel (O, C, 3, 3), zeros around the border, as one matrix product."""
    _, height, width = values.shape
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
    windows = np.stack(
        [padded[:, y : y + height : stride, x : x + width : stride] for y in range(3) for x in range(3)], axis=1
    )
    product = kernel.reshape(kernel.shape[0], -1) @ windows.reshape(-1, rows * columns)
    return (product + bias[:, None]).reshape(-1, rows, columns).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _weights() -> dict[str, npt.NDArray[np.float32]]:
    """Read the weights, stored in half precision."""
    try:
        return {name: np.asarray(array, np.float32) for name, array in load_file(_FILE).items()}
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            "the model of hair is missing or damaged", where=_FILE, cure="Install the package again"
        ) from error
