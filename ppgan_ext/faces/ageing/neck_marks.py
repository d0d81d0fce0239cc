"""What age brings to a neck: lines across it, bands from the chin to the collar, crepey skin, an uneven tone.

All is drawn on the neck's frame, from the neck's own middle and width and a seed, as log light, so it looks alike on
dark and pale skin. Places and shapes follow what 46 portraits of people over 55 show; depths, the light of their necks.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.marks import Marks, tone_factor
from ppgan_ext.faces.ageing.neck import Neck
from ppgan_ext.faces.ageing.shine import Shine
from ppgan_ext.faces.ageing.skin_change import taken_colour
from ppgan_ext.faces.head import bands
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.light import to_linear
from ppgan_ext.types import FloatArray

# Lines across: distance below the chin in the middle, half their extent in half widths of the neck, depth.
_LINES = ((0.27, 1.15, 0.38), (0.50, 1.30, 0.50), (0.76, 1.20, 0.42), (0.38, 0.5, 0.28), (0.63, 0.5, 0.28))
_LINE_WIDTH = 0.016
_LEAST_WIDTH, _LEAST_SPACING = 0.8, (2.5, 5.0)  # pixels of lines and between folds
# A valley across the neck: weight, width and distance below its bottom of Gaussians, in widths of the line.
_VALLEY = ((-1.0, 0.75, 0.0), (-0.42, 2.6, -1.4), (0.36, 1.6, 2.4), (0.26, 4.5, 5.0))
_SAG = 0.20  # how much lower a line lies in the middle than at the sides
# Bands of slack skin on either side: distance from the middle at the chin and a head's length below, in half widths of
# the neck; how far down they reach; strength.
_BANDS = ((0.46, 0.10, (0.75, 1.10), 1.0), (0.80, 0.52, (0.65, 1.00), 0.55))
# A band: weight, width and distance outwards of Gaussians, in half widths of the neck: its lit back, the sharp foot
# inside, the soft one outside.
_BAND = ((0.16, 0.075, 0.0), (-0.32, 0.033, -0.09), (-0.30, 0.085, 0.16))
_HOLLOW = -0.46  # log light between the inner bands, where it is darkest
# What is alike over such a length along a neck is a band; so far from the middle, in half widths, the deviation of
# their log light is 0.083 in young necks, by the median, and 0.125 in old ones; share of new bands for such deviations.
_ALONG, _INNER, _OWN_BANDS = 0.12, 0.8, ((0.10, 0.16), (1.0, 0.4))
# Crepe: spacing of folds across, how much longer they are, depth, the band that tells how sharp the photo is there.
_CREPE = ((0.075, 2.6, 0.09, 2), (0.036, 2.2, 0.22, 1), (0.018, 1.8, 0.26, 0))
_BENDS, _BENT = 0.32, (0.035, 0.011)  # size of random bends; how far they go aside, and up and down
_RIDGE = 0.38  # deviations of the noise that are a fold
_LIT_SIDE, _MEAN = 0.45, 0.26  # light on the lower side of a fold, as a share of its depth; mean of all folds
_ON_DARK = 1.4  # power of the face's factor for dark skin: most of a neck lies in shade, where marks show less
_TONE = (-0.06, 1.8, 1.0)  # log light, a*, b*
_BLOTCHES = (0.035, 1.5)  # log light, a*
_OWN = (0.0, 0.40, 0.60, 0.6, 0.40)  # share of the neck's own valleys, by band, by which they are deepened
_OWN_DEEPEST = 0.14
_DARKEST, _BRIGHTEST = 0.42, 0.14  # log light
_CHEST, _ON_CHEST = (0.75, 1.15), 0.45  # below the chin, where lines of the neck end; share of crepe beyond
# Deviations of the light of young necks in bands 0 to 2, medians of 65; exponent and bounds of the factor for others.
# In 37 necks of over 55 years they are 1.7, 1.7 and 1.65 times as large.
_USUAL, _CONTRAST = (0.040, 0.024, 0.025), (0.7, 0.35, 1.5)
_SHINE = 0.015  # of a head's length, over which is told where skin shines
_LIT, _LIT_STAYS = (0.0, 22.0), 0.8  # L* above the neck's over which folds become less bright; share that is not drawn
_OF_OLD = (0.4, 0.9), (0.55, 1.0)  # share of all that is drawn, by `deepest`


class _Places(NamedTuple):
    """Where each pixel of a frame is on the neck, (H, W).

    Attributes:
        across: distance from the middle, in half widths.
        down: below the chin, in lengths of the neck.
        level: the same, as lines across the neck run.
    """

    across: npt.NDArray[np.float32]
    down: npt.NDArray[np.float32]
    level: npt.NDArray[np.float32]


def foresee_neck(neck: Neck, seed: int) -> Marks:
    """Work out what age will bring to a neck, at a strength of 1; the seed decides which lines."""
    rng = np.random.default_rng([seed, 11])
    noise = _noise(rng)
    places = _bent(_places(neck), noise)
    on_neck = 1.0 - ramp(places.down, _CHEST)
    separated = bands.split(bands.log_light(to_linear(neck.picture), neck.level), neck.skin, neck.scale, len(_OWN))
    contrasts = [_contrast(band, neck.skin, usual) for band, usual in zip(separated, _USUAL, strict=False)]
    light = contrasts[2] * on_neck * _lines(places, neck.scale, rng)
    light += _room_for_bands(separated[3] + separated[4], neck, places) * on_neck * _bands(places, rng)
    light += (_ON_CHEST + (1.0 - _ON_CHEST) * on_neck) * _crepe(neck, places, noise, contrasts)
    patches = _sampled(noise, places.across * np.float32(neck.half_width / neck.scale / 0.8), places.down / 0.8)
    light += _TONE[0] - _BLOTCHES[0] * patches + _own_lines(separated)
    shine = Shine.of(neck.picture, neck.skin, _SHINE * neck.scale)
    light = shine.limited(tone_factor(neck.reflectance) ** _ON_DARK * light)
    light = np.where(light > 0, light * _unlit(neck), light)
    colour = np.dstack([_TONE[1] + _BLOTCHES[1] * patches, np.full_like(patches, _TONE[2])])
    colour *= np.float32(taken_colour(neck.picture, neck.skin))
    colour += shine.uncovered(light)
    return Marks(np.asarray(light * neck.skin, np.float32), np.asarray(colour * neck.skin[..., None], np.float32))


def older_neck(prospect: Marks, strength: float, deepest: float) -> Marks:
    """Draw so much of what age brings, limited so that no line looks like a scratch.

    Args:
        prospect: of `foresee_neck`.
        strength: share of the change from 25 to 75 years.
        deepest: share of new marks that appears where there are as many already; small for an old face.
    """
    strength *= float(np.interp(deepest, *_OF_OLD))
    change = strength * prospect.light
    dark, bright = _DARKEST * np.tanh(change / _DARKEST), _BRIGHTEST * np.tanh(change / _BRIGHTEST)
    return Marks(np.where(change < 0, dark, bright).astype(np.float32), (strength * prospect.colour).astype(np.float32))


def _places(neck: Neck) -> _Places:
    height, width = neck.skin.shape
    down = ((np.arange(height, dtype=np.float32) - np.float32(neck.chin[1])) / np.float32(neck.length))[:, None]
    start, lean = neck.middle
    middle = start + lean * down * neck.length
    # The bands hang from the chin, wherever it has turned to, and run to the middle of the collar.
    top = np.clip(1.0 - down / 0.6, 0.0, 1.0) * 0.5
    middle = middle + top * (float(neck.chin[0]) - middle)
    across = (np.arange(width, dtype=np.float32)[None, :] - middle) / np.float32(neck.half_width)
    across = across.astype(np.float32)
    level = down - _SAG * (1.0 - np.minimum(across * across, 2.0))
    return _Places(across, np.broadcast_to(down, across.shape), level.astype(np.float32))


def _bent(places: _Places, noise: FloatArray) -> _Places:
    """Bend the places a little, so that nothing on the neck is drawn with a ruler."""
    x, y = places.across / _BENDS, places.down / _BENDS
    aside, along = (_sampled(noise, x + shift, y + shift) for shift in (7.0, 23.0))
    return _Places(
        places.across + np.float32(_BENT[0]) * aside, places.down, places.level + np.float32(_BENT[1]) * along
    )


def _lines(places: _Places, scale: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    result = np.zeros(places.level.shape, np.float32)
    for at, extent, depth in _LINES:
        centre, tilt = rng.uniform(-0.45, 0.45), rng.uniform(-0.05, 0.05)
        at, extent = at - _SAG + rng.uniform(-0.07, 0.07), extent * rng.uniform(0.5, 1.1)
        depth, wanted = depth * rng.uniform(0.15, 1.1), _LINE_WIDTH * rng.uniform(0.7, 1.1)
        # What is narrower than a pixel is as dark as its share of it.
        width = max(wanted, _LEAST_WIDTH / scale)
        depth *= wanted / width
        along = np.clip((places.across - centre) / extent, -1.0, 1.0)
        bend = _wave(places.across, rng, 0.014) + tilt * places.across
        uneven = 0.75 + 0.5 * _wave(places.across, rng, 1.0)
        away = (places.level - np.float32(at) - bend) / np.float32(width)
        near = np.abs(away) < 16
        profile = np.zeros_like(result)
        profile[near] = _sum_of_gaussians(away[near], _VALLEY)
        result += np.float32(depth) * (1.0 - along * along) ** 0.8 * np.clip(uneven, 0.2, 1.3) * profile
    return result


def _bands(places: _Places, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw bands of slack skin from the chin towards the collar, and the hollow between the inner two."""
    result = np.zeros(places.level.shape, np.float32)
    way = np.clip(places.down, 0.0, 1.2)
    for number, (top, bottom, ends, strength) in enumerate(_BANDS):
        for side in (-1.0, 1.0):
            end, amount = rng.uniform(*ends), strength * rng.uniform(0.6, 1.15)
            first, last = top * rng.uniform(0.75, 1.2), bottom * rng.uniform(0.5, 1.7)
            at = last + (first - last) * np.square(np.clip(1.0 - 0.9 * way, 0.0, 1.0)) + _wave(way, rng, 0.02)
            outwards = side * places.across - at
            result += np.float32(amount) * _band(outwards / (1.25 - 0.6 * way / end), way, end, rng)
            if number == 0:
                inside = ramp(-outwards, (0.02, 0.13)) * ramp(side * places.across, (-0.06, 0.06))
                fade = ramp(way, (0.0, 0.15)) * (1.0 - ramp(way, (0.35 * end, 0.95 * end)))
                result += np.float32(amount * _HOLLOW) * fade * inside * (1.0 - 0.5 * ramp(-outwards, (0.1, 0.5)))
    return result


