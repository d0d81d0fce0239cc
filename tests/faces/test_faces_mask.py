import numpy as np
import pytest

from ppgan_ext.faces.mask import face_mask, face_outline, mask_region
from tests.reference.drawn import DrawnFace, face_landmarks

FACE = DrawnFace((101.0, 80.0), 40.0, roll_degrees=-12)


def at(mask, point):
    x, y = np.rint(point).astype(int)
    return mask[y, x]


def test_covers_the_face_and_its_forehead_but_not_the_rest():
    landmarks = face_landmarks(FACE)
    mask = face_mask(landmarks, (190, 210))
    up = landmarks[17:27].mean(axis=0) - landmarks[33]
    forehead = landmarks[17:27].mean(axis=0) + 0.3 * up
    assert mask.shape == (190, 210)
    assert mask.dtype == np.float32
    assert mask.min() == 0.0
    assert 1.0 - 1e-6 <= mask.max() <= 1.0
    for point in (landmarks[27], landmarks[33], landmarks[66], landmarks[36:42].mean(axis=0)):
        assert at(mask, point) > 0.99
    assert at(mask, forehead) > 0.9
    assert at(mask, landmarks[17:27].mean(axis=0) + 1.2 * up) == 0
    assert at(mask, landmarks[8] + (landmarks[8] - landmarks[33]) * 0.3) == 0
    assert np.all(mask[:4] == 0)


def test_rises_smoothly_in_proportion_to_the_face():
    widths = []
    for unit in (20.0, 60.0):
        landmarks = face_landmarks(DrawnFace((3 * unit, 2.4 * unit), unit))
        row = face_mask(landmarks, (int(5 * unit), int(6 * unit)))[int(3 * unit)]
        left = row[: int(3 * unit)]
        assert np.all(np.diff(left) >= -2e-3)
        assert np.diff(left).max() < 6.5 / unit  # no step: the whole rise takes a quarter of the eye distance
        widths.append(np.count_nonzero((left > 0.02) & (left < 0.98)) / unit)
    assert widths[0] == pytest.approx(widths[1], rel=0.2)
    assert 0.1 < widths[0] < 0.5


def test_feather_sets_the_width():
    landmarks = face_landmarks(FACE)
    soft, hard = (face_mask(landmarks, (190, 210), feather=f) for f in (0.3, 0.03))
    assert np.count_nonzero((hard > 0) & (hard < 1)) < 0.5 * np.count_nonzero((soft > 0) & (soft < 1))


def test_is_cut_not_feathered_at_the_photos_border():
    landmarks = face_landmarks(DrawnFace((12.0, 70.0), 40.0))
    mask = face_mask(landmarks, (190, 100))
    whole = face_mask(landmarks + np.array([100.0, 0.0]), (190, 200))
    np.testing.assert_allclose(mask, whole[:, 100:], atol=1e-6)
    assert mask[80, 0] > 0.9


def test_a_face_outside_the_photo_has_no_mask():
    (left, top, right, bottom), mask = mask_region(face_landmarks(DrawnFace((-500.0, -400.0), 40.0)), (50, 60))
    assert mask.size == 0
    assert (right - left) * (bottom - top) == 0


@pytest.mark.parametrize("unit", [3.0, 40.0, 900.0])
def test_the_region_is_a_small_part_and_holds_all_of_the_mask(unit):
    landmarks = face_landmarks(DrawnFace((3 * unit + 7, 2.6 * unit + 3), unit))
    shape = (int(7 * unit), int(8 * unit))
    (left, top, right, bottom), mask = mask_region(landmarks, shape)
    assert mask.shape == (bottom - top, right - left)
    assert np.array_equal(face_mask(landmarks, shape)[top:bottom, left:right], mask)
    assert mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0
    assert mask.size < 0.3 * shape[0] * shape[1] or unit < 10


def test_outline_is_convex_and_holds_the_landmarks():
    landmarks = face_landmarks(FACE)
    outline = face_outline(landmarks)
    steps = np.roll(outline, -1, axis=0) - outline
    following = np.roll(steps, -1, axis=0)
    turns = steps[:, 0] * following[:, 1] - steps[:, 1] * following[:, 0]
    assert np.all(turns >= -1e-3) or np.all(turns <= 1e-3)
    with pytest.raises(ValueError, match="68"):
        face_outline(np.zeros((4, 2)))
