"""Irises are found in open eyes, and moved to where the photo's are."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.swap.gaze import find_iris, follow_gaze
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = (400, 440)
EYE = np.array([(0.0, 0.0), (0.3, -0.16), (0.7, -0.16), (1.0, 0.0), (0.7, 0.15), (0.3, 0.15)])


def turned(width, degrees):
    angle = np.radians(degrees)
    return EYE * width @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + (150.0, 180.0)


def draw_eye(picture, eye, place, radius=0.2):
    """Paint an eye with its iris between the corners; place None paints no iris."""
    whole, opening = picture.copy(), np.zeros(SHAPE, np.uint8)
    cv2.fillPoly(opening, [np.rint(eye * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    whole[opening > 0] = (225, 215, 210)
    if place is not None:
        width = float(np.hypot(*(eye[3] - eye[0])))
        x, y = np.rint((eye[0] + place * (eye[3] - eye[0])) * 16).astype(int).tolist()
        cv2.circle(whole, (x, y), round(radius * width * 16), (70, 45, 30), -1, cv2.LINE_AA, 4)
    result = picture.copy()
    result[opening > 0] = whole[opening > 0]
    return result


def skin():
    return np.full((*SHAPE, 3), (200, 150, 125), np.uint8)


@pytest.mark.parametrize("place", [0.35, 0.5, 0.62])
@pytest.mark.parametrize(("width", "degrees"), [(24.0, 0.0), (60.0, 20.0), (140.0, -12.0)])
def test_an_iris_is_found_at_any_size_and_tilt(place, width, degrees):
    eye = turned(width, degrees)
    assert find_iris(draw_eye(skin(), eye, place), eye) == pytest.approx(place, abs=0.03)


@pytest.mark.parametrize(("eye", "place"), [(turned(60.0, 0.0), None), (turned(8.0, 0.0), 0.5)])
def test_where_none_is_seen_none_is_found(eye, place):
    assert find_iris(draw_eye(skin(), eye, place), eye) is None


def test_lids_that_are_nearly_shut_hide_it():
    eye = turned(60.0, 0.0)
    eye[:, 1] = 180.0 + 0.3 * (eye[:, 1] - 180.0)
    assert find_iris(draw_eye(skin(), eye, 0.5), eye) is None


@pytest.fixture
def landmarks():
    points = face_landmarks(DrawnFace((220.0, 190.0), 80.0))
    for eye in (RIGHT_EYE, LEFT_EYE):
        points[eye] = EYE * 48.0 + points[eye].mean(axis=0) - (24.0, 0.0)
    return points


def faces(landmarks, *places):
    picture = skin()
    for eye, place in zip((RIGHT_EYE, LEFT_EYE), places, strict=True):
        picture = draw_eye(picture, landmarks[eye], place)
    return picture


def test_a_face_looks_where_the_photos_does(landmarks):
    face, photo = faces(landmarks, 0.4, 0.42), faces(landmarks, 0.52, 0.54)
    moved = follow_gaze(face, photo, landmarks)
    for eye, wanted in ((RIGHT_EYE, 0.52), (LEFT_EYE, 0.54)):
        assert find_iris(moved, landmarks[eye]) == pytest.approx(wanted, abs=0.03)
    changed = np.abs(moved - face).max(axis=2) > 1
    assert not changed[:, : int(landmarks[36, 0]) - 6].any()
    corners = np.rint(landmarks[[36, 39, 42, 45]]).astype(int)
    assert not changed[corners[:, 1], corners[:, 0]].any()


def test_it_does_not_squeeze_the_white_away(landmarks):
    moved = follow_gaze(faces(landmarks, 0.62, 0.62), faces(landmarks, 0.74, 0.74), landmarks)
    assert 0.64 < find_iris(moved, landmarks[RIGHT_EYE]) < 0.71


@pytest.mark.parametrize("photo_places", [(0.41, 0.43), (0.5, 0.32), (None, 0.55)])
def test_small_differences_and_eyes_that_disagree_or_are_not_seen_change_nothing(landmarks, photo_places):
    face = faces(landmarks, 0.4, 0.42)
    assert np.array_equal(follow_gaze(face, faces(landmarks, *photo_places), landmarks), face)


@pytest.mark.parametrize(("turned", "moved"), [(0.0, 0.05), (8.0, 0.105), (40.0, 0.15)])
def test_a_small_turn_explains_a_small_move(landmarks, turned, moved):
    face, photo = faces(landmarks, 0.38, 0.38), faces(landmarks, 0.53, 0.53)
    found = find_iris(follow_gaze(face, photo, landmarks, turned), landmarks[RIGHT_EYE])
    assert found == pytest.approx(0.38 + moved, abs=0.02)
