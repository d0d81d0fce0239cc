"""White hairs of brows: where they grow and how they lie."""

from __future__ import annotations

import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.brow_hairs import brow_hairs
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.facial_hair import brow_place


@pytest.fixture(scope="module")
def landmarks():
    return 3.0 * (find_faces(skimage.data.astronaut())[0].landmarks - (100, 0)) + 1.0


@pytest.fixture(scope="module")
def dense(landmarks):
    return brow_place(landmarks, (840, 840))


def _ways(hairs):
    """Return the direction of each hair from root to tip, (N, 2), a unit vector."""
    way = hairs.curves[:, -1] - hairs.curves[:, 0]
    return way / np.linalg.norm(way, axis=1, keepdims=True)


def test_hairs_begin_in_the_brows(dense, landmarks):
    hairs = brow_hairs(dense, landmarks, 0.4, 0)
    x, y = np.rint(hairs.curves[:, 0]).astype(int).T
    assert len(hairs.white) > 100
    assert dense[y, x].min() > 0.0
    assert 0.0 < hairs.white.min() and hairs.white.max() <= 1.0
    lengths = np.linalg.norm(np.diff(hairs.curves, axis=1), axis=2).sum(axis=1) / eye_distance(landmarks)
    assert 0.02 < lengths.min() and lengths.max() < 0.25


def test_they_stand_up_beside_the_nose_and_lie_down_outwards(dense, landmarks):
    hairs = brow_hairs(dense, landmarks, 0.9, 0)
    roots, ways = hairs.curves[:, 0], _ways(hairs)
    for brow, side in ((landmarks[21:16:-1], -1.0), (landmarks[22:27], 1.0)):
        along = (brow[-1] - brow[0]) / np.linalg.norm(brow[-1] - brow[0])
        share = (roots - brow[0]) @ along / np.linalg.norm(brow[-1] - brow[0])
        mine = (roots[:, 0] - landmarks[27, 0]) * side > 0.0
        up = along[::-1] * (side, -side)
        inner, outer = ways[mine & (share < 0.1)], ways[mine & (share > 0.6)]
        assert (inner @ up).mean() > 0.6
        assert (outer @ along).mean() > 0.9
        assert (outer @ up).mean() < 0.3


def test_hairs_above_the_ridge_point_lower_than_those_below(dense, landmarks):
    hairs = brow_hairs(dense, landmarks, 0.9, 0)
    roots, ways = hairs.curves[:, 0], _ways(hairs)
    middle = np.abs(roots[:, 0] - landmarks[24, 0]) < 0.12 * eye_distance(landmarks)
    order = np.argsort(roots[middle, 1])
    third = len(order) // 3
    up = -ways[middle][order][:, 1]
    assert up[:third].mean() < up[-third:].mean() - 0.15


def test_none_without_grey_or_without_brows(dense, landmarks):
    assert len(brow_hairs(dense, landmarks, 0.0, 0).white) == 0
    assert len(brow_hairs(np.zeros_like(dense), landmarks, 0.5, 0).white) == 0


def test_more_years_show_the_same_hairs_and_more(dense, landmarks):
    drawn = (brow_hairs(dense, landmarks, share, 3) for share in (0.15, 0.4))
    few, many = ({tuple(curve[0]): white for curve, white in zip(*one, strict=True)} for one in drawn)
    assert 1.5 * len(few) < len(many)
    assert all(many[root] >= white for root, white in few.items())


def test_each_seed_has_its_own_hairs(dense, landmarks):
    first, again, other = (brow_hairs(dense, landmarks, 0.4, seed).curves for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.isin(first[:, 0, 0], other[:, 0, 0]).any()


def test_a_head_that_is_turned_has_the_same_hairs_turned(dense, landmarks):
    """A photo that lies on its side."""
    turned = np.rot90(dense)
    points = np.stack([landmarks[:, 1], dense.shape[1] - 1 - landmarks[:, 0]], axis=1)
    hairs, others = brow_hairs(dense, landmarks, 0.4, 0), brow_hairs(turned, points, 0.4, 0)
    back = np.stack([dense.shape[1] - 1 - others.curves[..., 1], others.curves[..., 0]], axis=2)
    assert len(back) == pytest.approx(len(hairs.curves), abs=3)
    nearest = [np.abs(hairs.curves - curve).max(axis=(1, 2)).min() for curve in back]
    assert np.mean(np.array(nearest) < 0.01) > 0.95
