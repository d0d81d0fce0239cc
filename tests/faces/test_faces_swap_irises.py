"""The irises of a fused face differ as the photo's do, and no more."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.swap.irises import even_irises
from tests.reference.drawn import DrawnFace, face_landmarks

SHAPE = (400, 440)
EYE = np.array([(0.0, 0.0), (0.3, -0.16), (0.7, -0.16), (1.0, 0.0), (0.7, 0.15), (0.3, 0.15)])
DARK, PALE, GREENISH = (70, 45, 30), (105, 74, 54), (70, 75, 30)


@pytest.fixture
def landmarks():
    points = face_landmarks(DrawnFace((220.0, 190.0), 80.0))
    for eye in (RIGHT_EYE, LEFT_EYE):
        points[eye] = EYE * 60.0 + points[eye].mean(axis=0) - (30.0, 0.0)
    return points


def eyes_with(right, left, landmarks):
    """Paint a face's eyes with irises of these colours; None paints none."""
    picture = np.full((*SHAPE, 3), (200, 150, 125), np.uint8)
    for part, colour in ((RIGHT_EYE, right), (LEFT_EYE, left)):
        eye = landmarks[part]
        opening = np.zeros(SHAPE, np.uint8)
        cv2.fillPoly(opening, [np.rint(eye * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        whole = np.full_like(picture, (225, 215, 210))
        if colour is not None:
            x, y = np.rint(eye[[0, 3]].mean(axis=0)).astype(int).tolist()
            cv2.circle(whole, (x, y), 12, colour, -1, cv2.LINE_AA)
            cv2.circle(whole, (x, y), 4, (8, 6, 6), -1, cv2.LINE_AA)
        picture[opening > 0] = whole[opening > 0]
    return picture.astype(np.float32)


def colours(picture, landmarks):
    """Return the linear light beside the pupils of both eyes, (2, 3)."""
    places = [np.rint(landmarks[part][[0, 3]].mean(axis=0)).astype(int) for part in (RIGHT_EYE, LEFT_EYE)]
    return np.array([to_linear(picture)[y, x - 8] for x, y in places])


def apart(picture, landmarks):
    return abs(float(np.diff(np.log(luminance(colours(picture, landmarks))))[0]))


def test_irises_of_unequal_light_become_alike_and_nothing_else_changes(landmarks):
    face, photo = eyes_with(DARK, PALE, landmarks), eyes_with(DARK, DARK, landmarks)
    result = even_irises(face, photo, landmarks)
    assert apart(face, landmarks) > 0.8
    assert apart(result, landmarks) < 0.4
    dark, pale = (float(each) for each in luminance(colours(face, landmarks)))
    assert all(dark < each < pale for each in luminance(colours(result, landmarks)))
    beside = np.ones(SHAPE, bool)
    for part in (RIGHT_EYE, LEFT_EYE):
        x, y = np.rint(landmarks[part].mean(axis=0)).astype(int)
        beside[y - 24 : y + 25, x - 24 : x + 25] = False
    assert np.array_equal(result[beside], face[beside])
    pupil = np.rint(landmarks[RIGHT_EYE][[0, 3]].mean(axis=0)).astype(int)
    assert result[pupil[1], pupil[0]].max() < 14


def test_irises_of_unequal_colour_become_alike(landmarks):
    face, photo = eyes_with(DARK, GREENISH, landmarks), eyes_with(DARK, DARK, landmarks)
    before, after = (
        np.diff(np.log(colours(each, landmarks)), axis=0) for each in (face, even_irises(face, photo, landmarks))
    )
    assert np.abs(after).max() < 0.6 * np.abs(before).max()


def test_what_the_photos_light_does_to_irises_stays(landmarks):
    face = eyes_with(DARK, PALE, landmarks)
    assert np.array_equal(even_irises(face, face, landmarks), face)
    other = even_irises(face, eyes_with(PALE, DARK, landmarks), landmarks)
    assert apart(other, landmarks) < 0.4  # but not what it does the other way round


@pytest.mark.parametrize("shut", [0, 1])
def test_with_one_iris_nothing_changes(landmarks, shut):
    both, one = (DARK, PALE), [DARK, PALE]
    one[shut] = None
    face, photo = eyes_with(*both, landmarks), eyes_with(*one, landmarks)
    assert np.array_equal(even_irises(face, photo, landmarks), face)
    assert np.array_equal(even_irises(photo, face, landmarks), photo)


def test_the_exposure_does_not_matter(landmarks):
    face, photo = eyes_with(DARK, PALE, landmarks), eyes_with(DARK, DARK, landmarks)
    dim = [to_srgb(0.3 * to_linear(each)) for each in (face, photo)]
    result = to_linear(even_irises(face, photo, landmarks))
    assert np.abs(to_linear(even_irises(*dim, landmarks)) - 0.3 * result).max() < 0.01
