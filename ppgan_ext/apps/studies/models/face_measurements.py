"""Measure a picture of a face: identity, pose, proportions, age and gender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.apps.studies.models.age_gender import AgeGenderRegression
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.latents.attributes import geometric_attributes
from ppgan_ext.types import FloatArray, Image

_DIGITS = 6


@dataclass(frozen=True, eq=False)
class FaceMeasurements:
    """Measurements of the largest face in a picture.

    Attributes:
        landmarks: (68, 2) in the picture.
        descriptor: (128,), see `faces.face_descriptor`.
        attributes: name -> value: angles in degrees, geometric ones in shares of the face's size; with a regression,
            age in years and gender from 0 (male) to 1 (female).
    """

    landmarks: FloatArray
    descriptor: FloatArray
    attributes: dict[str, float]

    def distance(self, other: FaceMeasurements) -> float:
        """Return the distance of both faces' descriptors; below 0.6 dlib sees one person."""
        return float(np.linalg.norm(self.descriptor - other.descriptor))

    def rounded_attributes(self) -> dict[str, float]:
        """Return the attributes to six significant digits."""
        return {name: rounded(value) for name, value in self.attributes.items()}


def measure_face(image: Image, age_gender: AgeGenderRegression | None) -> FaceMeasurements | None:
    """Measure a picture, (S, S, 3) RGB uint8; None where dlib finds no face in it."""
    face = next(iter(find_faces(image)), None)
    if face is None:
        return None
    attributes = {name: float(value) for name, value in geometric_attributes(face.landmarks).items()}
    pose = head_pose(face.landmarks, (image.shape[1], image.shape[0]))
    attributes |= {"yaw": pose.yaw_degrees, "pitch": pose.pitch_degrees}
    if age_gender is not None:
        attributes |= age_gender.predict(image)
    return FaceMeasurements(face.landmarks, face_descriptor(image, face), attributes)


def rounded(value: float) -> float:
    """Round to six significant digits, the precision of the record."""
    return float(f"{value:.{_DIGITS}g}")
