"""Face recognition by dlib's network, a ResNet-29 with 128 outputs."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces import models
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.types import Face, FloatArray, Image
from ppgan_ext.weights.dlib_models import SAME_PERSON

__all__ = ["SAME_PERSON", "face_descriptor"]

_PATCH = 512
_FACE_IN_PATCH = 256.0


def face_descriptor(image: Image, face: Face) -> FloatArray:
    """Compute the descriptor of a face: 128 numbers that depend on the person, and little on the photo.

    Args:
        image: the photo, (H, W, 3) RGB uint8.
        face: a face in it.

    Returns:
        (128,) float64. Compare descriptors by Euclidean distance; below `SAME_PERSON` it is the same person.

    Raises:
        WeightsError: the network is not installed.
    """
    import dlib

    # dlib takes landmarks in whole pixels; a large patch makes that precise enough, and omits the rest.
    landmarks = np.asarray(face.landmarks, np.float64)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    scale = _FACE_IN_PATCH / float((high - low).max())
    shift = (_PATCH - 1) / 2 - scale * (low + high) / 2
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    patch = warp(image, matrix, (_PATCH, _PATCH))
    points = [dlib.point(int(x), int(y)) for x, y in np.rint(transform_points(landmarks, matrix))]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, _PATCH - 1, _PATCH - 1), points)
    network = models.descriptor()
    with models.descriptor_lock:
        return np.array(network.compute_face_descriptor(patch, shape), np.float64)
