"""Where the fused face's landmarks lie, the fine mesh between them, and the grain of the skin."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.mesh import signed_areas
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.faces.swap.face_mesh import bows, face_triangles, inner_points, mesh_points, point_nearness
from ppgan_ext.faces.swap.fused_shape import fuse_landmarks
from ppgan_ext.faces.swap.grain import match_grain
from ppgan_ext.faces.swap.head_shape import GENERIC, head_of, show_head
from ppgan_ext.types import Pose

FRONT = GENERIC[:, :2] * (1.0, -1.0)


def seen(head, yaw=0.0, pitch=-7.0, roll=0.0, scale=2.0, place=(300.0, 250.0)):
    """Show a head (68, 3) from a distance, in pixels."""
    turned = head @ pose_to_rotation(Pose(yaw, pitch, roll)).T
    return turned[:, :2] * (scale, -scale) + place


def with_mouth(gap):
    head = GENERIC.copy()
    for top, bottom in ((61, 67), (62, 66), (63, 65)):
        head[bottom, 1] = head[top, 1] - gap
    return head


# The landmarks


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (25, -5), (-20, 10)])
def test_the_fused_face_has_the_photos_pose_and_the_persons_features(yaw, pitch):
    wide = GENERIC * (1.0, 1.0, 1.0)
    wide[31:36] *= (1.4, 1.0, 1.0)  # a wide nose
    photo, person = seen(GENERIC, yaw, pitch, 5.0), seen(wide, -10, -3, scale=3.1)
    fused = fuse_landmarks(photo, person, 1.0, 0.5)
    wanted, found = (head_pose(points, (1, 1)) for points in (photo, fused))
    for name in ("yaw_degrees", "pitch_degrees", "roll_degrees"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), abs=0.3)
    noses = [np.ptp(head_of(points)[31:36, 0]) for points in (photo, person, fused)]
    assert noses[2] == pytest.approx(noses[1], rel=0.1)
    assert noses[1] > 1.2 * noses[0]
    assert np.allclose(fuse_landmarks(photo, person, 0.0, 0.0), photo)


def test_the_mouth_opens_as_the_photos_does():
    def gap(points):
        return head_of(points)[62, 1] - head_of(points)[66, 1]

    shut, wide = seen(with_mouth(1.0)), seen(with_mouth(18.0), scale=1.3)
    assert gap(fuse_landmarks(wide, shut, 1.0, 0.5)) == pytest.approx(gap(wide), abs=3.0)
    assert gap(fuse_landmarks(shut, wide, 1.0, 0.5)) == pytest.approx(0.0, abs=2.0)


def smiling(gap, lift, wider):
    """Return the generic head with lips parted by a gap, corners that are raised, and a mouth that is wider."""
    head = with_mouth(gap)
    side = np.abs(head[48:68, 0]) / 33.0
    head[48:68, 1] += lift * side**2
    head[48:68, 0] *= wider
    return head


def width_and_thickness(points):
    head = head_of(points)
    return head[54, 0] - head[48, 0], head[51, 1] - head[62, 1] + head[66, 1] - head[57, 1]


@pytest.mark.parametrize("yaw", [0.0, 15.0])
def test_a_smile_that_is_drawn_shut_becomes_narrower_and_its_lips_full(yaw):
    smile, rest = seen(smiling(10.0, 3.0, 1.2), 5.0), seen(smiling(0.0, -1.0, 1.0), yaw)
    shut = fuse_landmarks(rest, smile, 1.0, 0.5)
    (wide, thin), (narrow, full) = width_and_thickness(smile), width_and_thickness(shut)
    assert 0.78 < narrow / wide < 0.92
    assert 1.1 < full / thin < 1.3
    # And a mouth at rest becomes wider in a smile.
    opened = fuse_landmarks(smile, rest, 1.0, 0.5)
    (narrow, full), (wide, thin) = width_and_thickness(rest), width_and_thickness(opened)
    assert 1.08 < wide / narrow < 1.28
    assert 0.75 < thin / full < 0.92
    raised = [head_of(points)[[48, 54], 1].mean() - head_of(points)[[62, 66], 1].mean() for points in (rest, opened)]
    assert raised[1] > raised[0] + 1.0


def course(points):
    """Return how thick each lip is beside the corners, as a share of its middle, and the middles: (2,) each."""
    head = head_of(points)
    beside = [head[outer, 1] - head[[60, inner], 1].mean() for outer, inner in ((49, 61), (59, 67))]
    middle = np.array([head[51, 1] - head[62, 1], head[57, 1] - head[66, 1]])
    return np.array(beside) / middle, middle


BAND = 1.4


def as_a_band(head):
    """Return a head (68, 3) whose lips are thicker beside the corners than in the middle."""
    head = head.copy()
    head[55:60, 1] -= head[62, 1] - head[66, 1]  # the lower lip goes down with the gap
    for outers, inner in (((49, 53), (61, 63)), ((59, 55), (67, 65))):
        thick = head[51, 1] - head[62, 1] if 49 in outers else head[57, 1] - head[66, 1]
        for outer, beside, corner in zip(outers, inner, (60, 64), strict=True):
            head[outer, 1] = head[[corner, beside], 1].mean() + BAND * thick
    return head


SMILE_OF_A_BAND = as_a_band(smiling(10.0, 3.0, 1.2))


def test_lips_of_a_smile_taper_when_it_is_drawn_shut_and_stay_as_thick_in_the_middle():
    rest = seen(smiling(0.0, -1.0, 1.0), 5.0)
    tapering, _ = course(rest)
    assert (tapering < 1.0).all()
    shut, thick = course(fuse_landmarks(rest, seen(SMILE_OF_A_BAND), 1.0, 0.5))
    np.testing.assert_allclose(shut, tapering + 0.2 * (BAND - tapering), atol=0.05)
    # As thick as such lips become when they are drawn together, wherever they taper.
    thicker = thick / course(seen(SMILE_OF_A_BAND))[1]
    assert ((thicker > 1.0) & (thicker < 1.4)).all()
    # Where both smile alike, the lips are the person's own.
    alike = course(fuse_landmarks(seen(smiling(10.0, 3.0, 1.2)), seen(SMILE_OF_A_BAND), 1.0, 0.5))[0]
    np.testing.assert_allclose(alike, BAND, atol=0.05)


def test_a_mouth_with_the_photos_expression_is_the_persons():
    for head in (smiling(0.0, 1.0, 1.1), smiling(9.0, 2.0, 1.1)):
        person, photo = seen(head, 8.0), seen(smiling(9.0 if head[62, 1] - head[66, 1] > 5 else 0.0, 1.5, 1.0))
        own, fused = (width_and_thickness(points) for points in (person, fuse_landmarks(photo, person, 1.0, 0.5)))
        np.testing.assert_allclose(fused, own, rtol=0.05)


def test_shut_lips_meet_in_any_pose():
    """Where they nearly meet, slivers between them would show what lies far around them."""
    fused = fuse_landmarks(seen(with_mouth(0.5), 20.0, 8.0, 4.0), seen(smiling(11.0, 3.0, 1.2)), 1.0, 0.5)
    np.testing.assert_allclose(fused[[61, 62, 63]], fused[[67, 66, 65]], atol=1e-6)


def test_a_turned_person_lends_the_jaw_that_is_seen():
    """The landmarks of a hidden jaw lie on the outline, much nearer the nose than the jaw is."""
    turned = seen(GENERIC, yaw=35)
    turned[9:17] += 0.5 * (turned[33] - turned[9:17])  # the subject's left is hidden
    fused = fuse_landmarks(seen(GENERIC), turned, 1.0, 1.0)
    left, right = (np.linalg.norm(fused[side] - fused[33]) for side in (14, 2))
    assert left == pytest.approx(right, rel=0.06)


def test_a_head_shown_at_its_own_pose_is_itself():
    photo = seen(GENERIC, 12, -3, 4)
    np.testing.assert_allclose(show_head(head_of(photo), head_pose(photo, (1, 1)), photo), photo, atol=0.01)


def test_a_turned_head_shows_its_own_depth():
    """A long nose of a turned head points to one side only if it is taken for a crooked one."""
    long = GENERIC.copy()
    long[29:31, 2] += 9.0
    crooked = GENERIC.copy()
    crooked[29:31, 0] += 3.0
    head = head_of(seen(long, yaw=25))
    deeper = head[30, 2] - head[27, 2] - (GENERIC[30, 2] - GENERIC[27, 2])
    assert deeper == pytest.approx(9.0, abs=3.5)
    assert abs(head[30, 0]) < 1.0
    assert head_of(seen(crooked))[30, 0] - head_of(seen(GENERIC))[30, 0] > 1.2  # the pose takes a part


# The mesh


def test_the_mesh_is_a_surface_in_three_dimensions():
    """The points between the landmarks turn as the depth between the landmarks' depths does."""
    points = mesh_points(FRONT)
    assert np.array_equal(points[:68], FRONT)
    assert len(points) > 400 and inner_points().sum() > 250
    assert (signed_areas(points, face_triangles()) > 0).all()
    turns = [pose_to_rotation(Pose(yaw, 0, 0))[:2].T for yaw in (-9, 9, 0)]
    left, right, middle = (mesh_points(GENERIC @ turn * (1, -1)) for turn in turns)
    inner = inner_points()
    # An orthographic turn by +-yaw moves points by +-depth * sin(yaw) about x * cos(yaw).
    depth = (right - left)[:, 0] / (2 * np.sin(np.radians(9)))
    cheek = int(np.argmin(np.linalg.norm(middle - (35.0, 40.0), axis=1)))
    assert inner[cheek] and cheek > 105
    assert GENERIC[13, 2] < depth[cheek] < GENERIC[30, 2]
    nearness = point_nearness(points)
    assert nearness[30] == nearness[inner].max()
    assert nearness[~inner].max() < nearness[inner].max()


