"""Where landmarks go with age: lips become thinner in proportion to what they are, eyes no wider, and jowls hang."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.shape import move_face, moved_landmarks
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = bundled_model().shape


def thickness(points):
    return float(np.linalg.norm(points[62] - points[51]) + np.linalg.norm(points[57] - points[66]))


def opening(points):
    return float(np.linalg.norm(points[37] - points[41]) + np.linalg.norm(points[44] - points[46]))


@pytest.mark.parametrize("full", [1.0, 1.6])
def test_full_lips_and_thin_lips_lose_the_same_share(full):
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    middle = points[[62, 66]].mean(axis=0)
    points[48:60, 1] = middle[1] + full * (points[48:60, 1] - middle[1])
    moved = moved_landmarks(points, 0.0 * SHAPE, 0.0, features=0.5)
    assert thickness(moved) == pytest.approx(0.75 * thickness(points), rel=0.02)


def test_eyes_that_would_open_become_narrower_from_above():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    wider = np.zeros((68, 2))
    wider[[37, 38, 43, 44], 1] = -0.02
    assert opening(moved_landmarks(points, wider, 1.0)) > opening(points)
    moved = moved_landmarks(points, wider, 1.0, features=0.5)
    assert opening(moved) == pytest.approx(0.9 * opening(points), rel=0.02)
    assert abs(moved[41] - points[41]).max() < 0.5 * abs(moved[37] - points[37] + (0, 2)).max()


def test_younger_faces_keep_the_proportions_of_the_regression():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    assert np.array_equal(moved_landmarks(points, SHAPE, -0.3), moved_landmarks(points, SHAPE, -0.3, features=0.0))
    assert thickness(moved_landmarks(points, SHAPE, -0.3)) > thickness(points)


def outwards(points, moved):
    """Return how far the jaw's 17 landmarks move away from the middle of the face."""
    apart = points[:17] - points[27]
    return ((moved - points)[:17] * apart).sum(axis=1) / np.hypot(*apart.T)


def test_jowls_hang_beside_the_chin_under_hollow_cheeks():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    out = outwards(points, moved_landmarks(points, 0.0 * SHAPE, 0.0, sag=0.6))
    for cheek, jowl, chin in (((3, 4), (5, 6), 7), ((13, 12), (11, 10), 9)):
        assert all(out[[*cheek, chin]] < -1.0)
        assert all(out[list(jowl)] > 0.8)
    assert abs(out[[0, 1, 2, 14, 15, 16]]).max() == 0.0


def test_jowls_hang_alike_on_both_sides_and_less_on_the_one_that_is_turned_away():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    out = outwards(points, moved_landmarks(points, 0.0 * SHAPE, 0.0, sag=0.6))
    assert out == pytest.approx(out[::-1], abs=0.2)
    points[:8, 0] = points[8, 0] + 0.5 * (points[:8, 0] - points[8, 0])
    out = outwards(points, moved_landmarks(points, 0.0 * SHAPE, 0.0, sag=0.6))
    assert abs(out[3:8]).sum() < 0.7 * abs(out[9:14]).sum()


def test_the_outline_bulges_between_the_landmarks_of_a_jowl_too():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    moved = moved_landmarks(points, 0.0 * SHAPE, 0.0, sag=1.0)
    between = (points[5] + points[6]) / 2
    photo = np.zeros((420, 400, 3), np.uint8)
    cv2.circle(photo, tuple(np.rint(between).astype(int).tolist()), 5, (255, 255, 255), -1)
    y, x = (np.average(axis, weights=move_face(photo, points, moved)[..., 0]) for axis in np.mgrid[:420, :400])
    apart = (between - points[27]) / np.hypot(*(between - points[27]))
    ends = outwards(points, moved)[5:7].mean()
    assert (np.array([x, y]) - np.rint(between)) @ apart > 0.85 * ends


def test_lids_come_down_in_the_photo_and_irises_keep_their_bits():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    photo = np.full((400, 400, 3), 200, np.uint8)
    gap = points[37:39, 1].mean() - points[19, 1]
    crease = round(points[37:39, 1].mean() - 0.33 * gap)
    photo[crease - 1 : crease + 2] = 40
    column = round(points[37:39, 0].mean())
    result = move_face(photo, points, points, lids=0.7)
    assert result[:, column, 0].argmin() - crease == pytest.approx(0.14 * gap, abs=1.6)
    x, y = np.rint(points[36:42].mean(axis=0)).astype(int)
    assert np.array_equal(result[y : y + 4, x - 4 : x + 4], photo[y : y + 4, x - 4 : x + 4])


def test_brows_come_down_at_the_temples_alone():
    points = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
    down = (moved_landmarks(points, 0.0 * SHAPE, 0.0, lids=1.0) - points)[17:27, 1]
    assert down[0] == pytest.approx(2.5, rel=0.05)
    assert down[9] == pytest.approx(2.5, rel=0.05)
    assert down[0] > down[1] > down[2] == down[4] == 0.0


def test_the_result_is_another_photo_even_where_one_column_of_the_face_shows():
    points = face_landmarks(DrawnFace((0.0, 200.0), 100.0))
    photo = np.full((400, 1, 3), 200, np.uint8)
    result = move_face(photo, points, points + 5.0)
    assert np.array_equal(result, photo)
    assert not np.shares_memory(result, photo)
