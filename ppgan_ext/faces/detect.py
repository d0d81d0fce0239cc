"""Find faces with dlib's frontal detector: HOG pyramids and linear filters (Dalal and Triggs, CVPR 2005).

The detector sees faces of 80 px and more, so one pass over a copy of about fixed size finds all but the small ones at
a cost that does not grow with the photo. A second pass over a finer copy runs only where the first one gives a reason
to. A photo without a clear find is looked at once more mirrored and turned, as the filters know upright faces only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.errors import ConfigError, InputError, NoFaceError, nearest
from ppgan_ext.faces import models
from ppgan_ext.faces.landmarks import MAX_SPREAD, predict_landmarks
from ppgan_ext.faces.warp import compose, invert, resize_matrix, scale_of, transform_points, warp
from ppgan_ext.types import Box, Face, FloatArray, Image

_SMALLEST_FACE = 80.0  # pixels, the detector's window

# Pixels in the copy of each pass, and how far a small photo may be enlarged: beyond 4 nothing more is found.
_FIRST_PIXELS = 1.5e6
_FINE_PIXELS = 6.0e6
_FIRST_ENLARGEMENT = 2.0
_FINE_ENLARGEMENT = 4.0

# Detector scores. From `_CLEAR` on there is a face. From `_LIKELY` on there may be one: then the landmarks decide. On
# faces, predictions from boxes a little apart agree to about 0.01 box widths; on foliage, fabric and clutter they lie
# 0.04 to 0.09 apart. A find from `_FAINT` on is taken, best one only, where there is nothing else.
_CLEAR = 0.6
_LIKELY = 0.0
_LIKELY_TURNED = 0.1
_FAINT = -0.15

_TURNS_DEGREES = (30.0, -30.0, 90.0, -90.0, 180.0)
_MAX_OVERLAP = 0.4  # intersection over union
_MAX_NESTING = 0.7  # intersection over the smaller box
_GREY = 127.0


@dataclass(frozen=True, eq=False)
class _Find:
    """A face in a copy of the photo, and how the copy was made."""

    box_in_copy: Box
    matrix_photo_to_copy: FloatArray

    @property
    def score(self) -> float:
        return self.box_in_copy.score

    @property
    def box(self) -> Box:
        """The box in the photo: same centre, same area, upright."""
        box = self.box_in_copy
        centre = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
        x, y = transform_points(centre, invert(self.matrix_photo_to_copy))
        scale = scale_of(self.matrix_photo_to_copy)
        half_width, half_height = box.width / scale / 2, box.height / scale / 2
        x, y = float(x) + 0.5, float(y) + 0.5
        return Box(x - half_width, y - half_height, x + half_width, y + half_height, box.score)


def find_faces(image: Image) -> list[Face]:
    """Find all faces in a photo, with their landmarks.

    The same photo always gives the same list. Faces down to about 1/15 of a 1-megapixel photo's width are looked for
    always, smaller ones where the photo shows no face or only small ones.

    Args:
        image: the photo, (H, W, 3) RGB uint8.

    Returns:
        The faces by area, largest first; empty if there are none.

    Raises:
        InputError: not such an array.
        WeightsError: the landmark model is not installed.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise InputError(
            f"faces are looked for in (H, W, 3) uint8 images, got {image.shape} {image.dtype}",
            cure="Read the photo with ppgan_ext.images.read_image",
        )
    first, first_matrix = _copy(image, _FIRST_PIXELS, _FIRST_ENLARGEMENT)
    faint = _look(first, first_matrix, _FAINT)
    finds = [find for find in faint if find.score > _LIKELY]
    faces = _confirm(image, finds)
    if not faces or min(find.box_in_copy.width for find in finds) < 2 * _SMALLEST_FACE:
        fine, fine_matrix = _copy(image, _FINE_PIXELS, _FINE_ENLARGEMENT)
        if scale_of(fine_matrix) > scale_of(first_matrix):
            faint += _look(fine, fine_matrix, _FAINT)
            finds = [find for find in faint if find.score > _LIKELY]
            faces = _confirm(image, finds)
    if not any(face.box.score >= _CLEAR for face in faces):
        # An upside-down face can look a little like an upright one: where none is clear, all views compete.
        faces = _confirm(image, finds + _look_again(first, first_matrix)) or _confirm(image, faint)[:1]
    return sorted(faces, key=lambda face: (-face.box.area, face.box.left, face.box.top))


