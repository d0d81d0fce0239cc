"""Give a drawn face the skin and the light of the photo beneath it, as factors of linear light.

Skin's light is separated into a field that varies slowly over the head, gloss, which adds to it, and detail. The field
and the strength of gloss are the photo's; detail is the face's. Eyes, brows and lips follow the lamp more than skin.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE, to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.skin import draw_part, face_size, find_skin
from ppgan_ext.faces.swap.relight.detail import fit_detail, share_darker
from ppgan_ext.faces.swap.relight.features import Features, eye_openings, find_features, lamp_color
from ppgan_ext.faces.swap.relight.gloss import find_gloss
from ppgan_ext.faces.swap.relight.shading import fit_shading, slow_rest
from ppgan_ext.faces.swap.relight.surface import shading_basis
from ppgan_ext.types import FloatArray

_MIN_PIXELS = 24
_FLOOR = 0.02  # of the skin's luminance, added before logarithms
_LEAST_LEVEL = 2e-4  # luminance of skin in a photo that is nearly black
_LOCAL = 0.2  # width of the Gaussian of what the field leaves, as a share of the face's size
_LOCAL_KEPT = 0.6  # share of the photo's that is kept
_GLOSS_SOFT = 0.03  # width of the Gaussian between coarse and fine gloss
_GLOSS_FOLLOWS = (0.6, 0.2)  # share of the photo's coarse gloss, on like or darker faces, and on paler ones
_MOST_GLOSS = 0.7  # factor of the face's
# What is no skin: points, and shares of the face's size by which it is wider and soft.
_PARTS = (
    (RIGHT_EYE, 0.004, 0.004), (LEFT_EYE, 0.004, 0.004), (slice(48, 60), 0.004, 0.004),
    (slice(17, 22), 0.02, 0.02), (slice(22, 27), 0.02, 0.02),
)  # fmt: skip
_MUCH_GLOSS = 0.5  # share of light that is gloss above which nothing is known of the skin's colour
_COLOR_NOISE = 0.004  # width over which colours are averaged, as a share of the face's size
_SHADED = 2.0  # power of the darkness of detail by which gloss is less
_GLOSSY = 0.97  # share of skin that is less glossy than what is compared


class Layers(NamedTuple):
    """The light of a picture of a face.

    Attributes:
        field: (H, W, 3), logarithm of the slowly varying light on matte skin.
        local: (H, W, 3), what varies slowly beyond that.
        detail: (H, W, 3), the rest on matte skin.
        gloss: (H, W), linear light.
        values: (H, W, 3), logarithm of the whole light.
        mean: (3,), of the field over skin.
        skin: (H, W), weight of skin.
        near: (H, W), weight of the face up to the edges of eyes, brows and lips.
        foreign: (H, W), weight of what is no skin on the bare parts of the face.
        lamp: (3,), its colour, of luminance 1.
        floor: (3,), linear light added before logarithms.
    """

    field: FloatArray
    local: FloatArray
    detail: FloatArray
    gloss: FloatArray
    values: FloatArray
    mean: FloatArray
    skin: FloatArray
    near: FloatArray
    foreign: FloatArray
    lamp: FloatArray
    floor: FloatArray


def find_layers(picture: FloatArray, known: FloatArray, landmarks: FloatArray, basis: FloatArray) -> Layers | None:
    """Separate the light of a face.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        known: (H, W) in [0, 1], where the picture shows the face.
        landmarks: (68, 2) in it.
        basis: (H, W, N) of the face's surface.

    Returns:
        None if there is too little skin to tell the light from.
    """
    size = face_size(landmarks)
    light = to_linear(np.asarray(picture, np.float32))
    seen, around = find_skin(landmarks, picture), _around(landmarks, picture.shape) * known
    skin = seen.skin * known
    if np.count_nonzero(skin > 0.5) < _MIN_PIXELS:
        return None
    # In the skin's colour, so that the darkest pixels are not tinted.
    floor = _FLOOR * np.maximum(np.median(light[skin > 0.5], axis=0), _LEAST_LEVEL).astype(np.float32)
    values = np.log(light + floor)
    lamp = lamp_color(values, skin, eye_openings(landmarks, picture.shape))
    gloss, matte = np.zeros(light.shape[:2], np.float32), values
    for _ in range(2):
        field = fit_shading(matte, skin, basis)
        gloss = find_gloss(light, np.exp(field) - floor, skin, around, lamp, _COLOR_NOISE * size)
        dull = light - gloss[..., None] * lamp
        matte = np.log(dull + floor)
        # What shines is no foreign object.
        seen = find_skin(landmarks, to_srgb(dull * _evened(field)))
        skin = seen.skin * known
    field = fit_shading(matte, skin, basis)
    matte = _in_color_of(field, matte, gloss / np.maximum(light @ LUMINANCE, 1e-6))
    local = slow_rest(matte - field, skin, _LOCAL * size)
    mean = (field * skin[..., None]).sum(axis=(0, 1)) / skin.sum()
    return Layers(field, local, matte - field - local, gloss, values, mean, skin, around, seen.foreign, lamp, floor)


def _in_color_of(field: FloatArray, matte: FloatArray, share: FloatArray) -> FloatArray:
    """Give matte skin, (H, W, 3), the field's colour as far as its light was gloss, (H, W): its own is lost."""
    color, usual = (values - (values @ LUMINANCE)[..., None] for values in (matte, field))
    return np.asarray(matte + np.clip(share / _MUCH_GLOSS, 0.0, 1.0)[..., None] * (usual - color), np.float32)