def test_inner_lips_bend_as_a_bow():
    landmarks = seen(smiling(14.0, 4.0, 1.1), roll=12.0)
    turn = pose_to_rotation(Pose(0, 0, 12.0))[:2, :2]
    upright = (landmarks - landmarks[62]) * (1.0, -1.0) @ turn
    ends = {0: (60, 62), 1: (64, 62), 2: (60, 66), 3: (64, 66)}
    for row, point in enumerate((bows(landmarks) - landmarks[62]) * (1.0, -1.0) @ turn):
        near, middle = upright[[(61, 63, 67, 65)[row], ends[row][1]]]
        x = np.array([upright[ends[row][0], 0], near[0], middle[0]])
        bow = np.polyfit(x, [upright[ends[row][0], 1], near[1], middle[1]], 2)
        assert point[1] == pytest.approx(np.polyval(bow, point[0]), abs=0.15)
        chord = (upright[ends[row][0]] + near) / 2.0
        assert abs(point[1] - chord[1]) > (1.0 if row > 1 else 0.0)
    shut = fuse_landmarks(seen(with_mouth(0.0)), landmarks, 1.0, 0.5)
    np.testing.assert_allclose(bows(shut)[:2], bows(shut)[2:], atol=1e-6)
    flat = np.repeat([[1.0, 2.0]], 68, axis=0)
    assert np.isfinite(bows(flat)).all()


