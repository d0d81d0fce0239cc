"""What the photo study sees in a picture: every figure moves with what it measures, and not with anything else."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ppgan_ext.apps.studies.photos.appearance import compare_faces, fine_structure, iris_colors
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.color import to_lab
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((150.0, 140.0), 60.0)
SKIN = np.s_[150:170, 90:110]  # the right cheek


@pytest.fixture(scope="module")
def photo():
    picture, (landmarks,) = draw_photo((300, 310), [FACE], seed=3)
    grain = np.random.default_rng(0).normal(0, 6, picture.shape[:2])[..., None]
    return np.clip(picture + grain, 0, 255).astype(np.uint8), landmarks


def compare(photo, result):
    return compare_faces(photo[0], result, photo[1], photo[1])


def test_a_photo_differs_in_nothing_from_itself(photo):
    same = compare(photo, photo[0].copy())
    assert same.sharpness == 1.0
    assert same.border_step == same.border_step_photo
    for name in ("iris_change", "iris_color", "skin_l", "skin_a", "skin_b", "paint", "darkening", "chroma_added"):
        assert getattr(same, name) == 0.0, name


def test_sharpness_falls_with_blur_and_rises_with_grain_not_with_light(photo):
    image, _ = photo
    assert compare(photo, cv2.GaussianBlur(image, (0, 0), 1.5)).sharpness < 0.6
    noise = np.random.default_rng(1).normal(0, 12, image.shape[:2])[..., None]
    assert compare(photo, np.clip(image + noise, 0, 255).astype(np.uint8)).sharpness > 1.4
    darker = (255 * (image / 255.0) * 0.5 ** (1 / 2.2)).round().astype(np.uint8)  # half the light
    assert compare(photo, darker).sharpness == pytest.approx(1.0, abs=0.05)


def test_fine_structure_does_not_depend_on_the_size_of_the_photo(photo):
    image, landmarks = photo
    skin = np.zeros(image.shape[:2], bool)
    skin[SKIN] = True
    waves = (128 + 40 * np.sin(np.arange(image.shape[1]) * 2 * np.pi / 6))[None, :, None]
    image = np.broadcast_to(waves, image.shape).astype(np.uint8)
    double = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    unit = eye_distance(landmarks)
    small = fine_structure(image, skin, unit)
    large = fine_structure(double, np.kron(skin, np.ones((2, 2))) > 0, 2 * unit)
    assert large == pytest.approx(small, rel=0.1)
    assert math.isnan(fine_structure(image, np.zeros_like(skin), unit))


def test_skin_shift_is_told_from_paint(photo):
    image, _ = photo
    warmer = np.clip(image.astype(int) + np.array([8, 0, -8]), 0, 255).astype(np.uint8)
    shifted = compare(photo, warmer)
    assert shifted.skin_b > 3
    assert shifted.paint < 2.5
    assert shifted.chroma_added > 3
    bruise = image.copy()
    bruise[SKIN] = np.clip(bruise[SKIN].astype(int) + np.array([-60, 0, 0]), 0, 255)
    painted = compare(photo, bruise)
    assert abs(painted.skin_a) < 1
    assert painted.paint > 8
    assert painted.darkening > 3
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert compare(photo, grey).chroma_added < 0


def test_the_iris_is_found_and_its_colour_measured(photo):
    image, landmarks = photo
    blue = image.copy()
    for eye in (landmarks[36:42], landmarks[42:48]):
        x, y = np.rint(eye.mean(axis=0)).astype(int)
        cv2.circle(blue, (x, y), 5, (70, 110, 160), -1, cv2.LINE_AA)
        cv2.circle(blue, (x + 2, y - 2), 1, (255, 255, 255), -1)  # a highlight does not count
    brown, measured = iris_colors(image, landmarks, blue, landmarks)
    expected = to_lab(np.full((1, 1, 3), (70, 110, 160), np.uint8))[0, 0]
    assert np.abs(measured - expected).max() < 6
    assert (np.abs(brown[:, 1:]) < 12).all()
    change = compare(photo, blue)
    assert change.iris_change == pytest.approx(np.linalg.norm(measured - brown, axis=1).mean(), rel=0.05)
    assert change.iris_color > 15


def test_a_glance_aside_is_followed(photo):
    image, landmarks = photo
    aside = image.copy()
    for eye in (landmarks[36:42], landmarks[42:48]):
        x, y = np.rint(eye.mean(axis=0)).astype(int)
        cv2.circle(aside, (x, y), 6, (238, 234, 230), -1, cv2.LINE_AA)
        cv2.circle(aside, (x + 5, y), 5, (70, 110, 160), -1, cv2.LINE_AA)
    colors, _ = iris_colors(aside, landmarks, aside, landmarks)
    expected = to_lab(np.full((1, 1, 3), (70, 110, 160), np.uint8))[0, 0]
    assert np.abs(colors - expected).max() < 8


def test_a_closed_eye_has_no_colour(photo):
    image, landmarks = photo
    closed = landmarks.copy()
    closed[36:42, 1] = closed[36:42, 1].mean()
    for pair in ((image, closed, image, landmarks), (image, landmarks, image, closed)):
        for right, left in iris_colors(*pair):
            assert np.isnan(right).all()
            assert np.isfinite(left).all()


def test_a_step_at_the_border_is_measured(photo):
    from ppgan_ext.faces.mask import face_mask

    image, landmarks = photo
    inside = face_mask(landmarks, image.shape) > 0.5
    result = image.copy()
    result[inside] = np.clip(result[inside].astype(int) - 30, 0, 255)
    measured = compare(photo, result)
    assert measured.border_step > measured.border_step_photo + 3
