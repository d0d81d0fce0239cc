"""What lies over a face: it stays in the photo, and is not taken from the person."""

import numpy as np
import pytest

from ppgan_ext.faces.occlusion.face_covers import FaceCovers
from ppgan_ext.faces.swap import sides
from ppgan_ext.faces.swap.composite import Heads, composite
from ppgan_ext.faces.swap.head import find_hair_over
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.sides import Portrait, see_person
from ppgan_ext.faces.swap.warp_method import finish_face, plan_face
from tests.reference.drawn import DrawnFace, draw_photo


def drawn(yaw=0.0, seed=0, skin=(214, 168, 140), eyes=62.0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), eyes, yaw_degrees=yaw, skin=skin)], seed)
    return picture, landmarks


def test_the_middle_of_a_face_is_not_covered():
    photo, landmarks = drawn()
    hair = find_hair_over(photo, landmarks)
    x, y = np.rint(landmarks[[28, 29, 30]].mean(axis=0)).astype(int)
    assert hair.shape == photo.shape[:2]
    assert hair[y, x] == pytest.approx(0.0, abs=0.05)


def test_what_covers_the_photo_keeps_its_bits():
    photo, landmarks = drawn()
    other, other_landmarks = drawn(seed=1, skin=(120, 80, 60))
    kept = np.zeros(photo.shape[:2], np.float32)
    x, y = np.rint(landmarks[57]).astype(int)
    kept[y - 15 : y + 40, x - 30 : x + 30] = 1.0
    overlay = draw_overlay(photo.shape, landmarks, other, other_landmarks)
    free, covered = (composite(photo, overlay, Heads(kept=each)) for each in (None, kept))
    assert free.mask[y, x] > 0.9
    assert np.array_equal(covered.image[kept > 0], photo[kept > 0])
    assert covered.mask[int(landmarks[30, 1]), int(landmarks[30, 0])] > 0.9


def test_what_covers_the_person_is_not_drawn():
    photo, landmarks = drawn()
    other, other_landmarks = drawn(seed=1)
    hidden = np.zeros(other.shape[:2], np.float32)
    x, y = np.rint(other_landmarks[33]).astype(int)
    hidden[y:, :] = 1.0  # the lower face on both sides
    overlay = draw_overlay(photo.shape, landmarks, other, other_landmarks, hidden)
    inside = overlay.landmarks
    lips, nose = (np.rint(inside[point]).astype(int) for point in (57, 28))
    assert overlay.shown[lips[1], lips[0]] == 0.0
    assert overlay.shown[nose[1], nose[0]] > 0.9
    one_side = np.zeros_like(hidden)
    one_side[:, :x] = 1.0
    mirrored = draw_overlay(photo.shape, landmarks, other, other_landmarks, one_side)
    cheek = np.rint(inside[[31, 2]].mean(axis=0)).astype(int)
    assert mirrored.shown[cheek[1], cheek[0]] > 0.9  # from the other side


def with_bar(picture, landmarks, solid=False):
    """Paint a bar over the nose; return it with the covers that say so."""
    bar = np.zeros(picture.shape[:2], np.float32)
    x, y = np.rint(landmarks[29]).astype(int)
    bar[y - 4 : y + 5, x - 45 : x + 46] = 1.0
    covered = picture.copy()
    covered[bar > 0] = (15, 15, 160)
    none, (height, width) = np.zeros_like(bar), bar.shape
    maps = (none, none, bar, none) if solid else (bar, none, none, none)
    return covered, FaceCovers((0, 0, width, height), *maps, ("an object",) if solid else ("glasses",))


@pytest.mark.parametrize("solid", [False, True])
def test_a_cover_of_the_photo_lies_over_the_fused_face(solid, monkeypatch):
    photo, covers = with_bar(*drawn(), solid)
    landmarks = drawn()[1]
    other = Portrait(*drawn(seed=1, skin=(120, 80, 60)))
    monkeypatch.setattr(sides, "find_covers_of", lambda picture, _: covers if picture is photo else None)
    plan = plan_face(Portrait(photo, landmarks), see_person(other), 0.0)
    fusion = finish_face(plan)
    bar = np.maximum(covers.frame, covers.solid) > 0
    assert plan.kept_covers == covers.found
    assert plan.dropped_covers == ()
    assert np.array_equal(fusion.image[bar], photo[bar])
    assert np.array_equal(fusion.image[fusion.mask == 0], photo[fusion.mask == 0])
    chin = np.rint(landmarks[8] + (0, -12)).astype(int)
    assert fusion.mask[chin[1], chin[0]] > 0.5  # the face on both sides of it is fused


@pytest.mark.parametrize("solid", [False, True])
def test_a_cover_of_the_person_is_not_taken_along(solid, monkeypatch):
    photo, landmarks = drawn()
    bare, other_landmarks = drawn(seed=1)
    other, covers = with_bar(bare, other_landmarks, solid)
    monkeypatch.setattr(sides, "find_covers_of", lambda picture, _: covers if picture is other else None)
    plan = plan_face(Portrait(photo, landmarks), see_person(Portrait(other, other_landmarks)), 0.0)
    assert plan.dropped_covers == covers.found
    assert plan.placement.over is None
    image = finish_face(plan).image.astype(int)
    # Nothing is as blue as the bar.
    assert (image[..., 2] - image[..., 0])[120:220, 120:260].max() < 60
