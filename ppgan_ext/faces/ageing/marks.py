"""The marks of age on skin, as a change of light and colour: folds, bags, wrinkles, lines, mottling.

Three sources are added, all in log light. The mean marks of old faces against young ones, in the manner of Burt and
Perrett (Perception of age in adult Caucasian male faces, Proc. R. Soc. B 259, 1995), with the ways in which old faces
differ drawn at random. Wrinkles that follow the directions of old faces' wrinkles (`creases`). And the lines that the
face has already, deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.creases import CreaseField, draw_creases
from ppgan_ext.faces.ageing.jowls import draw_jowls
from ppgan_ext.faces.ageing.lids import lit_lids
from ppgan_ext.faces.ageing.lips import pale_lips
from ppgan_ext.faces.ageing.model import VARIED_BANDS, AgeingModel
from ppgan_ext.faces.ageing.shine import Shine
from ppgan_ext.faces.ageing.skin_change import taken_colour
from ppgan_ext.faces.ageing.skin_view import SkinView
from ppgan_ext.faces.ageing.spots import Spots, draw_spots, place_spots
from ppgan_ext.faces.ageing.strength import Strength
from ppgan_ext.faces.ageing.turned_cheek import stretched
from ppgan_ext.faces.head import bands, parts
from ppgan_ext.faces.head.beard import beard_outlines
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.types import FloatArray

_VARIED = 0.25  # share of the standard deviation that differs between faces at random
_CREASES = 1.6  # wrinkles are drawn so many times as deep as they are on average
_OWN = (0.5, 1.0, 1.0, 0.5)  # how much deeper the face's own valleys become, by band
_OWN_SHARE = 0.6
_OWN_DEEPEST = 0.12  # log light, so that the edge of a shadow does not count as a wrinkle
_OWN_NOISE = 0.01
_BY_BAND = (0.7, 1.15, 1.35, 1.55, 1.6, 2.4)
_FROWN = 0.4  # how much stronger they are between the brows
# Limits of the change in log light: ridges that are brighter look embossed.
_DARKEST = 0.65
_BRIGHTEST = 0.24
# Where the skin is dark, the photo rough and age brought forward as well, marks would be so strong that nothing but
# their limits was drawn, dark flakes beside bright ones: bounds of all factors together, and of the limits.
_MOST_FOLDS, _MOST_WRINKLES, _MOST_DARK, _MOST_BRIGHT = 2.6, 3.4, 0.9, 0.4
_MOST_COLOUR = 3.0  # of a* and b*
# Rough photos (hard light, much sharpening) need deeper wrinkles: contrast of band 2 of a usual young face, and the
# exponent and bounds of the factor.
_USUAL_CONTRAST = 0.05
_CONTRAST = (1.0, 0.8, 3.2)
# Fine structure may grow to so many times that of the photo: lines as deep as elsewhere look scratched into soft skin.
_ROUGHEST = 2.2
_ROUGHEST_DARK, _DARK_TONE = 1.4, 1.6  # on dark skin, see `Prospect.tone`, where they look like soot
_ON_HIGHLIGHTS = 0.15  # share of wrinkles that is drawn where a lamp is mirrored
_LEAST_FINE = 0.35  # share of it that stays
_SURE_SKIN, _OWN_MOST = 0.95, 0.15  # where the photo's is looked at; deeper, in log light, are edges of hair and shine
# The same change of log light is seen less on dark skin, whose lightness (CIE L*) it changes less, by the cube root of
# the light: reflectance of skin on which the model was measured, exponent, and the largest factor. The texture of dark
# skin, which is shine, hides fine marks again: in old dark faces they are 1.8 times as strong as in old pale ones.
_TONE = (0.30, 1.0 / 3.0, 1.8)
_HIGHLIGHT = 24.0  # so much lighter than the skin, in L*, are highlights, which do not become brighter
_BLOWN, _IN_BLOWN = 0.5, np.float32(0.6)  # what is left of `_unlit` there, and share of a darker change that is lost
_SHINE = 0.015  # of the eyes' distance, over which is told where skin shines
_NOSE_STAYS = 0.75  # the nose keeps its colour: there is much shine on it
_GRAIN = (0.004, 0.010)  # of the eyes' distance, between which the grain of the skin lies
_PORES = 0.036  # root mean square in log light
# Mottling: widths between which it lies, of the eyes' distance, and deviations of a* and b*. They are what the results
# lacked of 40 faces beyond 60 years, whose colours differ 1.3 to 1.6 times as much at these widths as young ones do.
_MOTTLED = ((0.016, 0.032, (0.45, 0.55)), (0.032, 0.064, (0.40, 0.80)))
_NEIGHBOURHOOD = 0.12  # of the eyes' distance, over which existing wrinkles are compared with new ones
_PATCH = 0.16  # of the eyes' distance: size of the places with more and with fewer wrinkles
_PATCHINESS = 0.35
# Younger: how much of the face's own structure goes, by band, and how much of what is brighter.
_SMOOTHED = (0.2, 0.5, 0.75, 0.7, 0.35)
_SMOOTHED_RIDGES = 0.6
_SMOOTHED_COLOUR = 0.9
_MOST_SMOOTHED = 8.0  # of a* and b*: the bottom of a fold is redder than the skin around
_FILLED = 0.7  # share of the coarse folds that is taken back
_MOST_FILLED = 0.12  # log light
_BLOTCHES = (0.012, 0.10)  # of the eyes' distance, between which blotches lie
_COARSE = 3  # bands from here on fade out well inside the outline: no plate with an edge
_COARSE_CONTRAST = 1.25  # of these, the largest factor for rough photos: more looks like soot
# Log light of these together, at most; how much less of it by the log light of the face's own slow shade, and at least.
_DEEPEST_HOLLOW, _IN_SHADE, _LEAST_IN_SHADE = 0.5, 2.0, 0.3
_DEEPEST_WRINKLE = 0.16  # log light
_ROUGH_BEARS = 0.6  # limits of rough photos grow by this power of their factor
_COARSE_OF_OLD = 0.5  # share of these that an old face gets
_FORWARD = 0.8  # how much stronger marks become, at most, where they are brought forward
_LIT_LIDS = 0.25  # log light
# How much weaker they are on a cheek that is stretched, see `turned_cheek`: strokes there read as scars.
_STRETCHED_JOWLS, _STRETCHED_WRINKLES = np.float32(0.8), np.float32(0.4)
_LIMITED_BANDS = 4  # bands in which what the face has already leaves less room for more


@dataclass(frozen=True)
class Marks:
    """A change of a face in the frame: log light (H, W), and colour (H, W, 2) in a* and b*."""

    light: npt.NDArray[np.float32]
    colour: npt.NDArray[np.float32]


class Prospect(NamedTuple):
    """What age will bring to a face, at a strength of 1; (H, W) each unless stated.

    Attributes:
        folds: (6, H, W), bands of log light.
        colour: (H, W, 2), change of a* and b*.
        wrinkles: log light, where there is skin.
        lines: log light: what the face has already, deeper, and the grain of old skin.
        unlit: how far each place may become brighter; highlights not.
        contrast: factor for photos that are rougher or smoother than usual.
        costly: how far marks can be held back, see `parts.held_places`.
        tone: factor for dark skin, from 1.
        spots: age spots, see `spots.place_spots`.
        jowls: log light, see `jowls.draw_jowls`.
        lids: where upper lids catch the light, see `lids.lit_lids`.
        tint: (H, W, 2), change of a* and b* of the lips, and the skin's mottling.
        shine: where the skin has lost its colour to light.
    """

    folds: npt.NDArray[np.float32]
    colour: npt.NDArray[np.float32]
    wrinkles: npt.NDArray[np.float32]
    lines: npt.NDArray[np.float32]
    unlit: npt.NDArray[np.float32]
    costly: npt.NDArray[np.float32]
    contrast: float
    tone: float
    spots: Spots
    jowls: npt.NDArray[np.float32]
    lids: npt.NDArray[np.float32]
    tint: npt.NDArray[np.float32]
    shine: Shine


def foresee(view: SkinView, model: AgeingModel, femininity: float, seed: int) -> Prospect:
    """Work out what age will bring to a face.

    Args:
        view: the face.
        model: what is known of old faces.
        femininity: 0 male, 1 female.
        seed: decides which wrinkles and how the marks vary.
    """
    size, shape = view.placement.frame_size, view.skin.shape
    marks = [_resize(one, size) for one in _varied(model, femininity, seed)]
    soft = view.weight * parts.inner(view.placement.frame_landmarks, shape)
    frown = np.float32(1.0 + _FROWN * parts.between_brows(view.placement.frame_landmarks, shape))
    folds = np.stack(
        [
            share * one * frown * (view.weight if number < _COARSE else soft)
            for number, (share, one) in enumerate(zip(_BY_BAND, marks, strict=False))
        ]
    )
    lids = view.skin * lit_lids(view.placement.frame_landmarks, shape)
    near = stretched(view.placement)
    jowls = soft * draw_jowls(view.placement.frame_landmarks, shape, seed) * (1.0 - _STRETCHED_JOWLS * near)
    weight = view.weight * (1.0 - _NOSE_STAYS * parts.nose(view.placement.frame_landmarks, shape))
    # Old men of the photos have less black stubble than young ones: the colour that the map has there is not skin's.
    stubble = np.maximum.reduce([*beard_outlines(view.placement.frame_landmarks, shape).values()])
    weight = weight * (1.0 - np.float32(1.0 - femininity) * stubble)
    paler, less_red = pale_lips(view)
    taken = np.float32(taken_colour(view.picture, view.skin))
    colour = taken * np.dstack(marks[6:]) * weight[..., None]
    tint = less_red + taken * view.skin[..., None] * _mottling(view, seed)
    lines = view.skin * (_own_lines(view) + _pores(view, seed)) + paler
    white = max(float(luminance(white_light(view.picture, view.placement.frame_landmarks))), 1e-4)
    unlit = _unlit(view, white)
    # A highlight is smooth skin that reflects a lamp; a wrinkle breaks it up softly.
    wrinkles = view.skin * (_ON_HIGHLIGHTS + (1.0 - _ON_HIGHLIGHTS) * unlit) * _wrinkles(view, model, femininity, seed)
    wrinkles *= 1.0 - _STRETCHED_WRINKLES * near
    tone = tone_factor(view.skin_light / white)
    costly = parts.held_places(view.placement.frame_landmarks, shape)
    return Prospect(
        folds, colour, wrinkles.astype(np.float32), lines.astype(np.float32), unlit, costly, _contrast(view), tone,
        place_spots(view, tone, seed), jowls.astype(np.float32), lids, tint,
        Shine.of(view.picture, view.skin, _SHINE * view.placement.eyes),
    )  # fmt: skip


def older(view: SkinView, prospect: Prospect, amounts: Strength, held: float = 0.0) -> Marks:
    """Draw the marks of age.

    Args:
        view: the face.
        prospect: what age will bring to it.
        amounts: how strong marks and wrinkles are.
        held: how far folds are held back where they cost most likeness, see `parts.held_places`, 0 to 1.
    """
    deepest, forward = amounts.deepest, amounts.forward
    # An old face is rough by its wrinkles, which is no reason to draw deeper ones.
    factor = prospect.contrast ** float(np.interp(deepest, (0.4, 0.9), (0.3, 1.0)))
    # Its slow shadows are there as well: more of them look like soot.
    coarse = float(np.interp(deepest, (0.4, 0.9), (_COARSE_OF_OLD, 1.0)))
    ahead = np.float32(1.0 + _FORWARD * forward * parts.cheap_places(prospect.costly))
    kept = np.float32(1.0) - np.float32(max(held, 0.0)) * prospect.costly
    change, hollows = amounts.wrinkles * prospect.tone * prospect.lines, np.zeros(view.skin.shape, np.float32)
    stronger = _bounded(prospect.tone**2 * factor * ahead, _MOST_FOLDS)
    for number, fold in enumerate(prospect.folds):
        fine = number < _COARSE
        slow = prospect.tone * coarse * min(factor, _COARSE_CONTRAST) * ahead
        band = amounts.marks * (stronger if fine else slow) * fold
        drawn = change if fine else hollows
        drawn += kept * (band * _room(band, view.bands[number], view, deepest) if number < _LIMITED_BANDS else band)
    # Where bags and hollows of several sizes meet in the shade, beside the nose's bridge, they would add up to stains.
    shade = np.clip(1.0 + _IN_SHADE * view.bands[_COARSE:].sum(axis=0), _LEAST_IN_SHADE, 1.0)
    most = np.float32(_DEEPEST_HOLLOW) * shade
    change += np.where(hollows < 0, most * np.tanh(hollows / most), hollows)
    change += _sagging(view, prospect, amounts, ahead)
    wrinkles = amounts.wrinkles * _bounded(factor * prospect.tone**2 * ahead**2, _MOST_WRINKLES) * prospect.wrinkles
    wrinkles = _without_scratches(wrinkles, view, ahead * np.float32(prospect.tone * max(factor, 1.0) ** _ROUGH_BEARS))
    change += wrinkles * _room(wrinkles, view.bands[1] + view.bands[2], view, deepest)
    change = _limited(change, ahead, factor, prospect.tone)
    # Where a lamp leaves no colour, a dark line would be grey.
    blown = np.float32(1.0) - _IN_BLOWN * np.clip(1.0 - prospect.unlit / np.float32(_BLOWN), 0.0, 1.0)
    change *= np.where(change > 0, prospect.unlit, blown)
    change = _in_proportion(change, view, prospect.tone)
    colour = np.clip(amounts.wrinkles * prospect.tone * prospect.colour, -_MOST_COLOUR, _MOST_COLOUR)
    spots = draw_spots(prospect.spots, amounts.wrinkles, view.skin)
    colour = colour + amounts.wrinkles * prospect.tint + spots[1]
    light = prospect.shine.limited(change + spots[0])
    colour = prospect.shine.darker[..., None] * colour + prospect.shine.uncovered(light)
    return Marks(light, colour.astype(np.float32))


def _sagging(view: SkinView, prospect: Prospect, amounts: Strength, ahead: FloatArray) -> npt.NDArray[np.float32]:
    """Draw the folds in front of jowls, where there is room, and the light on upper lids.

    They are not deeper on dark skin: lines beside the mouth would read as scratches.
    """
    jowls = amounts.wrinkles * ahead * prospect.jowls
    jowls = jowls * _room(jowls, view.bands[2] + view.bands[3], view, amounts.deepest)
    return np.asarray(jowls + _LIT_LIDS * amounts.deepest * amounts.wrinkles * prospect.lids, np.float32)


def younger(view: SkinView, prospect: Prospect, model: AgeingModel, strength: float, femininity: float) -> Marks:
    """Take marks of age away: the face's own wrinkles and blotches become weaker, and its hollows fill a little.

    Args:
        view: the face.
        prospect: what age would bring to it; its coarse folds are taken back.
        model: what is known of old faces.
        strength: share of the change from 75 to 25 years, positive.
        femininity: 0 male, 1 female.
    """
    eyes = view.placement.eyes
    share = min(1.0, 1.6 * strength)
    # Where old faces have marks, more is taken away.
    typical = bands.blur(_resize(model.crease_depth_of(femininity), view.placement.frame_size), 0.05 * eyes)
    place = np.clip(0.55 + 4.0 * typical, 0.0, 1.0)
    change = np.zeros(view.skin.shape, np.float32)
    for amount, band in zip(_SMOOTHED, view.bands, strict=False):
        change -= share * amount * np.where(band < 0, band, _SMOOTHED_RIDGES * band)
    lab = cv2.cvtColor(view.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[..., 1:]
    fine, coarse = (
        np.dstack([bands.local_mean(lab[..., i], view.skin, width * eyes) for i in (0, 1)]) for width in _BLOTCHES
    )
    colour = -_SMOOTHED_COLOUR * share * view.skin[..., None] * np.clip(fine - coarse, -_MOST_SMOOTHED, _MOST_SMOOTHED)
    filled = _MOST_FILLED * np.tanh(
        _FILLED * strength * prospect.folds[_LIMITED_BANDS - 1 :].sum(axis=0) / _MOST_FILLED
    )
    return Marks((change * place * view.skin - filled).astype(np.float32), colour.astype(np.float32))


def _varied(model: AgeingModel, femininity: float, seed: int) -> npt.NDArray[np.float32]:
    """Return the mean marks with random differences between faces."""
    rng = np.random.default_rng([seed, 1])
    marks = np.array(model.marks_of(femininity))
    variations = model.variations_of(femininity)
    amounts = np.clip(rng.standard_normal(len(variations)), -1.6, 1.6) * _VARIED
    drawn = np.tensordot(amounts.astype(np.float32), variations, axes=1)
    inner = parts.skin_area(model.mean_face, marks.shape[1:])
    for place, band in enumerate(VARIED_BANDS):
        marks[band] += inner * drawn[place]
    return marks


def _wrinkles(view: SkinView, model: AgeingModel, femininity: float, seed: int) -> npt.NDArray[np.float32]:
    """Draw wrinkles, in some places more and in others fewer."""
    eyes, size = view.placement.eyes, view.placement.frame_size
    angle = np.stack([_resize(model.crease_angle[..., i], size) for i in (0, 1)], axis=2)
    field = CreaseField(angle, np.maximum(_resize(model.crease_depth_of(femininity), size), 0.0))
    drawn = _CREASES * draw_creases(field, view.skin, eyes, seed)
    patches = bands.blur(np.random.default_rng([seed, 2]).standard_normal(drawn.shape, np.float32), _PATCH * eyes)
    patches = np.clip(patches / max(float(patches.std()), 1e-6), -1.5, 1.5)
    return np.asarray(drawn * (1.0 + np.float32(_PATCHINESS) * patches), np.float32)


def _own_lines(view: SkinView) -> npt.NDArray[np.float32]:
    """Return the lines that the face has, to be made deeper."""
    lines = np.zeros(view.skin.shape, np.float32)
    for share, band in zip(_OWN, view.bands, strict=False):
        valley = np.minimum(band + _OWN_NOISE, 0.0)
        lines += share * _OWN_DEEPEST * np.tanh(valley / _OWN_DEEPEST)
    return np.float32(_OWN_SHARE) * lines


def _without_scratches(wrinkles: FloatArray, view: SkinView, bears: FloatArray) -> npt.NDArray[np.float32]:
    """Limit how dark wrinkles are: a line much darker than the skin beside it is a scratch.

    Above the eyes, where folds of the forehead and crow's feet are deep, they may be ``bears`` times as dark, (H, W).
    """
    upper = parts.above_eyes(view.placement.frame_landmarks, view.skin.shape)
    deepest = np.float32(_DEEPEST_WRINKLE) * (1.0 + upper * (bears - 1.0))
    return np.where(wrinkles < 0, deepest * np.tanh(wrinkles / deepest), wrinkles).astype(np.float32)


def _pores(view: SkinView, seed: int) -> npt.NDArray[np.float32]:
    """Return the grain of old skin: noise without a direction, finer than lines."""
    eyes = view.placement.eyes
    noise = np.random.default_rng([seed, 3]).standard_normal(view.skin.shape, np.float32)
    grain = bands.blur(noise, _GRAIN[0] * eyes) - bands.blur(noise, _GRAIN[1] * eyes)
    return np.float32(_PORES) * grain / max(float(grain.std()), 1e-6)


def _mottling(view: SkinView, seed: int) -> npt.NDArray[np.float32]:
    """Return the uneven colour of old skin, (H, W, 2) in a* and b*."""
    rng, (height, width) = np.random.default_rng([seed, 7]), view.skin.shape
    total = np.zeros((height, width, 2), np.float32)
    for low, high, deviations in _MOTTLED:
        noise = rng.standard_normal((height, width, 2), np.float32)
        drawn = bands.blur(noise, low * view.placement.eyes) - bands.blur(noise, high * view.placement.eyes)
        total += drawn * (np.array(deviations, np.float32) / np.maximum(drawn.std(axis=(0, 1)), np.float32(1e-6)))
    return total


def _unlit(view: SkinView, white: float) -> npt.NDArray[np.float32]:
    """Return how far each place may become brighter: highlights not."""
    light = bands.blur(luminance(to_linear(view.picture)), 0.02 * view.placement.eyes)
    lighter = _lightness(light / white) - _lightness(np.array(view.skin_light / white))
    return np.clip(1.0 - lighter / _HIGHLIGHT, 0.15, 1.0).astype(np.float32)


def _lightness(share: FloatArray) -> npt.NDArray[np.float64]:
    """Return CIE L* of light as a share of white's."""
    return 116.0 * np.cbrt(np.maximum(share, 0.008856)) - 16.0


