"""A face in the pixels of its aligned crop: landmarks, pose, and the detector's box."""

from __future__ import annotations

import numpy as np

from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.types import Box, FloatArray, Pose


def crop_landmarks(portrait: EncodedFace) -> FloatArray:
    """Return the landmarks of a face, (68, 2), in the pixels of its crop."""
    from ppgan_ext.faces.warp import transform_points

    return transform_points(portrait.face.landmarks, portrait.crop.matrix_photo_to_crop)


def crop_pose(portrait: EncodedFace) -> Pose:
    """Return the pose of a face as its crop shows it: without roll, from landmarks at the crop's resolution."""
    from ppgan_ext.faces.pose import head_pose

    return head_pose(crop_landmarks(portrait), (portrait.crop.size, portrait.crop.size))


def crop_box(portrait: EncodedFace) -> Box:
    """Return the detector's box in the crop's pixels: landmarks, and so the pose, depend slightly on it."""
    from ppgan_ext.faces.warp import scale_of, transform_points

    box, matrix = portrait.face.box, portrait.crop.matrix_photo_to_crop
    middle = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
    x, y = (float(v) + 0.5 for v in transform_points(middle, matrix))
    width, height = box.width * scale_of(matrix) / 2, box.height * scale_of(matrix) / 2
    return Box(x - width, y - height, x + width, y + height)
