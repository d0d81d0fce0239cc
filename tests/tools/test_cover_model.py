"""The scripts that train the network of covers: what they paint is what they say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.faces.occlusion.cover_network import KINDS, NUM_CHANNELS, SHAPE, crop_matrix
from ppgan_ext.faces.warp import transform_points, warp
from tests.reference.drawn import DrawnFace, draw_photo

FOLDER = Path(__file__).resolve().parents[2] / "tools" / "cover_model"
NAMES = ("canvas", "glasses", "objects", "appearance", "samples", "real_glasses")


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield {name: importlib.import_module(name) for name in NAMES}
    for name in NAMES:
        del sys.modules[name]


@pytest.fixture
def crops(scripts):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0)], 0)
    matrix = crop_matrix(landmarks)
    copy = warp(picture, matrix, (SHAPE[1], SHAPE[0]))
    return scripts["samples"].Crops(
        copy[None], np.ones((1, *SHAPE), np.uint8), transform_points(landmarks, matrix)[None]
    )


@pytest.mark.parametrize(
    ("paint", "kinds"),
    [("paint_glasses", {0, 1}), ("dark", {0, 2}), ("paint_mask", {3}), ("paint_hand", {3}), ("paint_thing", {3})],
)
def test_painters_change_what_they_label(scripts, crops, paint, kinds):
    face, rng = crops.face(0), np.random.default_rng(3)
    others = [face.picture]
    if paint in ("paint_glasses", "dark"):
        changed = scripts["glasses"].paint_glasses(face, others, rng, paint == "dark")
    elif paint == "paint_hand":
        changed = scripts["objects"].paint_hand(face, rng)
    else:
        changed = getattr(scripts["objects"], paint)(face, others, rng)
    assert set(np.flatnonzero(changed.labels.max(axis=(0, 1)) > 0.5)) == kinds
    assert changed.labels.min() >= 0
    assert changed.labels.max() <= 1
    opaque = changed.labels[..., [0, 2, 3]].max(axis=2) > 0.9
    assert np.abs(changed.picture - face.picture)[opaque].mean() > 0.05


def test_samples_are_those_of_the_seed(scripts, crops):
    sampler = scripts["samples"].Sampler([(crops, 1.0)], [])
    first, second, other = (sampler.draw(np.random.default_rng(seed)) for seed in (5, 5, 6))
    for one, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, again)
    assert not np.array_equal(first[0], other[0])
    assert [array.shape for array in first] == [(NUM_CHANNELS, *SHAPE), (len(KINDS), *SHAPE), SHAPE]


def test_outlines_say_nothing_of_bridge_and_temples(scripts, crops):
    lenses = [[[30, 40], [60, 40], [60, 62], [30, 62]], [[84, 40], [114, 40], [114, 62], [84, 62]]]
    labelled = scripts["real_glasses"].labelled(crops, {"7": lenses})
    assert labelled.labels[0, 50, 45].tolist() == [0, 255, 0, 0]
    assert labelled.labels[0, 40, 45, 0] == 255
    assert labelled.counts[0, 48, 72] == 0
    assert labelled.counts[0, 100, 72] == 255
    assert labelled.face(0).labels.max() == 1.0


def test_collections_are_read_as_they_were_written(scripts, crops, tmp_path):
    samples = scripts["samples"]
    samples.write_crops(tmp_path / "bare_drawn.npz", crops)
    found = samples.read_crops(tmp_path / "bare_drawn.npz")
    np.testing.assert_array_equal(found.picture, crops.picture)
    assert found.labels is None
    seen, _, _ = samples.read_collections(tmp_path).draw(np.random.default_rng(0))
    assert seen.shape == (NUM_CHANNELS, *SHAPE)
