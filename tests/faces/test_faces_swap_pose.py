"""The fused face is drawn again where the landmarks found in it tell another pose than the photo's."""

import numpy as np
import pytest

from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.swap import warp_method
from ppgan_ext.faces.swap.fused_shape import fuse_landmarks
from ppgan_ext.faces.swap.head import find_head
from ppgan_ext.faces.swap.sides import Portrait, see_person
from ppgan_ext.faces.swap.warp_method import finish_face, plan_face
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.turned_face import turn_by

BOX = Box(100.0, 60.0, 280.0, 240.0)


def portrait(yaw, seed):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, yaw_degrees=yaw)], seed)
    return Portrait(picture, landmarks)


def yaw_of(landmarks):
    return head_pose(landmarks, (390, 350)).yaw_degrees


def test_a_face_can_be_placed_ahead_of_the_photos_pose():
    photo, person = portrait(8.0, 0), portrait(-4.0, 1)
    plain, ahead = (
        fuse_landmarks(photo.landmarks, person.landmarks, 1.0, 0.5, turn) for turn in ((0.0, 0.0), (3.0, -2.0))
    )
    poses = [head_pose(points, (1, 1)) for points in (plain, ahead)]
    assert poses[1].yaw_degrees - poses[0].yaw_degrees == pytest.approx(3.0, abs=0.3)
    assert poses[1].pitch_degrees - poses[0].pitch_degrees == pytest.approx(-2.0, abs=0.3)


@pytest.mark.parametrize(("second", "turned"), [(0.5, True), (6.0, False), (None, False)])
def test_the_better_of_two_drawings_is_kept(monkeypatch, second, turned):
    """The second drawing is taken if its landmarks are nearer to the photo's pose."""
    photo, person = portrait(0.0, 0), portrait(10.0, 1)
    plan = plan_face(photo, see_person(person), 1.0)
    found = [turn_by(photo.landmarks, -4.0, 0.0), None if second is None else turn_by(photo.landmarks, second, 0.0)]
    answers = iter(found)
    monkeypatch.setattr(warp_method, "sure_landmarks", lambda image, box: next(answers))
    fusion = finish_face(plan, box=BOX)
    assert next(answers, "both were used") == "both were used"
    np.testing.assert_array_equal(fusion.found, found[1] if turned else found[0])
    change = yaw_of(fusion.landmarks) - yaw_of(plan.landmarks)
    assert change == pytest.approx(4.0 if turned else 0.0, abs=1.0)


def test_a_face_at_the_photos_pose_is_drawn_once(monkeypatch):
    photo, person = portrait(0.0, 0), portrait(10.0, 1)
    seen = []

    def find(image, box):
        seen.append(box)
        return turn_by(photo.landmarks, 1.0, 0.5)

    monkeypatch.setattr(warp_method, "sure_landmarks", find)
    plan = plan_face(photo, see_person(person), 1.0)
    assert np.array_equal(finish_face(plan, box=BOX).image, finish_face(plan).image)
    assert seen == [BOX]


def test_on_the_second_look_the_hair_of_the_turned_head_is_kept(monkeypatch):
    photo, person = portrait(0.0, 0), portrait(10.0, 1)
    plan = plan_face(photo, see_person(person), 1.0)
    answers = iter([turn_by(photo.landmarks, -4.0, 0.0), turn_by(photo.landmarks, 0.5, 0.0)])
    monkeypatch.setattr(warp_method, "sure_landmarks", lambda image, box: next(answers))
    seen, real = [], warp_method.composite

    def composite(base, overlay, heads, **more):
        seen.append((base, heads.kept))
        return real(base, overlay, heads, **more)

    monkeypatch.setattr(warp_method, "composite", composite)
    fusion = finish_face(plan, box=BOX)
    (first, _), (second, kept) = seen
    assert not np.array_equal(first, second)
    assert np.array_equal(kept, find_head(second, fusion.landmarks).hair)