# The grain


def noise(size, spread, seed, sigma=0.0):
    values = np.random.default_rng(seed).normal(0, 1, (size, size, 1)).astype(np.float32)
    if sigma:
        values = cv2.GaussianBlur(values, (0, 0), sigma)[..., None]
    return spread * values / values.std()


def fine(picture):
    return float((picture - cv2.GaussianBlur(picture, (0, 0), 1.0)).std())


@pytest.mark.parametrize(("own", "wanted"), [(0.2, 6.0), (6.0, 6.0), (8.0, 4.0)])
def test_a_face_gets_the_grain_of_the_photo(own, wanted):
    base = np.full((160, 160, 3), 150, np.float32)
    face, photo = base + noise(160, own, 1), base + noise(160, wanted, 2)
    skin = np.ones((160, 160), np.float32)
    matched = match_grain(face, photo, skin, skin, skin)
    assert fine(matched) == pytest.approx(fine(photo), rel=0.1)
    assert matched.mean() == pytest.approx(face.mean(), abs=0.5)


def test_grain_is_only_added_where_both_show_skin():
    base = np.full((160, 160, 3), 150, np.float32)
    photo, skin = base + noise(160, 6.0, 2), np.ones((160, 160), np.float32)
    half = skin.copy()
    half[:, :80] = 0.0
    matched = match_grain(base, photo, half, skin, skin)
    assert fine(matched[:, :70]) < 0.1 < fine(matched[:, 90:])
    nothing = np.zeros_like(skin)
    assert np.array_equal(match_grain(base, photo, nothing, skin, skin), base)


def test_edges_of_the_photo_are_no_grain():
    base, skin = np.full((160, 160, 3), 150, np.float32), np.ones((160, 160), np.float32)
    photo = base + noise(160, 3.0, 2)
    photo[:, 80:] -= 60.0  # the side of a nose, or a cast shadow
    matched = match_grain(base, photo, skin, skin, skin)
    columns = (matched - base).mean(axis=(0, 2))
    assert np.abs(columns[70:90]).max() < 2.5
    assert fine(matched[:, :70]) == pytest.approx(fine(photo[:, :70]), rel=0.15)


def test_features_become_as_sharp_as_the_photos():
    base, skin = np.full((160, 160, 3), 150, np.float32), np.ones((160, 160), np.float32)
    edges = cv2.GaussianBlur(np.indices((160, 160))[1] // 10 % 2 * 60.0, (0, 0), 1.0)[..., None].astype(np.float32)
    photo, face = base + edges, base + cv2.GaussianBlur(edges, (0, 0), 1.0)[..., None]
    skin[60:100] = 0.0  # the eyes, say
    blurred, sharpened, wanted = (
        fine(each[65:95]) for each in (face, match_grain(face, photo, skin, skin, np.ones_like(skin)), photo)
    )
    assert blurred < 0.8 * wanted
    assert abs(sharpened - wanted) < abs(blurred - wanted)
