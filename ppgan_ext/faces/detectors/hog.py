"""Detect faces with dlib's frontal detector: HOG pyramids and linear filters (Dalal and Triggs, CVPR 2005).

The detector finds faces of 80 px and more, so one pass over a copy of about fixed size finds all but the small ones at
a cost that does not grow with the photo. A second pass over a finer copy runs only if the first one found no faces or
small ones. A photo without a clear detection is also searched mirrored and rotated, as the filters fit only upright
faces: first in a coarse copy, which suffices for a large face and takes a quarter of the time. In a photo with a clear
detection, faces that lie beside it are searched for in a small copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ppgan_ext.faces import models
from ppgan_ext.faces.detectors.copies import MAX_OVERLAP, Detection, largest_first, resized_to, same_face, turn_matrix
from ppgan_ext.faces.landmarks import MAX_SPREAD, predict_landmarks
from ppgan_ext.faces.warp import compose, scale_of, warp
from ppgan_ext.types import Box, Face, FloatArray, Image

_SMALLEST_FACE = 80.0  # pixels, the detector's window

# Pixels in the copy of each pass, and the largest enlargement of a small photo: beyond 4 no more faces are found.
_COARSE_PIXELS = 0.375e6
_FIRST_PIXELS = 1.5e6
_FINE_PIXELS = 6.0e6
_COARSE_ENLARGEMENT = 1.0
_FIRST_ENLARGEMENT = 2.0
_FINE_ENLARGEMENT = 4.0

# Detector scores. From `_CLEAR` on there is a face. From `_LIKELY` on there may be one: then the landmarks decide. On
# faces, predictions from slightly shifted boxes agree to about 0.01 box widths; on foliage, fabric and clutter they are
# 0.04 to 0.09 apart. If there is nothing else, the best detection from `_FAINT` on is used.
_CLEAR = 0.6
_LIKELY = 0.0
_LIKELY_TURNED = 0.1
_FAINT = -0.15

_TURNS_DEGREES = (30.0, -30.0, 90.0, -90.0, 180.0)
# Search for lying faces beside an upright one: their least size as a share of its size, and the pixels of the copy.
_LYING_DEGREES = (90.0, -90.0, 180.0)
_LYING_SHARE = 0.5
_LYING_PIXELS = 0.375e6
_MAX_OVERLAP_UNCLEAR = 0.25  # of a detection that is not clear: beside a face it is often that face's hair or cheek
_GREY = 127.0


def find(image: Image) -> list[Face]:
    """Detect all faces in a photo, with their landmarks.

    Faces down to about 1/15 of a 1-megapixel photo's width are always searched for, smaller ones if the photo shows no
    face or only small ones.

    Args:
        image: the photo, (H, W, 3) RGB uint8.

    Returns:
        The faces by area, largest first; empty if there are none.
    """
    first, first_matrix = resized_to(image, _FIRST_PIXELS, _FIRST_ENLARGEMENT)
    faint = _detect(first, first_matrix, _FAINT)
    likely = [detection for detection in faint if detection.score > _LIKELY]
    faces = _confirm(image, likely)
    has_small = min((detection.box_in_copy.width for detection in likely), default=math.inf) < 2 * _SMALLEST_FACE
    if not has_small and not _any_clear(faces):
        # An upside-down face can look a little like an upright one: if none is clear, all views compete.
        coarse = _confirm(image, likely + _detect_turned(*resized_to(image, _COARSE_PIXELS, _COARSE_ENLARGEMENT)))
        if _any_clear(coarse) or (faces and coarse):
            return largest_first(coarse)
    if has_small or not faces:
        fine, fine_matrix = resized_to(image, _FINE_PIXELS, _FINE_ENLARGEMENT)
        if scale_of(fine_matrix) > scale_of(first_matrix):
            faint += _detect(fine, fine_matrix, _FAINT)
            likely = [detection for detection in faint if detection.score > _LIKELY]
            faces = _confirm(image, likely)
    if not _any_clear(faces):
        faces = _confirm(image, likely + _detect_turned(first, first_matrix)) or _confirm(image, faint)[:1]
    faces += _find_lying(image, faces)
    return largest_first(faces)


def _any_clear(faces: Sequence[Face]) -> bool:
    return any(face.box.score >= _CLEAR for face in faces)


def _detect(copy: Image, matrix: FloatArray, threshold: float) -> list[Detection]:
    """Run the detector on one copy of the photo."""
    with models.detector_lock:
        rectangles, scores, _ = models.detector().run(np.ascontiguousarray(copy), 0, threshold)
    boxes = [
        Box(float(r.left()), float(r.top()), float(r.right() + 1), float(r.bottom() + 1), float(score))
        for r, score in zip(rectangles, scores, strict=True)
    ]
    return [Detection(box, matrix) for box in boxes]


def _detect_turned(copy: Image, matrix: FloatArray) -> list[Detection]:
    """Run the detector on the mirrored and the rotated copies: all of them, so that the best one wins for each face."""
    height, width = copy.shape[:2]
    mirror = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])
    detections = _detect(cv2.flip(copy, 1), compose(mirror, matrix), _LIKELY_TURNED)
    for degrees in _TURNS_DEGREES:
        turn, size = turn_matrix(degrees, (width, height))
        detections += _detect(warp(copy, turn, size, border_value=_GREY), compose(turn, matrix), _LIKELY_TURNED)
    return detections


def _find_lying(image: Image, faces: Sequence[Face]) -> list[Face]:
    """Find faces that lie on a side or upside down in a photo that shows an upright one, at least half as large.

    Beside a clear face there is rarely another one to find, so this searches a small copy, and only if there is room.
    """
    upright = [face.box for face in faces if face.box.score >= _CLEAR]
    if not upright:
        return []
    height, width = image.shape[:2]
    smallest = _LYING_SHARE * max(box.width for box in upright)
    room = max(max(box.left, width - box.right, box.top, height - box.bottom) - box.width / 2 for box in upright)
    if room < smallest:
        return []
    copy, matrix = resized_to(image, min(_LYING_PIXELS, width * height * (_SMALLEST_FACE / smallest) ** 2), 1.0)
    detections: list[Detection] = []
    for degrees in _LYING_DEGREES:
        turn, size = turn_matrix(degrees, (copy.shape[1], copy.shape[0]))
        detections += _detect(warp(copy, turn, size, border_value=_GREY), compose(turn, matrix), _CLEAR)
    beside = [item for item in detections if not any(same_face(item.box, face.box) for face in faces)]
    return _confirm(image, beside)


def _confirm(image: Image, detections: Sequence[Detection]) -> list[Face]:
    """Predict landmarks; drop duplicates (greedy non-maximum suppression) and detections that the landmarks refute."""
    faces: list[Face] = []
    for detection in sorted(detections, key=lambda d: (-d.score, d.box.left, d.box.top)):
        max_overlap = MAX_OVERLAP if detection.score >= _CLEAR else _MAX_OVERLAP_UNCLEAR
        if any(same_face(detection.box, face.box, max_overlap) for face in faces):
            continue
        predicted = predict_landmarks(image, detection.box_in_copy, detection.matrix_photo_to_copy)
        if detection.score >= _CLEAR or predicted.spread <= MAX_SPREAD:
            faces.append(Face(detection.box, predicted.points, predicted.certainty))
    return faces
