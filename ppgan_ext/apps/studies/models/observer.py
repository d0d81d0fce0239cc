"""What a picture of a face shows, measured on the picture: who, which pose, which features, which age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.apps.studies.models.learned import Learned
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.latents.attributes import geometric_attributes
from ppgan_ext.types import FloatArray, Image


@dataclass(frozen=True, eq=False)
class Look:
    """What a picture shows.

    Attributes:
        landmarks: (68, 2) in the picture.
        descriptor: (128,), see `faces.face_descriptor`.
        attributes: name -> value: angles in degrees, geometric ones in shares of the face's size, age in years and
            gender from 0 to 1 where they are learned.
    """

    landmarks: FloatArray
    descriptor: FloatArray
    attributes: dict[str, float]

    def distance(self, other: Look) -> float:
        """Return how far two faces are from being one person's; below 0.6 dlib sees one."""
        return float(np.linalg.norm(self.descriptor - other.descriptor))


def observe(image: Image, learned: Learned | None) -> Look | None:
    """Look at a picture, (S, S, 3) RGB uint8; None where dlib finds no face in it."""
    face = next(iter(find_faces(image)), None)
    if face is None:
        return None
    attributes = {name: float(value) for name, value in geometric_attributes(face.landmarks).items()}
    pose = head_pose(face.landmarks, (image.shape[1], image.shape[0]))
    attributes |= {"yaw": pose.yaw_degrees, "pitch": pose.pitch_degrees}
    if learned is not None:
        attributes |= learned.tell(image)
    return Look(face.landmarks, face_descriptor(image, face), attributes)
