"""Folds in front of jowls: beside both corners of the mouth, each face's its own."""

import numpy as np
import pytest

from ppgan_ext.faces.ageing.jowls import draw_jowls
from tests.reference.drawn import DrawnFace, face_landmarks

POINTS = face_landmarks(DrawnFace((200.0, 200.0), 100.0))
SHAPE = (400, 400)


@pytest.mark.parametrize(("corner", "outwards"), [(48, -1), (54, 1)])
def test_a_dark_fold_runs_down_beside_the_mouth_and_the_jowl_behind_it_is_lit(corner, outwards):
    drawn = draw_jowls(POINTS, SHAPE, 3)
    x, y = np.rint(POINTS[corner]).astype(int)
    row = drawn[y + 15, x::outwards][:40] if outwards > 0 else drawn[y + 15, x::-1][:40]
    fold = int(row.argmin())
    assert row[fold] < -0.1
    assert 4 < fold < 30
    assert row[fold:].max() > 0.03
    assert row[:fold].max() < 0.01


def test_nothing_is_drawn_on_the_lips_the_nose_and_the_neck():
    drawn = abs(draw_jowls(POINTS, SHAPE, 3))
    x, y = np.rint(POINTS[33]).astype(int)
    assert drawn[: y - 10].max() == 0.0
    assert drawn[:, x - 12 : x + 12].max() < 0.01
    assert drawn[round(POINTS[8, 1]) + 10 :].max() == 0.0


def test_faces_differ_and_so_do_their_sides_and_a_seed_decides_it():
    first, again, other = (draw_jowls(POINTS, SHAPE, seed) for seed in (3, 3, 4))
    middle = round(2 * POINTS[27, 0])
    mirrored = first[:, np.clip(middle - np.arange(SHAPE[1]), 0, SHAPE[1] - 1)]
    assert np.array_equal(first, again)
    assert abs(first - other).max() > 0.05
    assert 0.02 < abs(first - mirrored).max() < abs(first).max() * 1.5
    assert np.corrcoef(first.ravel(), mirrored.ravel())[0, 1] > 0.3


def test_a_face_of_twice_the_size_gets_the_same_folds():
    large = draw_jowls(2.0 * POINTS + 0.5, (800, 800), 3)
    small = draw_jowls(POINTS, SHAPE, 3)
    assert np.allclose(large.reshape(400, 2, 400, 2).mean(axis=(1, 3)), small, atol=0.02)
