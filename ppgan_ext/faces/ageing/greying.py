"""Grey hair: strands lose their colour one by one, and the hair becomes lighter without losing its shadows.

Everything is a factor on linear light, except that colour is mixed with its own luminance, so a photo that is k times
as bright gives a result that is k times as bright, and a photo without colour stays without.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.bands import blur
from ppgan_ext.faces.ageing.bare_skin import face_outline, head_without_hair
from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.ageing.head_patch import patch_matrix
from ppgan_ext.faces.ageing.parts import hull
from ppgan_ext.faces.ageing.skin_colour import SkinColour, ramp
from ppgan_ext.faces.ageing.strands import strand_noise, strand_order
from ppgan_ext.faces.ageing.strips import enlarge, strips
from ppgan_ext.faces.ageing.white import white_light
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.types import FloatArray

# Share of grey hair by age. Between 45 and 65 three quarters of people have grey hair, a quarter to a third of it on
# average (Panhard, Lozano and Loussouarn, British Journal of Dermatology 2012); whoever asks to be older expects more.
_AGES = (40.0, 50.0, 60.0, 70.0, 80.0)
_GREY_AT = (0.0, 0.15, 0.45, 0.6, 0.75)

_GREY = 0.30  # light of grey hair as a share of a white surface's in the same light
_WHITE = 0.62
_RISE = 0.76  # how far the hair's mean goes towards grey, in log light; black hair becomes steel grey
_ON = 0.2  # how far light hair goes on towards white
_FLATTEN = (-0.2, 0.40)  # how much of the slow shading is lost, in shadows and in lights
_BLOND, _GREY_OF_BLOND = (-0.7, 0.3), 0.4  # light of blond hair, in logarithms over grey's; how far it turns grey
_COLOUR = 0.82  # share of the colour that is lost
_LEAST = 0.005  # of grey hair's light, added before the logarithm: noise in black hair is not made into strands
_MOST = 2.7  # log of the largest factor, without strands that are drawn
_GLOSS = 0.9  # log light above the shading from which gloss is compressed: grey hair shines less than black
_LEAST_WEIGHT = 0.004  # below, the photo's bits stay
_PRIOR = 0.02  # weight of hair below which the shading is taken from farther off
_GLOSS_TOP = 0.7  # log light above the shading up to which colour is lost: no grey skin
# Skin that shows between the strands or was taken for hair: log light above the shading, none and full; how much more
# of it is needed away from the face, beside which hair is thin; and how far the shading may lie above its mean, since
# an ear that is taken for hair makes its own.
_SHOWS, _MORE_AWAY, _OWN_SHADING = (0.4, 1.1), 1.2, 0.45
# How far around the face and its neck, and how softly, as shares of the eyes' distance.
_NEAR, _NEAR_SOFT, _NECK = 0.15, 0.08, 0.8
_BELOW_JAW = 1.75  # times as near: there skin lies in the shadow of hair, and is not much brighter

_MOTTLE_EYES = 200.0  # pixels between the eyes of the copy on which strands and slow light are found
_SLOW = 0.06  # width of the Gaussian that separates strands from shading
_CONTRAST = 0.45  # standard deviation of log light between strands; what the photo lacks of it is drawn
_SINGLE = 0.45  # share of the grey that is in single strands
_STRANDS_SHOW = 140.0  # pixels between the eyes from which on a picture shows single strands
_BLEND = 0.7  # how gradually a strand turns grey, as a share of the whole way from none to all


def grey_amount(age_after: float, amount: float = 1.0) -> float:
    """Return how grey hair is at an age, 0 to 1, times the user's ``amount`` in [0, 1]."""
    return float(np.interp(age_after, _AGES, _GREY_AT)) * float(np.clip(amount, 0.0, 1.0))


