"""A face of which one side is drawn from the mirrored other."""

import numpy as np
import pytest

from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.both_sides import join_sides
from tests.reference.drawn import DrawnFace, draw_photo

SHAPE = (390, 350)


def halves():
    """Return a face's landmarks, where its left half is hidden, and the column of its middle."""
    landmarks = draw_photo(SHAPE, [DrawnFace((190.0, 160.0), 62.0)], 0)[1][0]
    seen = np.ones(SHAPE, np.float32)
    middle = round(float(landmarks[27, 0]))
    seen[:, :middle] = 0.0
    return landmarks, seen, middle


def test_a_mirrored_side_takes_the_light_of_the_other():
    landmarks, seen, middle = halves()
    face = np.full((*SHAPE, 3), (180.0, 140.0, 120.0), np.float32)
    mirrored = face * np.float32((0.75, 0.8, 0.9))
    pattern = np.where(np.arange(SHAPE[0]) % 8 < 4, 1.0, 0.9).astype(np.float32)[:, None, None]
    joined, share = join_sides(face, mirrored * pattern, seen, np.ones_like(seen), landmarks)
    row = slice(int(landmarks[28, 1]), int(landmarks[30, 1]))
    assert share[row, middle - 40].max() == 0.0
    # Bright stripes have the other side's colour, and dark ones remain.
    cheek = joined[row, middle - 40]
    assert cheek.mean(axis=0) == pytest.approx(face[0, 0], rel=0.04)
    assert np.ptp(cheek[:, 0]) > 10.0
    assert joined[:, middle + 40] == pytest.approx(face[:, middle + 40], abs=0.1)


def test_the_seam_is_wide_only_where_both_are_seen():
    landmarks, seen, middle = halves()
    face, mirrored = np.full((*SHAPE, 3), 150.0, np.float32), np.full((*SHAPE, 3), 150.0, np.float32)
    there = np.ones_like(seen)
    there[:100] = 0.0
    share = join_sides(face, mirrored, seen, there, landmarks)[1]
    row = int(landmarks[30, 1])
    assert np.count_nonzero((share[row] > 0.02) & (share[row] < 0.98)) >= 0.02 * face_size(landmarks)
    assert share[row, :middle].max() == 0.0  # hidden pixels are never drawn
    assert (share[:100] == 1.0).all()  # nor is there anything else to draw


def test_nothing_tells_the_light_of_sides_that_are_not_both_seen():
    landmarks, seen, middle = halves()
    face, mirrored = np.full((*SHAPE, 3), 150.0, np.float32), np.full((*SHAPE, 3), 90.0, np.float32)
    joined = join_sides(face, mirrored, seen, 1.0 - seen, landmarks)[0]
    assert joined[200, middle - 40] == pytest.approx(90.0)
    assert joined[200, middle + 40] == pytest.approx(150.0)
