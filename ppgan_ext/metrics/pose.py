"""Differences of head pose between photos and their reconstructions: yaw, pitch and roll."""

from __future__ import annotations

import numpy as np

from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.metrics.paired_images import PairMetric
from ppgan_ext.types import Face, Image, Pose

LANDMARKS = "dlib-68"


class PoseError(PairMetric):
    """Mean absolute differences of head pose in degrees, from 68 landmarks.

    ``pose_yaw_<landmarks>``, ``pose_pitch_<landmarks>``, ``pose_roll_<landmarks>``: over the pairs with a face in both
    images; ``pose_lost_<landmarks>``: number of photos with a face whose reconstruction has none.
    """

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        from ppgan_ext.faces.pose import head_pose

        def difference(photo: Image, face: Face, copy: Image, face_in_copy: Face) -> tuple[float, float, float]:
            return pose_difference(
                head_pose(face.landmarks, (photo.shape[1], photo.shape[0])),
                head_pose(face_in_copy.landmarks, (copy.shape[1], copy.shape[0])),
            )

        figures = Figures()
        errors, num_lost = self.compare_faces(outputs, figures, on_progress, difference)
        if errors:
            for name, value in zip(("yaw", "pitch", "roll"), np.mean(errors, axis=0), strict=True):
                figures[f"pose_{name}_{LANDMARKS}"] = float(value)
        figures[f"pose_lost_{LANDMARKS}"] = float(num_lost)
        return figures


def pose_difference(a: Pose, b: Pose) -> tuple[float, float, float]:
    """Return the absolute differences of yaw, pitch and roll in degrees, the short way round, 0 to 180."""
    turns = (
        a.yaw_degrees - b.yaw_degrees,
        a.pitch_degrees - b.pitch_degrees,
        a.roll_degrees - b.roll_degrees,
    )
    yaw, pitch, roll = (abs((turn + 180.0) % 360.0 - 180.0) for turn in turns)
    return yaw, pitch, roll