def grey_hair(
    picture: npt.NDArray,
    weight: FloatArray,
    amount: float,
    landmarks: FloatArray,
    seed: int = 0,
    white: FloatArray | None = None,
    draws_strands: bool = True,
) -> npt.NDArray:
    """Make hair grey.

    Args:
        picture: (H, W, 3) sRGB, 0 to 255; the photo or a region of it.
        weight: (H, W) in [0, 1], how far each pixel is hair.
        amount: share of the hair that is grey afterwards, 0 to 1.
        landmarks: (68, 2) of the face, in pixels of ``picture``.
        seed: decides which strands turn first.
        white: (3,), the light of a white surface, see `white_light`; by default it is found in ``picture``.
        draws_strands: draw strands where the hair shows none; stubble and brows show them.

    Returns:
        (H, W, 3), 0 to 255, uint8 if the picture is, else float32; where ``weight`` is 0 the picture as it was.
    """
    result = picture.copy() if picture.dtype == np.uint8 else np.array(picture, np.float32)
    columns, rows = (np.flatnonzero(weight.max(axis=axis, initial=0.0) > _LEAST_WEIGHT) for axis in (0, 1))
    if amount <= 0.0 or len(rows) == 0:
        return result
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if white is None:
        white = white_light(picture, landmarks)
    part, mask = picture[top:bottom, left:right], np.asarray(weight[top:bottom, left:right], np.float32)
    points = np.asarray(landmarks, np.float64) - (left, top)
    grey = np.asarray(white, np.float32) * np.float32(_GREY)
    maps, centre = _plan(part, mask, amount, points, seed, float(luminance(grey)))
    skin = SkinColour.of(picture, landmarks)
    for start, stop in strips(mask.shape):
        here = mask[start:stop] > _LEAST_WEIGHT
        slow, turned, drawn, near, head = (enlarge(values, mask.shape, (start, stop))[here] for values in maps)
        light = to_linear(part[start:stop][here])
        if skin is not None:
            above = _log(luminance(light), float(luminance(grey))) - np.minimum(slow, centre + _OWN_SHADING)
            turned *= 1.0 - head * ramp(above - _MORE_AWAY * (1.0 - near), _SHOWS) * skin.likeness(light)
        turned *= mask[start:stop][here]
        changed = to_srgb(_turn(light, slow, drawn if draws_strands else 0.0 * drawn, turned, centre, grey))
        if result.dtype == np.uint8:
            changed = np.rint(changed).astype(np.uint8)
        result[top + start : top + stop, left:right][here] = changed
    return result


def _turn(
    light: FloatArray, slow: FloatArray, drawn: FloatArray, turned: FloatArray, centre: float, grey: FloatArray
) -> npt.NDArray[np.float32]:
    """Return light (N, 3) with its colour gone and its luminance raised, as far as ``turned`` (N,) says.

    ``slow`` is the shading of the hair and ``centre`` its mean, in log light relative to that of ``grey``, the linear
    RGB of grey hair.
    """
    level = float(luminance(grey))
    bright = luminance(light)
    logs = _log(bright, level)
    strand = logs - slow
    goal = float(np.log(_WHITE / _GREY))
    # Dark hair goes most of the way to grey; hair that is as light as grey goes a little on towards white.
    rise = _RISE * max(-centre, 0.0) + _ON * min(max(goal - max(centre, 0.0), 0.0), goal)
    shade = np.clip(slow - centre, -1.5, 1.5)
    rise = np.clip(rise - np.where(shade < 0.0, _FLATTEN[0], _FLATTEN[1]) * shade, 0.0, _MOST)
    # What is brighter than the strands around is gloss, or what shows from behind: it gains less light the brighter it
    # is, but never so little that two strands become one, and none is made darker.
    gloss = np.maximum(strand, 0.0)
    gain = np.maximum(rise + drawn - (gloss - _GLOSS * np.log1p(gloss / _GLOSS)), 0.0)
    raised = bright * np.exp(gain)
    raised = np.minimum(raised, np.maximum(bright, np.float32(level * _WHITE / _GREY)))
    shown = np.float32(level) * np.exp(slow) / np.maximum(bright, np.float32(1e-6))
    lost = (_COLOUR * np.minimum(1.0, shown * np.float32(np.exp(_GLOSS_TOP))))[..., None]
    least = np.float32(_LEAST) * grey
    own = (light + least) / (bright[..., None] + np.float32(_LEAST * level))
    tone = own * (1.0 - lost) + grey / np.float32(level) * lost
    # Grey strands and those that are not yet lie side by side: their light adds up.
    turned = turned[..., None]
    return light * (1.0 - turned) + tone * raised[..., None] * turned


def _log(bright: FloatArray, grey: float) -> npt.NDArray[np.float32]:
    return np.log(np.asarray(bright, np.float32) / np.float32(max(grey, 1e-5)) + np.float32(_LEAST))