def _around(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw a face up to the edges of eyes, brows and lips, (H, W) in [0, 1]."""
    size = face_size(landmarks)
    weight = face_mask(landmarks, shape, 0.1)
    for points, width, soft in _PARTS:
        part = draw_part(landmarks[points], shape, width * size)
        weight = np.minimum(weight, 1.0 - cv2.GaussianBlur(part, (0, 0), max(0.5, soft * size)))
    return np.asarray(weight, np.float32)


def _evened(field: FloatArray) -> FloatArray:
    """Return the factor, (H, W, 1), that takes the slowly varying brightness off a picture."""
    bright = field @ LUMINANCE
    return np.asarray(np.exp(np.median(bright) - bright)[..., None], np.float32)


def match_skin(
    face: FloatArray,
    photo: FloatArray,
    face_known: FloatArray,
    photo_known: FloatArray,
    landmarks: FloatArray,
    own_tone: FloatArray | float = 0.0,
) -> npt.NDArray[np.float32]:
    """Give a face the skin and the light of the photo beneath it.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255.
        photo: (H, W, 3) RGB float32, 0 to 255, with its features at the same positions as the face's.
        face_known: (H, W) in [0, 1], where the face is known.
        photo_known: (H, W) in [0, 1], where the photo shows its face.
        landmarks: (68, 2) of both.
        own_tone: share of its own mean tone that the face keeps, (H, W) or one number; the photo's light gradient is
            always used.

    Returns:
        (H, W, 3) RGB float32.
    """
    basis = shading_basis(landmarks, face.shape)
    own, other = (find_layers(*seen, landmarks, basis) for seen in ((face, face_known), (photo, photo_known)))
    if own is None or other is None:
        return np.asarray(face, np.float32)
    return relight(face, own, other, face_known, landmarks, own_tone)


def relight(
    face: FloatArray,
    own: Layers,
    other: Layers,
    known: FloatArray,
    landmarks: FloatArray,
    own_tone: FloatArray | float = 0.0,
) -> npt.NDArray[np.float32]:
    """Give a face, (H, W, 3) RGB, 0 to 255, the light of a photo; see `match_skin`.

    Args:
        face: the face.
        own: its layers.
        other: the photo's.
        known: (H, W) in [0, 1], where the face is known; elsewhere its skin has no detail.
        landmarks: (68, 2) of both.
        own_tone: as for `match_skin`.
    """
    size, share = face_size(landmarks), np.asarray(own_tone, np.float32)
    known = np.clip(2.0 * known - 1.0, 0.0, 1.0)
    toned = other.field + (own.mean - other.mean) * (share[..., None] if share.ndim else share)
    target = toned + np.float32(_LOCAL_KEPT) * other.local
    features = find_features(face, own, other, known, landmarks)
    own = _whole(own, features.lifted)
    detail = fit_detail(
        (own.detail, other.detail), (own.skin, other.skin), (own.near, other.near), size, features.lifted
    )
    detail = _dimmed(detail, 1.0 - own.near, features.lifted)
    lit = np.exp(target + known[..., None] * detail) - other.floor
    # What lies in shade does not shine.
    shade = np.exp(np.minimum(_SHADED * known * (detail @ LUMINANCE), 0.0))
    lit += (shade * _gloss(own, other, features, size))[..., None] * other.lamp
    skin = np.log(np.maximum(lit, 0.0) + other.floor)
    return to_srgb(np.exp(features.apply(skin, own, target)) - other.floor)


def _whole(own: Layers, lifted: float) -> Layers:
    """Return layers whose gloss is a part of the detail, as far as the skin becomes darker.

    On pale skin, gloss and skin that faces the lamp are hardly told apart, and added to dark skin either is a veil.
    """
    share = share_darker(lifted)
    detail = own.detail + np.float32(share) * (own.values - own.field - own.local - own.detail)
    return own._replace(detail=detail, gloss=np.float32(1.0 - share) * own.gloss)


def _dimmed(detail: FloatArray, where: FloatArray, lifted: float) -> FloatArray:
    """Lower what is brighter than skin, (H, W, 3), where it is none (H, W): grey brows do not become paler with it."""
    light = np.maximum(detail @ LUMINANCE, 0.0)
    less = light - np.log1p(np.expm1(light) * np.float32(np.exp(-max(lifted, 0.0))))
    return np.asarray(detail - (where * less)[..., None], np.float32)


def _gloss(own: Layers, other: Layers, features: Features, size: float) -> FloatArray:
    """Return the gloss on the face in the photo's light, (H, W): where the photo shines, with the face's texture."""
    inside = [(layers.skin > 0.5) for layers in (own, other)]
    strength = [float(np.quantile(layers.gloss[i], _GLOSSY)) for layers, i in zip((own, other), inside, strict=True)]
    same = float(np.exp(features.exposure))
    gain = min(strength[1] / max(strength[0] * same, 1e-4), _MOST_GLOSS) * same
    sigma = max(0.5, _GLOSS_SOFT * size)
    coarse, photos = (slow_rest(layers.gloss[..., None], layers.skin, sigma, 0.05)[..., 0] for layers in (own, other))
    fine = own.gloss - coarse
    follows = np.interp(share_darker(features.lifted), (0.0, 1.0), _GLOSS_FOLLOWS)
    mixed = np.float32(gain) * coarse + np.float32(follows) * (photos - np.float32(gain) * coarse)
    return np.maximum(mixed + np.float32(min(gain, same)) * fine, 0.0)
