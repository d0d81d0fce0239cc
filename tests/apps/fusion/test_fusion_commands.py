"""What the command says of a fused face."""

from types import SimpleNamespace

import pytest

from ppgan_ext.apps.fusion.commands import describe_fusion
from ppgan_ext.apps.fusion.remarks import fusion_notes
from ppgan_ext.faces.pose import Pose


def fused_face(yaw=0.0, to_person=0.4, to_photo=0.7, kept=(), dropped=()):
    level = Pose(0.0, -7.0, 0.0)
    return SimpleNamespace(
        source_pose=Pose(yaw, -7.0, 0.0),
        target_pose=level,
        matched_pose=level,
        identity_to_target=to_person,
        identity_to_source=to_photo,
        method="warp",
        reason="it was asked for",
        kept_covers=kept,
        dropped_covers=dropped,
        terms={},
    )


def said(*faces, identity=1.0, widths=()):
    return [*describe_fusion(SimpleNamespace(faces=faces)), *fusion_notes(faces, identity, widths)]


@pytest.mark.parametrize(
    ("to_person", "to_photo", "told"),
    [
        (0.5, 0.4, "it looks more like the photo's own face than like the person: try a photo"),
        (0.5, 0.5, "it looks more like the photo's own face than like the person: try a photo"),
        (0.65, 0.7, "it looks like neither of the two people: try a photo"),
        (0.59, 0.6, None),
    ],
)
def test_a_result_that_does_not_look_like_the_person_says_what_to_change(to_person, to_photo, told):
    lines = said(fused_face(to_person=to_person, to_photo=to_photo))
    assert [line for line in lines if "looks" in line] == [line for line in lines if told and line.startswith(told)]
    assert len(lines) == (4 if told else 3)
    assert not any("--identity" in line for line in lines)  # all of it was asked for
    half = said(fused_face(to_person=to_person, to_photo=to_photo), identity=0.5)
    assert any(": raise --identity, or try a photo of the person" in line for line in half) == bool(told)


def test_what_covers_the_faces_is_told():
    lines = said(fused_face(), fused_face(kept=("glasses", "an object"), dropped=("sunglasses",)))
    assert lines[-2] == "face 2: kept over the face, from the photo: glasses, an object"
    assert lines[-1] == "face 2: not taken along from the person: sunglasses"


@pytest.mark.parametrize(("of_person", "small"), [(312.0, False), (160.0, False), (76.0, True)])
def test_a_small_face_of_the_person_is_told_beside_that_of_the_photo(of_person, small):
    lines = said(fused_face(), widths=[(312.0, of_person)])
    told = "the person's face is small, 76 pixels wide where the photo's has 312, so the result is soft: "
    assert [line for line in lines if "small" in line] == [f"{told}take a larger photo of the person"] * small
    both = said(fused_face(), fused_face(), widths=[(90.0, 90.0), (312.0, of_person)])
    assert [line for line in both if "small" in line] == [f"face 2: {told}take a larger photo of the person"] * small


@pytest.mark.parametrize(("yaw", "far"), [(0.0, False), (28.0, False), (-28.0, False), (36.0, True), (-36.0, True)])
def test_a_photo_whose_head_is_turned_far_is_warned_of(yaw, far):
    lines = said(fused_face(yaw))
    assert any("turned far" in line for line in lines) == far
    assert len(lines) == (4 if far else 3)
