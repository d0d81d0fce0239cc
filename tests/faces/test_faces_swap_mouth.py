"""Mouths of swapped faces: open and shut as the photo's, without shards of teeth."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.swap.head_shape import GENERIC
from ppgan_ext.faces.swap.mouth import close_lips, closed_share, opening, relaxed_share, true_lips, unseen_inside
from ppgan_ext.faces.swap.overlay import draw_overlay

LIPS, TEETH, SKIN = (150, 62, 66), (235, 228, 215), (205, 160, 135)
SIZE = (440, 400)


def face_with(gap):
    """Return the landmarks of a face whose inner lips are apart by a gap, hundredths of the eyes' distance."""
    head = GENERIC[:, :2] * (1.0, -1.0)
    for top, bottom in ((61, 67), (62, 66), (63, 65)):
        head[bottom, 1] = head[top, 1] + gap
    return head * 2.0 + (220.0, 130.0)


def paint(landmarks, inside, skin=SKIN, lips=LIPS):
    picture = np.full((SIZE[1], SIZE[0], 3), skin, np.uint8)
    for part, color in ((slice(48, 60), lips), (slice(60, 68), inside)):
        cv2.fillPoly(picture, [np.rint(landmarks[part]).astype(np.int32)], color)
    return picture


def test_an_open_mouth_is_larger_than_a_shut_one():
    assert opening(face_with(0.0)) == pytest.approx(0.0, abs=1e-3)
    assert opening(face_with(10.0)) > 3 * opening(face_with(3.0)) > 0


def test_lips_that_only_the_landmarks_part_are_shut():
    landmarks = face_with(4.0)
    assert opening(true_lips(paint(landmarks, LIPS), landmarks)) == pytest.approx(0.0, abs=1e-4)
    for inside in (TEETH, (28, 20, 20)):
        assert np.array_equal(true_lips(paint(landmarks, inside), landmarks), landmarks)


def test_a_grey_photo_and_a_wide_smile_say_nothing_against_the_landmarks():
    landmarks = face_with(4.0)
    grey = paint(landmarks, (90, 90, 90), (160, 160, 160), (90, 90, 90))
    assert np.array_equal(true_lips(grey, landmarks), landmarks)
    wide = face_with(14.0)
    assert np.array_equal(true_lips(paint(wide, LIPS), wide), wide)
    outside = landmarks - (1000.0, 1000.0)
    assert np.array_equal(true_lips(grey, outside), outside)


def test_the_inside_of_a_mouth_is_unseen_where_it_was_shut():
    opened = face_with(10.0)
    mouth = unseen_inside(face_with(0.0), opened, SIZE)
    x, y = opened[[62, 66]].mean(axis=0).astype(int)
    assert mouth[y, x] == pytest.approx(1.0, abs=0.05)
    assert mouth[: int(opened[50, 1])].max() == 0.0
    assert not unseen_inside(opened, opened, SIZE).any()


def test_a_mouth_that_is_drawn_shut_shows_no_teeth():
    shut = face_with(0.0)
    face = paint(shut, LIPS, lips=(170, 66, 80))
    line = shut[[60, 61, 62, 63, 64]]
    cv2.polylines(face, [np.rint(np.add(line[1:4], (0.0, 2.0))).astype(np.int32)], False, TEETH, 3)  # shards
    photo = paint(shut, LIPS)
    cv2.polylines(photo, [np.rint(line).astype(np.int32)], False, (70, 25, 25), 2)
    share = closed_share(face_with(10.0), shut)
    assert share == 1.0
    closed = close_lips(face.astype(np.float32), photo, shut, share)
    inside = np.zeros(face.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(shut[48:60]).astype(np.int32)], 1)
    teeth = face.min(axis=2) > 200
    assert closed[teeth & (inside > 0)].max(axis=1).mean() < 195
    assert np.array_equal(closed[:120], face[:120].astype(np.float32))
    # Away from the line, the lips are the person's; at the line, the photo's shadow.
    x, y = line[2].astype(int)
    assert closed[y - 1 : y + 2, x].min() < 110
    top = int(shut[51, 1]) + 3
    np.testing.assert_allclose(closed[top, x], (170, 66, 80), atol=12)


def test_teeth_beside_the_corners_are_not_drawn_between_shut_lips():
    """Between the corner and the next landmark the lips of a smile bend away from the line between these two."""
    smile, shut = face_with(0.0), face_with(0.0)
    middle, half = smile[62].copy(), np.ptp(smile[[60, 64], 0]) / 2.0
    for points, depth in (((60, 61, 62, 63, 64), -2.0), ((67, 66, 65), 30.0)):
        for index in points:
            side = (smile[index, 0] - middle[0]) / half
            smile[index, 1] = middle[1] + depth * (1.0 - side**2)
    smile[55:60, 1] += 30.0 * (1.0 - np.clip(np.abs(smile[55:60, 0] - middle[0]) / half, 0, 1) ** 2)
    x = np.linspace(-1.0, 1.0, 41)
    lips = [np.column_stack([middle[0] + half * x, middle[1] + d * (1 - x**2)]) for d in (-2.0, 30.0)]
    picture = paint(smile, LIPS)
    inside = [np.rint(np.vstack([lips[0], lips[1][::-1]])).astype(np.int32)]
    cv2.fillPoly(picture, inside, TEETH)
    cv2.polylines(picture, inside, True, LIPS, 3)
    shut[[67, 66, 65]] = shut[[61, 62, 63]]
    overlay = draw_overlay(picture.shape, shut, picture, smile)
    mouth = np.zeros(overlay.shown.shape, np.uint8)
    cv2.fillPoly(mouth, [np.rint(overlay.landmarks[48:60]).astype(np.int32)], 1)
    teeth = (overlay.face.min(axis=2) > 170) & (mouth > 0)
    assert (picture[..., 2] == TEETH[2]).sum() > 500
    assert teeth.sum() < 5


def test_a_smile_is_taken_back_where_the_mouth_is_drawn_narrower():
    smile, rest = face_with(0.0), face_with(0.0)
    middle = smile[48:68, 0].mean()
    smile[48:68, 0] = middle + 1.15 * (smile[48:68, 0] - middle)
    assert relaxed_share(smile, rest) > 0.8
    assert relaxed_share(rest, smile) == relaxed_share(rest, rest) == 0.0
    assert relaxed_share(smile * 2.0 + 7.0, smile) == pytest.approx(0.0, abs=1e-6)


def test_mouths_that_open_alike_are_left_as_they_are():
    landmarks = face_with(10.0)
    assert closed_share(landmarks, landmarks) == 0.0
    assert closed_share(face_with(0.0), face_with(0.0)) == 0.0
    face = paint(landmarks, TEETH).astype(np.float32)
    assert close_lips(face, face, landmarks, 0.0) is face


def test_dark_lips_of_the_photo_do_not_gleam_where_they_are_made_pale():
    """Their inner part catches the light; as a factor of pale lips it would be white."""
    shut = face_with(0.0)
    face = paint(face_with(10.0), TEETH, lips=(190, 110, 110))
    photo = paint(shut, (60, 40, 40), lips=(60, 42, 42))
    line = (shut[[60, 61, 62, 63, 64]] + shut[[60, 67, 66, 65, 64]]) / 2 + (0.0, 2.0)
    cv2.polylines(photo, [np.rint(line).astype(np.int32)], False, (120, 100, 105), 2)
    x, y = np.rint(line[2]).astype(int)
    matt = close_lips(face.astype(np.float32), photo, shut, 1.0)[y, x]
    assert matt.min() < 215
    assert matt[0] - matt[1] > 40  # still as red as lips
