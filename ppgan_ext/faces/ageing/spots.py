"""Age spots: small brown patches of skin, round and soft, that come one after another, each at its own age.

On 122 portraits, pale faces beyond 70 years have 34 round dark places of about a hundredth of the eyes' distance, and
12 of twice that, where those up to 35 have two or three of each; dark faces gain a third as many.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.skin_view import SkinView
from ppgan_ext.faces.head import parts
from ppgan_ext.faces.landmarks import LIPS, NOSTRILS
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray

_NUMBER, _NUMBER_SPREAD = 75, 0.4  # in 50 years, and how people differ, as a logarithm
_ON_DARK = 0.35  # share of them on the darkest skin
_DARKEST_TONE = 1.6  # see `marks.Prospect`
_WIDTH, _WIDTH_SPREAD, _WIDEST = 0.0120, 0.4, 0.030  # of the eyes' distance: a Gaussian's; spread as a logarithm
_DEPTH, _DEPTH_MORE = 0.09, 0.10  # log light: least, and mean of what is added
_DEEPEST = 0.3  # of spots that overlap, too
_GROWS = 0.2  # share of 50 years in which a spot appears
_LOBES = 3  # Gaussians of which a spot is made, so that it is not quite round
_COLOUR = (5.0, 10.0)  # of a* and b*, for a depth of 1
_LEAST_SKIN = 0.9
_TRIES = 10  # places tried for each spot
_ON_NOSE, _AROUND_MOUTH = 0.4, 0.5  # share of the usual there
_REACH = 3.0  # widths

Spots = npt.NDArray[np.float64]


def place_spots(view: SkinView, tone: float, seed: int) -> Spots:
    """Choose the spots of a person.

    Args:
        view: the face.
        tone: 1 for pale skin, more for dark, see `marks.Prospect`.
        seed: decides where they lie.

    Returns:
        (N, 11): x and y in the frame's pixels, width in these, depth in log light, the strength at which it appears,
        and how far its three lobes lie aside and down.
    """
    rng = np.random.default_rng([seed, 5])
    share = np.interp(tone, (1.0, _DARKEST_TONE), (1.0, _ON_DARK))
    number = round(_NUMBER * float(share) * float(np.exp(_NUMBER_SPREAD * rng.standard_normal())))
    tries = _TRIES * max(number, 1)
    height, width = view.skin.shape
    x, y, chance = rng.random((3, tries))
    widths = np.minimum(_WIDTH * np.exp(_WIDTH_SPREAD * rng.standard_normal(tries)), _WIDEST) * view.placement.eyes
    depths = _DEPTH + rng.exponential(_DEPTH_MORE, tries)
    births = rng.random(tries)
    spots = np.column_stack([x * (width - 1), y * (height - 1), widths, depths, births]).astype(np.float32)
    columns, rows = np.rint(spots[:, 0]).astype(int), np.rint(spots[:, 1]).astype(int)
    likely = _likely(view.placement.frame_landmarks, (height, width))[rows, columns]
    spots = spots[(view.skin[rows, columns] > _LEAST_SKIN) & (chance < likely)][:number]
    lobes = np.random.default_rng([seed, 6]).standard_normal((len(spots), 2 * _LOBES))
    return np.column_stack([spots, lobes])


def draw_spots(
    spots: Spots, strength: float, skin: FloatArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw the spots that have appeared at a strength: log light (H, W), and colour (H, W, 2) in a* and b*."""
    height, width = skin.shape
    light = np.zeros((height, width), np.float32)
    for x, y, size, depth, birth, *lobes in spots.tolist():
        shown = depth * min(max((strength - birth) / _GROWS, 0.0), 1.0)
        if shown == 0.0:
            continue
        reach = _REACH * size
        left, top = max(0, int(x - reach)), max(0, int(y - reach))
        columns, rows = np.arange(left, min(width, int(x + reach) + 1)), np.arange(top, min(height, int(y + reach) + 1))
        part = light[top : top + len(rows), left : left + len(columns)]
        for across, down in np.reshape(lobes, (-1, 2)) * 0.6 * size:
            ends = [
                np.exp(-0.5 * ((axis - middle) / (0.8 * size)) ** 2)
                for axis, middle in ((rows, y + down), (columns, x + across))
            ]
            part -= (shown / _LOBES * np.outer(*ends)).astype(np.float32)
    light = np.float32(_DEEPEST) * np.tanh(light / np.float32(_DEEPEST)) * np.asarray(skin, np.float32)
    return light, (-light[..., None] * np.array(_COLOUR, np.float32)).astype(np.float32)


def _likely(landmarks: FloatArray, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return where spots lie, relative to cheeks and forehead, (H, W) in [0, 1]."""
    around = draw_part(np.vstack([landmarks[NOSTRILS], landmarks[LIPS], landmarks[6:11]]), shape, 0.0)
    return np.minimum(
        1.0 - np.float32(1.0 - _ON_NOSE) * parts.nose(landmarks, shape),
        1.0 - np.float32(1.0 - _AROUND_MOUTH) * cv2.GaussianBlur(around, (0, 0), 5.0),
    ).astype(np.float32)