def _plan(
    part: npt.NDArray, mask: FloatArray, amount: float, landmarks: FloatArray, seed: int, grey: float
) -> tuple[tuple[npt.NDArray[np.float32], ...], float]:
    """Find on a reduced copy what `_turn` needs.

    These are the slow light of the hair, how far each strand turns grey, drawn strands, what is near skin, and the
    head; and then the mean of the light.

    Black hair often shows no strands in a photo; grey hair that shows none looks like clay, so there they are drawn.
    """
    eyes = eye_distance(landmarks)
    shrink = min(1.0, _MOTTLE_EYES / eyes)
    size = (max(4, round(mask.shape[1] * shrink)), max(4, round(mask.shape[0] * shrink)))
    small = to_linear(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    share = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    eyes = eyes * size[0] / mask.shape[1]
    values = _log(luminance(small), grey)
    sure = np.maximum(np.clip(2.0 * share - 1.0, 0.0, 1.0) ** 2, np.where(share == share.max(), np.float32(1e-3), 0.0))
    centre = float((values * sure).sum() / sure.sum())
    # Where the hair thins out, the shading is that of the hair nearby, and not of what is behind it.
    slow = np.full(values.shape, centre, np.float32)
    for width in (4.0 * _SLOW * eyes, _SLOW * eyes):
        slow = (blur(values * sure, width) + _PRIOR * slow) / (blur(sure, width) + _PRIOR)
    # Blond hair turns grey unnoticed: colour that is lost there would only show where the map of the hair ends.
    lights = float(np.percentile(values[sure > 0.5], 85)) if (sure > 0.5).any() else centre
    amount *= float(np.interp(lights, _BLOND, (1.0, _GREY_OF_BLOND)))
    points = (np.asarray(landmarks) + 0.5) * (size[0] / mask.shape[1]) - 0.5
    bias = _first_places(points, size)
    strand = values - slow
    noise = strand_noise(strand, share, eyes, seed)
    order = strand_order(strand, noise, share, eyes, seed)
    reach = amount * (1.0 + _BLEND) + bias * amount * (1.0 - amount)
    single = np.clip((reach - order) / _BLEND, 0.0, 1.0)
    # A pixel shows more strands than one, the more the smaller the face: part of the grey is spread evenly.
    alone = _SINGLE * min(1.0, eyes / _STRANDS_SHOW)
    turned = alone * single + (1.0 - alone) * np.clip(reach / (1.0 + _BLEND), 0.0, 1.0)
    seen = blur(np.square(strand) * sure, _SLOW * eyes) / (blur(sure, _SLOW * eyes) + np.float32(_PRIOR))
    drawn = np.sqrt(np.maximum((_CONTRAST * min(1.0, eyes / _STRANDS_SHOW)) ** 2 - seen, 0.0)) * noise
    near = _near_skin(points, values.shape, eyes)
    head = np.maximum(np.minimum(near, 1.0), head_without_hair(points, values.shape))
    return tuple(one.astype(np.float32) for one in (slow, turned, drawn, near, head)), centre


def _near_skin(landmarks: FloatArray, shape: tuple[int, ...], eyes: float) -> npt.NDArray[np.float32]:
    """Draw the face and its neck, with what is close to them, softly; (H, W), 1, on the neck `_BELOW_JAW`."""
    down = landmarks[8] - landmarks[27]
    lower = landmarks[5:12] + _NECK * eyes * down / max(float(np.linalg.norm(down)), 1e-6)
    face = hull(face_outline(landmarks), shape, _NEAR * eyes)
    neck = hull(np.vstack([landmarks[5:12], lower]), shape, 0.0) - hull(landmarks[:17], shape, 0.0)
    return blur(np.maximum(face, np.float32(_BELOW_JAW) * neck), _NEAR_SOFT * eyes)


def _first_places(landmarks: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return where hair turns grey earlier: more at the temples and sides, less at the crown; (H, W), -0.3 to 0.5."""
    matrix = patch_matrix(landmarks)
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    places = np.stack([columns, rows], axis=2) @ matrix[:, :2].T + matrix[:, 2]
    across, down = np.abs(places[..., 0] - 95.5) / 32.0, (places[..., 1] - 92.0) / 32.0
    side = np.clip((across - 0.7) / 0.6, 0.0, 1.0) * np.clip((1.2 - np.abs(down + 0.3)) / 0.8, 0.0, 1.0)
    crown = np.clip((-down - 1.2) / 0.8, 0.0, 1.0)
    return (0.5 * side - 0.3 * crown).astype(np.float32)
