"""What a model of ageing knows: the mean face, the marks of age on it, how they vary, and how wrinkles run.

It is fitted to many faces (`fit`); no photo and no single person's skin is in it. The file holds 8-bit numbers, each
map at the resolution that its structure needs, in the package's own format.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces.ageing.frame import SIZE
from ppgan_ext.faces.head.bands import NUM_BANDS
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import readers
from ppgan_ext.weights.catalog import BUNDLED_FOLDER

Maps = npt.NDArray[np.float32]

SEXES = ("female", "male")
NUM_MAPS = NUM_BANDS + 2  # bands of log light, then a* and b*
VARIED_BANDS = (3, 4)
NUM_VARIATIONS = 6

# Each map is kept smaller by such a factor.
SHRINK = (1, 1, 1, 2, 4, 8, 2, 2)
_FIELD_SHRINK = 4
_DEPTH_SHRINK = 2
_FILE = "ageing.safetensors"


@dataclass(frozen=True, eq=False)
class AgeingModel:
    """Ageing by 50 years, from 25 to 75, in the frame of `frame.SIZE`.

    Attributes:
        mean_face: (68, 2) landmarks of the mean face.
        shape: (68, 2), how landmarks move, in shares of the eyes' distance.
        marks: for each of `SEXES` (8, H, W): the mean change of six bands of log light, of a* and of b*.
        variations: for each of the sexes (6, 2, H, W): directions in which bands 3 and 4 differ between old faces, each
            scaled to one standard deviation.
        crease_angle: (H, W, 2), cosine and sine of twice the angle of wrinkles, as long as it is sure.
        crease_depth: for each of the sexes (H, W), root mean square of wrinkles in log light.
    """

    mean_face: FloatArray
    shape: FloatArray
    marks: tuple[Maps, Maps]
    variations: tuple[Maps, Maps]
    crease_angle: Maps
    crease_depth: tuple[Maps, Maps]

    def marks_of(self, femininity: float) -> Maps:
        """Return the marks of age, (8, H, W), for a face between male (0) and female (1)."""
        return _between(self.marks, femininity)

    def variations_of(self, femininity: float) -> Maps:
        """Return how old faces differ, (6, 2, H, W)."""
        return _between(self.variations, femininity)

    def crease_depth_of(self, femininity: float) -> Maps:
        """Return how deep wrinkles are, (H, W)."""
        return _between(self.crease_depth, femininity)

    def arrays(self) -> dict[str, npt.NDArray]:
        """Return what a file of this model holds; maps that are symmetric are halved."""
        arrays: dict[str, npt.NDArray] = {
            "mean_face": np.asarray(self.mean_face, np.float32), "shape": np.asarray(self.shape, np.float32),
        }  # fmt: skip
        _pack(arrays, "crease_angle", self.crease_angle.transpose(2, 0, 1), _FIELD_SHRINK)
        for sex, marks, variations, depth in zip(SEXES, self.marks, self.variations, self.crease_depth, strict=True):
            for number, shrink in enumerate(SHRINK):
                _pack(arrays, f"{sex}.marks.{number}", marks[number, :, : SIZE[0] // 2], shrink)
            for place, band in enumerate(VARIED_BANDS):
                _pack(arrays, f"{sex}.variations.{band}", variations[:, place], SHRINK[band])
            _pack(arrays, f"{sex}.crease_depth", depth[:, : SIZE[0] // 2], _DEPTH_SHRINK)
        return arrays


def read_model(path: str | os.PathLike[str]) -> AgeingModel:
    """Read a model of ageing.

    Raises:
        WeightsError: the file cannot be read, or is no model of ageing.
    """
    arrays = readers.read(path)
    try:
        marks = [
            np.stack([_mirrored(_unpack(arrays, f"{sex}.marks.{number}", half=True)) for number in range(NUM_MAPS)])
            for sex in SEXES
        ]
        variations = [
            np.stack([_unpack(arrays, f"{sex}.variations.{band}") for band in VARIED_BANDS], axis=1) for sex in SEXES
        ]
        depth = [_mirrored(_unpack(arrays, f"{sex}.crease_depth", half=True)) for sex in SEXES]
        return AgeingModel(
            _points(arrays["mean_face"]), _points(arrays["shape"]), (marks[0], marks[1]),
            (variations[0], variations[1]),
            np.ascontiguousarray(_unpack(arrays, "crease_angle").transpose(1, 2, 0)), (depth[0], depth[1]),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        cure = "Use a file that tools/fit_ageing.py wrote"
        raise WeightsError(f"this is no model of ageing ({error})", where=path, cure=cure) from error


@functools.lru_cache(maxsize=1)
def bundled_model() -> AgeingModel:
    """Return the model that ships with the package, read once."""
    return read_model(BUNDLED_FOLDER / _FILE)


def _between(pair: tuple[Maps, Maps], femininity: float) -> Maps:
    share = np.float32(min(max(femininity, 0.0), 1.0))
    return share * pair[0] + (np.float32(1.0) - share) * pair[1]


def _points(array: npt.NDArray) -> FloatArray:
    if array.shape != (68, 2):
        raise ValueError(f"68 points expected, got {array.shape}")
    return np.asarray(array, np.float64)


def _pack(arrays: dict[str, npt.NDArray], name: str, maps: npt.NDArray, shrink: int) -> None:
    """Shrink a map (H, W) or maps (N, H, W), and keep them as 8-bit numbers with the largest value of each map."""
    flat = maps.reshape(-1, *maps.shape[-2:])
    size = (flat.shape[2] // shrink, flat.shape[1] // shrink)
    small = np.stack(
        [cv2.resize(np.ascontiguousarray(one, np.float32), size, interpolation=cv2.INTER_AREA) for one in flat]
    )
    largest = np.maximum(np.abs(small).max(axis=(1, 2)), 1e-6)
    shape = (*maps.shape[:-2], *small.shape[1:])
    arrays[name] = np.rint(small / largest[:, None, None] * 127).astype(np.int8).reshape(shape)
    arrays[f"{name}.largest"] = largest.astype(np.float32)


def _unpack(arrays: dict[str, npt.NDArray], name: str, half: bool = False) -> Maps:
    packed, largest = arrays[name], arrays[f"{name}.largest"]
    flat = packed.reshape(-1, *packed.shape[-2:]).astype(np.float32) * (largest.astype(np.float32) / 127)[:, None, None]
    size = (SIZE[0] // 2 if half else SIZE[0], SIZE[1])
    if flat.shape[1:] == size[::-1]:
        large = flat
    else:
        large = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in flat])
    return np.asarray(large, np.float32).reshape(*packed.shape[:-2], *large.shape[1:])


def _mirrored(half: Maps) -> Maps:
    return np.concatenate([half, half[..., ::-1]], axis=-1)