def _band(outwards: FloatArray, way: FloatArray, end: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw a band, uneven along its way and fading towards its end."""
    band = np.zeros(outwards.shape, np.float32)
    for part in _BAND:
        fade = ramp(way, (0.0, rng.uniform(0.1, 0.3))) * (1.0 - ramp(way, (end - rng.uniform(0.3, 0.5), end)))
        uneven = np.clip(0.9 + _wave(5.0 * way, rng, 0.45), 0.2, 1.4)
        band += fade * uneven * _sum_of_gaussians(outwards, (part,))
    return band


def _sum_of_gaussians(away: FloatArray, parts: tuple[tuple[float, float, float], ...]) -> npt.NDArray[np.float32]:
    total = np.zeros(away.shape, np.float32)
    for weight, width, at in parts:
        total += np.float32(weight) * np.exp(np.float32(-0.5) * np.square((away - np.float32(at)) / np.float32(width)))
    return total


def _wave(along: FloatArray, rng: np.random.Generator, size: float) -> npt.NDArray[np.float32]:
    """Return a smooth random curve over ``along``, of about so much deviation."""
    total = np.zeros(along.shape, np.float32)
    for frequency in (1.3, 2.9, 6.1):
        phase = rng.uniform(0.0, 2 * np.pi)
        total += np.float32(size / frequency**0.7) * np.sin(np.float32(frequency) * along + np.float32(phase))
    return total


def _noise(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return smooth noise that repeats, (256, 256), with a grain of about 4 pixels, mean 0 and deviation 1."""
    values = rng.standard_normal((256, 256)).astype(np.float32)
    wide = cv2.copyMakeBorder(values, 16, 16, 16, 16, cv2.BORDER_WRAP)
    smooth = cv2.GaussianBlur(wide, (0, 0), 2.0)[16:-16, 16:-16]
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def _sampled(noise: FloatArray, x: FloatArray, y: FloatArray) -> npt.NDArray[np.float32]:
    """Read repeating noise whose grain is 1 wide, at places (H, W)."""
    side = np.float32(len(noise))
    x, y = (np.mod(np.float32(6.0) * values, side).astype(np.float32) for values in (x, y))
    return cv2.remap(noise, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _room_for_bands(coarse: FloatArray, neck: Neck, places: _Places) -> float:
    """Return how much of new bands appears: fewer where a neck has tendons and folds along it already.

    Args:
        coarse: (H, W), the neck's own light, what is as wide as bands.
        neck: the neck.
        places: in its frame.
    """
    weight = neck.skin * (np.abs(places.across) < _INNER) * (places.down < 1.0)
    along, values = _ALONG * neck.scale, np.clip(coarse, -0.4, 0.4)
    total, mean = (cv2.GaussianBlur(one, (0, 0), sigmaX=0.6, sigmaY=along) for one in (weight, values * weight))
    energy = float((np.square(mean / (total + np.float32(0.05))) * weight).sum() / (float(weight.sum()) + 1.0))
    return float(np.interp(np.sqrt(energy), *_OWN_BANDS))


def _crepe(neck: Neck, places: _Places, noise: FloatArray, contrasts: list[float]) -> npt.NDArray[np.float32]:
    """Draw folds of slack skin: a net of fine valleys, longer across the neck than high."""
    x = places.across * np.float32(neck.half_width / neck.scale)
    level = places.level
    total = np.zeros(x.shape, np.float32)
    for number, (spacing, longer, depth, band) in enumerate(_CREPE):
        grain = _sampled(noise, x / (spacing * longer) + 31.0 * number, level / spacing)
        lower = _sampled(noise, x / (spacing * longer) + 31.0 * number, level / spacing - 0.22)
        valley, below = (np.exp(-np.square(values / _RIDGE)) for values in (grain, lower))
        depth *= contrasts[band] * float(ramp(np.float32(spacing * neck.scale), _LEAST_SPACING))
        total += np.float32(depth) * (np.float32(_LIT_SIDE) * below - valley + np.float32(_MEAN * (1.0 - _LIT_SIDE)))
    patchy = np.clip(0.7 + 0.5 * _sampled(noise, x / 0.3 + 3.0, places.down / 0.3 + 5.0), 0.1, 1.4)
    return np.asarray(total * patchy, np.float32)


def _unlit(neck: Neck) -> npt.NDArray[np.float32]:
    """Return how far each place may become brighter: what is lit already shines where it does."""
    lightness = cv2.cvtColor(neck.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[..., 0]
    lightness = bands.blur(lightness, 0.03 * neck.scale)
    return np.asarray(1.0 - _LIT_STAYS * ramp(lightness - np.median(lightness[neck.skin > 0.5]), _LIT), np.float32)


def _own_lines(separated: FloatArray) -> npt.NDArray[np.float32]:
    """Return the lines that the neck has, to be made deeper, from its light by bands."""
    lines = np.zeros(separated.shape[1:], np.float32)
    for share, band in zip(_OWN, separated, strict=True):
        if share:
            lines += np.float32(share * _OWN_DEEPEST) * np.tanh(np.minimum(band, 0.0) / np.float32(_OWN_DEEPEST))
    return lines


def _contrast(band: FloatArray, skin: FloatArray, usual: float) -> float:
    """Return the factor for photos that are rougher, smoother or less sharp than usual, by a band of the neck."""
    exponent, least, most = _CONTRAST
    energy = float((np.clip(band, -0.2, 0.2) ** 2 * skin).sum() / max(float(skin.sum()), 1.0))
    return float(np.clip((np.sqrt(energy) / usual) ** exponent, least, most))
