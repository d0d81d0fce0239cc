"""Faces kept recognisable: age is held back where the face would be taken for somebody else.

How far a face has gone is the distance of face recognition's descriptors. What is held back then (`held_places`,
`Strength.held_back`) is what costs most of that distance for the years that it adds. The amount is a continuous
function of the picture, so an animation passes smoothly from a face that keeps all of its age to one that does not.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ppgan_ext.faces.ageing.render import FaceAgeing
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.types import Box, Face, FloatArray, Image

# Below 0.6 descriptors are one person's; hair and the landmarks of the result add up to 0.06 to what is measured here.
_FARTHEST = 0.445
# By the first of these years no face has gone too far, and nothing is measured. From there to the second, the limit
# falls from what no face has reached by then, so that an animation does not jump.
_YEARS, _NOT_REACHED = (20.0, 40.0), 0.53
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

    def held(self, ageing: FaceAgeing, photo: Image, years: float, detail: float) -> float:
        """Return how far age must be held back for the face to be recognised, 0 to 1.

        Args:
            ageing: the face.
            photo: (H, W, 3) RGB uint8, the photo, or what a generator made of it.
            years: years to add; where they are few, or less than none, nothing is held back.
            detail: as for `FaceAgeing.draw`; whoever asks for more than 1 lets the face go farther.

        Raises:
            WeightsError: the network of face recognition is not installed.
        """
        if years <= _YEARS[0] or detail == 0:
            return 0.0
        copy = warp(photo, self.matrix, (_COPY, _COPY))
        farthest = float(np.interp(years, _YEARS, (_NOT_REACHED, _FARTHEST))) * max(1.0, detail)
        freely = self._distance(ageing, copy, years, detail, 0.0)
        if freely <= farthest:
            return 0.0
        gained = freely - self._distance(ageing, copy, years, detail, 1.0)
        return min(1.0, (freely - farthest) / max(gained, 1e-6))

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
