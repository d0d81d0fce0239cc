"""A face turned as seen by the camera, by the functions that fusions turn faces with."""

from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.swap.head_shape import head_of, show_head
from ppgan_ext.types import Pose


def turn_by(landmarks, yaw_degrees, pitch_degrees):
    """Turn landmarks (68, 2) by degrees to the face's own left and up; size and position stay."""
    pose = head_pose(landmarks, (1, 1))
    turned = Pose(pose.yaw_degrees + yaw_degrees, pose.pitch_degrees + pitch_degrees, pose.roll_degrees)
    return show_head(head_of(landmarks), turned, landmarks)
