"""A face drawn over a photo: both sides of it look the same way."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.swap.gaze import find_iris
from ppgan_ext.faces.swap.overlay import draw_overlay
from tests.reference.drawn import DrawnFace, draw_photo


def looking_aside(yaw_degrees, place):
    """Draw a turned face whose irises lie at a place between the corners of its eyes, 0 at image left to 1."""
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 90.0, yaw_degrees=yaw_degrees)], 1)
    for part in (RIGHT_EYE, LEFT_EYE):
        eye, opening = landmarks[part], np.zeros(picture.shape[:2], np.uint8)
        eye[[1, 2], 1] -= 3.0
        eye[[4, 5], 1] += 3.0
        cv2.fillPoly(opening, [np.rint(eye * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        whole = np.full_like(picture, (225, 215, 210))
        x, y = np.rint(eye[0] + place * (eye[3] - eye[0])).astype(int).tolist()
        width = float(np.hypot(*(eye[3] - eye[0])))
        cv2.circle(whole, (x, y), round(0.2 * width), (60, 45, 35), -1, cv2.LINE_AA)
        picture[opening > 0] = whole[opening > 0]
    return picture, landmarks


def test_an_eye_that_is_drawn_from_the_mirrored_other_looks_the_same_way():
    picture, landmarks = looking_aside(35.0, 0.4)
    _, (straight,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 90.0)], 0)
    overlay = draw_overlay(picture.shape, straight, picture, landmarks)
    # As the mirror shows it, it would look to the other side: 0.6.
    for eye in (RIGHT_EYE, LEFT_EYE):
        assert find_iris(overlay.face, overlay.landmarks[eye]) == pytest.approx(0.4, abs=0.06)
