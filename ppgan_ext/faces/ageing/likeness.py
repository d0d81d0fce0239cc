"""Faces kept recognisable: age is held back where the face would be taken for somebody else, else brought forward.

How far a face has gone is the distance of face recognition's descriptors. What is held back then (`held_places`,
`Strength.held_back`) is what costs most of that distance for the years that it adds. Faces that stay near to their
photo, as dark ones do, get stronger marks in the other places (`marks.older`). The amount is a continuous function of
the picture, so an animation passes smoothly from a face that keeps all of its age to one that does not.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ppgan_ext.faces.ageing.render import FaceAgeing
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.types import Box, Face, FloatArray, Image

# Below 0.6 descriptors are one person's; brows, hair and the landmarks of the result add up to 0.09
# to what is measured here.
# By the first of these years no face has gone too far, and nothing is measured. At 20 the limit is a little lower than
# at 40, or a face that reaches it at both would look alike.
_YEARS, _FARTHEST = (10.0, 20.0, 40.0), (0.45, 0.38, 0.413)
# A face that stays nearer has room for stronger marks and more of the shape, and for all of it where it stays nearer by
# so much. It gets them from 20 years on, so that more years show more.
_NEARER = 0.08
_COPY, _FACE_IN_COPY = 320, 176.0  # sides of the copy and of the face in it, pixels


@dataclass(frozen=True, eq=False)
class Likeness:
    """What a face's results are compared with.

    Attributes:
        matrix: (2, 3), from the photo to the reduced copy on which faces are compared.
        landmarks: (68, 2), in the copy.
        copy: (320, 320, 3), the photo's.
    """

    matrix: FloatArray
    landmarks: FloatArray
    copy: Image

    @classmethod
    def of(cls, photo: Image, landmarks: FloatArray) -> Likeness:
        """Look at a face of a photo, (H, W, 3) RGB uint8, with its landmarks, (68, 2)."""
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        scale = min(1.0, _FACE_IN_COPY / float((high - low).max()))
        shift = (_COPY - 1) / 2 - scale * (low + high) / 2
        matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
        return cls(matrix, transform_points(landmarks, matrix), warp(photo, matrix, (_COPY, _COPY)))

    def held(self, ageing: FaceAgeing, photo: Image, years: float, detail: float, free: float) -> float:
        """Return how far age must be held back for the face to be recognised, 0 to 1, or can be brought forward, to -1.

        Args:
            ageing: the face.
            photo: (H, W, 3) RGB uint8, the photo, or what a generator made of it.
            years: years to add; where they are few, or less than none, it is 0.
            detail: as for `FaceAgeing.draw`.
            free: whoever asks for more than 1 lets the face go farther.

        Raises:
            WeightsError: the network of face recognition is not installed.
        """
        if years <= _YEARS[0] or detail == 0:
            return 0.0
        copy = warp(photo, self.matrix, (_COPY, _COPY))
        farthest = float(np.interp(years, _YEARS, _FARTHEST))
        freely = self._distance(ageing, copy, years, detail, 0.0)
        if freely <= farthest * max(1.0, free):
            most = float(np.interp(years, _YEARS[1:], (0.0, 1.0)))
            return -most * float(np.clip((farthest * free - freely) / _NEARER, 0.0, 1.0))
        gained = freely - self._distance(ageing, copy, years, detail, 1.0)
        return min(1.0, (freely - farthest * max(1.0, free)) / max(gained, 1e-6))

    @functools.cached_property
    def _descriptor(self) -> FloatArray:
        return _describe(self.copy, self.landmarks)

    def _distance(self, ageing: FaceAgeing, copy: Image, years: float, detail: float, held: float) -> float:
        result = ageing.draw(copy, years, detail, held, self.landmarks)
        points = ageing.landmarks_after(years, detail, held, self.landmarks)
        return float(np.linalg.norm(_describe(result, points) - self._descriptor))


def _describe(picture: Image, landmarks: FloatArray) -> FloatArray:
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    return face_descriptor(picture, Face(Box(*low, *high), landmarks))
