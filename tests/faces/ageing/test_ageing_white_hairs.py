"""White hairs of a beard: where they grow and how they lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage

from ppgan_ext.faces.ageing.white_hairs import white_hairs
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.beard import beard_outlines


@pytest.fixture(scope="module")
def landmarks():
    return 3.0 * (find_faces(skimage.data.astronaut())[0].landmarks - (100, 0)) + 1.0


@pytest.fixture(scope="module")
def dense(landmarks):
    return np.max(list(beard_outlines(landmarks, (840, 840)).values()), axis=0)


def _inside(dense, curves):
    x, y = np.rint(curves[:, 0]).astype(int).T
    return dense[y, x]


def test_hairs_begin_where_the_beard_grows(dense, landmarks):
    hairs = white_hairs(dense, 1.0, landmarks, 0.7, 0)
    assert len(hairs.white) > 1000
    assert hairs.curves.shape == (len(hairs.white), 8, 2)
    assert _inside(dense, hairs.curves).min() > 0.0
    assert 0.0 < hairs.white.min() and hairs.white.max() <= 1.0
    lengths = np.linalg.norm(np.diff(hairs.curves, axis=1), axis=2).sum(axis=1) / eye_distance(landmarks)
    assert 0.005 < lengths.min() and lengths.max() < 0.3


def test_none_without_grey_or_without_a_beard(dense, landmarks):
    assert len(white_hairs(dense, 1.0, landmarks, 0.0, 0).white) == 0
    assert len(white_hairs(np.zeros_like(dense), 1.0, landmarks, 0.7, 0).white) == 0


def test_more_years_show_the_same_hairs_and_more(dense, landmarks):
    """So films pass smoothly."""
    drawn = (white_hairs(dense, 1.0, landmarks, share, 3) for share in (0.3, 0.6))
    few, many = ({tuple(curve[0]): (curve, white) for curve, white in zip(*one, strict=True)} for one in drawn)
    assert 1.5 * len(few) < len(many)
    for root, (curve, white) in few.items():
        assert np.array_equal(many[root][0], curve)
        assert many[root][1] >= white


def test_each_seed_has_its_own_hairs(dense, landmarks):
    first, again, other = (white_hairs(dense, 1.0, landmarks, 0.5, seed).curves for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.isin(first[:, 0, 0], other[:, 0, 0]).any()


def test_the_chin_turns_first(dense, landmarks):
    roots = white_hairs(np.ones_like(dense), 1.0, landmarks, 0.3, 0).curves[:, 0]
    places = landmarks[8] - 0.1 * (landmarks[8] - landmarks[57]), landmarks[2], landmarks[14]
    chin, right, left = (np.sum(np.linalg.norm(roots - one, axis=1) < 0.2 * eye_distance(landmarks)) for one in places)
    assert chin > 1.2 * max(right, left) > 50


def test_where_a_beard_is_thin_hairs_are_few_and_short(dense, landmarks):
    full, thin = (white_hairs(share * dense, 1.0, landmarks, 0.7, 0) for share in (1.0, 0.3))
    assert len(thin.white) < 0.6 * len(full.white)
    lengths = [np.linalg.norm(np.diff(one.curves, axis=1), axis=2).sum(axis=1).mean() for one in (full, thin)]
    assert lengths[1] < 0.6 * lengths[0]


def test_stubble_has_short_hairs_only_however_dark_it_is(dense, landmarks):
    full, half, stubble = (white_hairs(dense, full, landmarks, 0.7, 0) for full in (1.0, 0.5, 0.0))
    assert np.array_equal(full.curves[:, 0], stubble.curves[:, 0])
    lengths = [
        np.linalg.norm(np.diff(one.curves, axis=1), axis=2).sum(axis=1) / eye_distance(landmarks)
        for one in (full, half, stubble)
    ]
    assert (lengths[0] > lengths[1]).all() and (lengths[1] > lengths[2]).all()
    assert np.quantile(lengths[2], 0.99) < 0.05 < np.quantile(lengths[0], 0.7)
    # What is so short hardly shows.
    assert stubble.white.mean() < 0.7 * full.white.mean()


def test_they_lie_outwards_and_down_and_turn_with_the_face(dense, landmarks):
    hairs = white_hairs(dense, 1.0, landmarks, 0.7, 0)
    way = hairs.curves[:, -1] - hairs.curves[:, 0]
    assert way[:, 1].mean() > 0.5 * np.linalg.norm(way, axis=1).mean()
    middle = landmarks[[48, 54]].mean(axis=0)
    above = hairs.curves[:, 0, 1] < landmarks[51, 1]
    side = hairs.curves[:, 0, 0] - middle[0]
    assert way[above & (side > 20), 0].mean() > 2.0 > -2.0 > way[above & (side < -20), 0].mean()
    centre = (dense.shape[1] - 1) / 2
    turned = white_hairs(np.ascontiguousarray(np.rot90(dense, -1)), 1.0, _quarter(landmarks, centre), 0.7, 0)
    assert len(turned.white) == pytest.approx(len(hairs.white), rel=0.01)
    assert np.abs(turned.curves[:, 0].mean(axis=0) - _quarter(hairs.curves[:, 0].mean(axis=0), centre)).max() < 1.0


def _quarter(points, centre):
    """Turn points with their picture by a quarter, clockwise."""
    return np.stack([2 * centre - points[..., 1], points[..., 0]], axis=-1)


def test_size_does_not_matter(dense, landmarks):
    small = cv2.resize(dense, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    halved = (landmarks + 0.5) / 2 - 0.5
    large, reduced = (white_hairs(one, 1.0, at, 0.6, 0) for one, at in ((dense, landmarks), (small, halved)))
    assert len(reduced.white) == pytest.approx(len(large.white), rel=0.03)
    assert np.abs((reduced.curves[:, 0].mean(axis=0) + 0.5) * 2 - 0.5 - large.curves[:, 0].mean(axis=0)).max() < 3.0
