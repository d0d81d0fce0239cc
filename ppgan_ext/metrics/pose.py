"""Does a reconstruction hold the head as the photo does? Differences of yaw, pitch and roll."""

from __future__ import annotations

import numpy as np

from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.face_identity import note_missing
from ppgan_ext.metrics.paired_images import PairMetric
from ppgan_ext.metrics.subject import Subject
from ppgan_ext.types import Pose

LANDMARKS = "dlib-68"


class PoseError(PairMetric):
    """Mean absolute differences of head pose in degrees, from 68 landmarks.

    ``pose_yaw_<landmarks>``, ``pose_pitch_<landmarks>``, ``pose_roll_<landmarks>``, where a face is found in both
    images; ``pose_lost_<landmarks>``: number of photos with a face in whose reconstruction none is found.
    """

    def compute(self, subject: Subject, on_progress: OnProgress | None = None) -> Figures:
        """Measure; see :meth:`Metric.compute`."""
        from ppgan_ext.faces.pose import head_pose

        figures, errors, faceless, lost = Figures(), [], 0, 0
        for photo, copy, face, again in self.face_pairs(subject, figures, on_progress):
            if face is None:
                faceless += 1
            elif again is None:
                lost += 1
            else:
                sizes = [(image.shape[1], image.shape[0]) for image in (photo, copy)]
                errors.append(
                    pose_difference(head_pose(face.landmarks, sizes[0]), head_pose(again.landmarks, sizes[1]))
                )
        note_missing(figures, faceless, len(errors) + lost)
        if errors:
            for name, value in zip(("yaw", "pitch", "roll"), np.mean(errors, axis=0), strict=True):
                figures[f"pose_{name}_{LANDMARKS}"] = float(value)
        figures[f"pose_lost_{LANDMARKS}"] = float(lost)
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
