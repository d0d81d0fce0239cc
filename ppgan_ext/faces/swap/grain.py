"""Give a face the grain of the photo around it: as much detail of one or two pixels as the photo's skin has.

A face from a smaller photo lacks pores and noise, and one from a larger, sharper or noisier photo has too much. Too
much is lowered; what lacks is raised a little, and the rest is the photo's own, taken where both show skin, without
edges: a nose or a fold of the photo is no grain. Eyes, brows and lips become as sharp as the photo's.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

_SIGMAS = (0.0, 1.0, 2.0)  # pixels; bands lie between them
_LEAST, _MOST = 0.25, 1.5  # gains of a band
_FEATURES = (0.5, 1.6)  # of eyes, brows and lips
_AROUND, _USUAL = 3.0, 1.8  # pixels over which detail is judged; what is stronger by this factor is an edge
_SMOOTH_SHARE = 0.75  # of the skin; the rest has wrinkles
_FEW = 100  # pixels of skin, of which something is known
_LUMA = np.array([0.3, 0.6, 0.1], np.float32)


class _Band(NamedTuple):
    """Detail of one size, (H, W, 3), its spread on skin and its root mean square elsewhere in the face, in levels."""

    values: npt.NDArray[np.float32]
    spread: float
    features: float


def match_grain(
    face: FloatArray, photo: FloatArray, face_skin: FloatArray, photo_skin: FloatArray, inside: FloatArray
) -> npt.NDArray[np.float32]:
    """Return the face, (H, W, 3) RGB float32, with the photo's grain.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255, in the photo's light.
        photo: (H, W, 3) RGB float32, 0 to 255.
        face_skin: (H, W), weight of skin in the face.
        photo_skin: (H, W), weight of skin in the photo.
        inside: (H, W), weight of the face.
    """
    skins = [skin > 0.5 for skin in (face_skin, photo_skin)]
    if min(np.count_nonzero(skin) for skin in skins) < _FEW:
        return np.asarray(face, np.float32)
    result = np.asarray(face, np.float32).copy()
    features = (inside > 0.9) & ~skins[0] & ~skins[1]
    soft = cv2.GaussianBlur(np.asarray(face_skin, np.float32), (0, 0), _SIGMAS[-1])[..., None]
    both = cv2.GaussianBlur(np.asarray(face_skin * photo_skin, np.float32), (0, 0), _SIGMAS[-1])[..., None]
    for own, other in zip(_bands(face, skins[0], features), _bands(photo, skins[1], features), strict=True):
        gain = float(np.clip(other.spread / max(own.spread, 1e-3), _LEAST, _MOST))
        sharper = float(np.clip(other.features / max(own.features, 1e-3), *_FEATURES))
        lacking = np.sqrt(max(other.spread**2 - (gain * own.spread) ** 2, 0.0)) / max(other.spread, 1e-3)
        gains = np.float32(sharper) + np.float32(gain - sharper) * soft
        pores = both * _pores(other)[..., None]
        result += (gains - 1.0) * own.values + np.float32(lacking) * pores * other.values
    return result


def _spread(values: FloatArray, skin: npt.NDArray[np.bool_]) -> float:
    """Return how far detail, (H, W), is spread on the smoother part of the skin: noise and pores, without wrinkles."""
    strength = cv2.GaussianBlur(np.square(values), (0, 0), _AROUND)
    smooth = skin & (strength <= np.quantile(strength[skin], _SMOOTH_SHARE))
    return float(1.4826 * np.median(np.abs(values[smooth])))


def _pores(band: _Band) -> npt.NDArray[np.float32]:
    """Return how far detail is pores and noise, (H, W) in [0, 1]; edges of a nose, a fold or shade are stronger."""
    strength = np.sqrt(cv2.GaussianBlur(np.square(band.values @ _LUMA), (0, 0), _AROUND))
    usual = np.float32(_USUAL * max(band.spread, 1e-3))
    return np.asarray(np.minimum(usual / np.maximum(strength, 1e-6), 1.0) ** 4, np.float32)


def _bands(picture: FloatArray, skin: npt.NDArray[np.bool_], features: npt.NDArray[np.bool_]) -> list[_Band]:
    bands, finer = [], np.asarray(picture, np.float32)
    for sigma in _SIGMAS[1:]:
        coarser = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), sigma)
        values = finer - coarser
        strength = np.sqrt(np.square(values[features] @ _LUMA).mean()) if features.any() else 0.0
        bands.append(_Band(values, _spread(values @ _LUMA, skin), float(strength)))
        finer = coarser
    return bands