def choose(faces: Sequence[Face], which: str | int | Sequence[int] = "all") -> list[Face]:
    """Choose among the faces of a photo.

    Args:
        faces: the faces as `find_faces` gives them, largest first.
        which: "all", "largest", or the number of a face or several, as drawn by the numbered preview: 1 is the largest.

    Returns:
        The chosen faces, in the order asked for, none twice.

    Raises:
        NoFaceError: there are no faces, or none of that number.
        ConfigError: ``which`` is something else.
    """
    if isinstance(which, str) and which not in ("all", "largest"):
        raise ConfigError(
            f"'{which}' does not name a face", cure=f"{nearest(which, ('all', 'largest'))}, or give numbers from 1 on"
        )
    if not faces:
        raise NoFaceError(
            "no face was found",
            cure="Give a photo in which the face is larger, brighter, or turned more to the camera; 40 pixels is small",
        )
    if which == "all":
        return list(faces)
    if which == "largest":
        return [faces[0]]
    numbers = _numbers(which)
    for number in numbers:
        if not 1 <= number <= len(faces):
            shown = "1 face, numbered 1" if len(faces) == 1 else f"{len(faces)} faces, numbered 1 to {len(faces)}"
            raise NoFaceError(
                f"there is no face {number}; the photo shows {shown}",
                cure="--list_faces draws the numbers into the photo",
            )
    return [faces[number - 1] for number in dict.fromkeys(numbers)]


def _numbers(which: object) -> list[int]:
    given = list(which) if isinstance(which, Sequence) else [which]
    numbers = [int(n) for n in given if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
    if not numbers or len(numbers) != len(given):
        raise ConfigError(f"{which!r} does not name a face", cure="Give 'all', 'largest', or numbers from 1 on")
    return numbers


def _copy(image: Image, num_pixels: float, max_enlargement: float) -> tuple[Image, FloatArray]:
    """Resize the photo to about ``num_pixels``, but enlarge it no further than asked."""
    height, width = image.shape[:2]
    scale = min(math.sqrt(num_pixels / (width * height)), max_enlargement)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=interpolation), resize_matrix((width, height), size)


def _look(copy: Image, matrix: FloatArray, threshold: float) -> list[_Find]:
    """Run the detector over one copy."""
    with models.detector_lock:
        rectangles, scores, _ = models.detector().run(np.ascontiguousarray(copy), 0, threshold)
    return [
        _Find(Box(float(r.left()), float(r.top()), float(r.right() + 1), float(r.bottom() + 1), float(score)), matrix)
        for r, score in zip(rectangles, scores, strict=True)
    ]


def _look_again(copy: Image, matrix: FloatArray) -> list[_Find]:
    """Look at the mirrored and the turned copy; all are tried, so that the best one wins for each face."""
    height, width = copy.shape[:2]
    mirror = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])
    finds = _look(copy[:, ::-1], compose(mirror, matrix), _LIKELY_TURNED)
    for degrees in _TURNS_DEGREES:
        turn, size = _turn_matrix(degrees, (width, height))
        finds += _look(warp(copy, turn, size, border_value=_GREY), compose(turn, matrix), _LIKELY_TURNED)
    return finds


def _turn_matrix(degrees: float, size: tuple[int, int]) -> tuple[FloatArray, tuple[int, int]]:
    """Turn a picture counter-clockwise about its centre, onto a canvas that holds all of it."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = size
    # Rounding first: cos(90 degrees) is 6e-17, which must not add a row.
    new_width = math.ceil(round(abs(width * cosine) + abs(height * sine), 6))
    new_height = math.ceil(round(abs(width * sine) + abs(height * cosine), 6))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    old_centre, new_centre = np.array([width - 1, height - 1]) / 2, np.array([new_width - 1, new_height - 1]) / 2
    return np.hstack([linear, (new_centre - linear @ old_centre)[:, None]]), (new_width, new_height)


def _confirm(image: Image, finds: Sequence[_Find]) -> list[Face]:
    """Place landmarks; drop duplicates (greedy non-maximum suppression) and what the landmarks do not bear out."""
    faces: list[Face] = []
    for find in sorted(finds, key=lambda f: (-f.score, f.box.left, f.box.top)):
        if any(_same_face(find.box, face.box) for face in faces):
            continue
        landmarks, spread = predict_landmarks(image, find.box_in_copy, find.matrix_photo_to_copy)
        if find.score >= _CLEAR or spread <= MAX_SPREAD:
            faces.append(Face(find.box, landmarks))
    return faces


def _same_face(a: Box, b: Box) -> bool:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared > _MAX_OVERLAP * (a.area + b.area - shared) or shared > _MAX_NESTING * min(a.area, b.area)