def _room(new: FloatArray, existing: FloatArray, view: SkinView, deepest: float) -> npt.NDArray[np.float32]:
    """Return how much of new marks appears: less where the face has as much already."""
    radius = _NEIGHBOURHOOD * view.placement.eyes
    wanted = bands.local_mean(new * new, view.skin, radius)
    there = bands.local_mean(np.clip(existing, -0.25, 0.0) ** 2, view.skin, radius)
    return np.sqrt(np.clip(1.2 - 0.6 * there / (wanted + 1e-5), deepest * deepest, 1.0)).astype(np.float32)


def _contrast(view: SkinView) -> float:
    """Return the factor for photos that are rougher or smoother than usual."""
    exponent, least, most = _CONTRAST
    energy = float((view.bands[2] ** 2 * view.skin).sum() / max(float(view.skin.sum()), 1.0))
    return float(np.clip((np.sqrt(energy) / _USUAL_CONTRAST) ** exponent, least, most))


def tone_factor(reflectance: float) -> float:
    """Return how much stronger marks are on dark skin; ``reflectance`` is its light as a share of white's."""
    usual, exponent, most = _TONE
    return float(np.clip((usual / max(reflectance, 1e-3)) ** exponent, 1.0, most))


def _in_proportion(change: FloatArray, view: SkinView, tone: float) -> npt.NDArray[np.float32]:
    """Weaken fine lines where there would be far more of them than the photo has fine structure of its own."""
    fine, coarse = (bands.local_mean(change, view.skin, bands.WIDTHS[i] * view.placement.eyes) for i in (0, 2))
    sure = view.skin > _SURE_SKIN
    most = _OWN_MOST * tone
    own, new = np.clip(view.bands[1] + view.bands[2], -most, most)[sure], (fine - coarse)[sure]
    own_energy, shared, energy = float(own @ own), float(own @ new), float(new @ new)
    if energy <= 0.0:
        return change
    # The share s at which the energy of own + s * new has grown by the square of the factor.
    most = float(np.interp(tone, (1.0, _DARK_TONE), (_ROUGHEST, _ROUGHEST_DARK)))
    share = (np.sqrt(shared**2 + (most**2 - 1.0) * own_energy * energy) - shared) / energy
    weaker = np.float32(1.0 - np.clip(share, _LEAST_FINE, 1.0))
    return np.asarray(change - weaker * view.skin * (change - coarse), np.float32)


def _limited(change: FloatArray, ahead: FloatArray, factor: float, tone: float) -> npt.NDArray[np.float32]:
    """Squash a change of log light; rough photos bear more, dark skin brighter ridges, marks ``ahead`` both."""
    rough = max(factor, 1.0) ** _ROUGH_BEARS
    darkest, brightest = (
        _bounded(limit * bears * rough * ahead, most)
        for limit, bears, most in ((_DARKEST, 1.0, _MOST_DARK), (_BRIGHTEST, tone, _MOST_BRIGHT))
    )
    dark = darkest * np.tanh(change / darkest)
    return np.where(change < 0, dark, brightest * np.tanh(change / brightest)).astype(np.float32)


def _bounded(value: FloatArray, most: float) -> npt.NDArray[np.float32]:
    """Return values that stay below ``most``, and below half of it nearly as they are."""
    return np.asarray(value / (1.0 + (value / np.float32(most)) ** 4) ** 0.25, np.float32)


def _resize(values: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    if values.shape == size[::-1]:
        return np.asarray(values, np.float32)
    return cv2.resize(np.asarray(values, np.float32), size, interpolation=cv2.INTER_CUBIC)
