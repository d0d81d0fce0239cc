import cv2
import numpy as np
import pytest
from scipy.spatial import Delaunay

from ppgan_ext.faces import mesh
from ppgan_ext.faces.landmarks import MIRROR
from ppgan_ext.faces.pose import MODEL, head_pose, pose_to_rotation
from ppgan_ext.faces.swap.head_shape import GENERIC, head_of, show_head
from ppgan_ext.types import Pose
from tests.reference.turned_face import turn_by


@pytest.mark.parametrize("num_points", [3, 30, 105])
def test_the_triangulation_is_delaunays(num_points):
    for seed in range(8):
        points = np.random.default_rng(seed).normal(size=(num_points, 2)) * (200, 90) + (300, 200)
        ours = mesh.triangulate(points)
        assert {tuple(sorted(t)) for t in ours.tolist()} == {
            tuple(sorted(t)) for t in Delaunay(points).simplices.tolist()
        }
        assert (mesh.signed_areas(points, ours) > 0).all()


def test_points_in_one_place_count_once():
    points = np.array([[0.0, 0.0], [90.0, 0.0], [0.0, 40.0], [90.0, 40.0], [30.0, 20.0], [30.0, 20.0]])
    triangles = mesh.triangulate(points)
    assert set(triangles.ravel().tolist()) == {0, 1, 2, 3, 4}
    assert mesh.signed_areas(points, triangles).sum() == pytest.approx(3600)


def scattered(seed, size=(170, 110)):
    """Corners, and points inside, moved a little between picture and result."""
    rng = np.random.default_rng(seed)
    width, height = size
    corners = np.array([[-2, -2], [width + 1, -2], [-2, height + 1], [width + 1, height + 1]], float)
    inner = rng.uniform((15, 15), (width - 15, height - 15), (14, 2))
    return np.vstack([corners, inner]), np.vstack([corners, inner + rng.normal(0, 1.2, inner.shape)])


def test_no_pixel_between_triangles_is_left_out():
    for seed in range(6):
        before, after = scattered(seed)
        field = mesh.make_field(before, after, mesh.triangulate(after), (170, 110))
        assert (field.triangle >= 0).all()


def test_a_warp_is_affine_in_each_triangle_and_meets_at_the_points():
    before, after = scattered(1)
    field = mesh.make_field(before, after, mesh.triangulate(after), (170, 110))
    for source, place in zip(before[4:], after[4:], strict=True):
        x, y = np.rint(place).astype(int)
        assert np.hypot(*(field.places[y, x] - source - (np.array([x, y]) - place))) < 1.2
    jump = np.abs(np.diff(field.places, axis=1)).max()
    assert jump < 2.5  # continuous: no edge where the picture tears


def test_the_warp_of_a_ramp_is_exact():
    """A picture that is linear in x and y comes out as the linear function of the place it came from."""
    y, x = np.mgrid[:130, :190].astype(np.float32)
    picture = np.stack([x, y, x + 2 * y], axis=-1)
    points = np.array([[0.0, 0.0], [150.0, 5.0], [10.0, 90.0], [140.0, 100.0], [70.0, 50.0]])
    source = points @ np.array([[1.1, 0.05], [-0.1, 0.9]]) + (12, 7)
    triangles = mesh.triangulate(points)
    field = mesh.make_field(source, points, triangles, (160, 110))
    drawn = mesh.draw_field(picture, field)
    inside = field.triangle >= 0
    assert inside.mean() > 0.6
    np.testing.assert_allclose(drawn[inside][:, :2], field.places[inside], atol=0.05)
    assert np.all(drawn[~inside] == 0)


def test_shrinking_averages_instead_of_skipping():
    checks = (np.indices((400, 600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = np.repeat(checks[..., None], 3, axis=2)
    source = np.array([[0.0, 0.0], [599.0, 0.0], [0.0, 399.0], [599.0, 399.0]])
    target = source * (100 / 599)
    field = mesh.make_field(source, target, mesh.triangulate(target), (100, 66))
    drawn = mesh.draw_field(picture, field)[3:-3, 3:-3]
    assert np.abs(drawn - 127.5).max() < 8
    naive = cv2.remap(picture, field.places, None, cv2.INTER_LINEAR)[3:-3, 3:-3]
    assert np.abs(naive - 127.5).max() > 60


def test_what_is_near_hides_what_is_far_and_backs_are_not_seen():
    points = np.array([[0.0, 0.0], [60.0, 0.0], [0.0, 60.0], [5.0, 5.0], [40.0, 5.0], [5.0, 40.0]])
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    near_first, near_second = np.array([9.0] * 3 + [1] * 3), np.array([1.0] * 3 + [9] * 3)
    for nearness, seen in ((near_first, 0), (near_second, 1)):
        assert mesh.make_field(points, points, triangles, (60, 60), nearness).triangle[12, 12] == seen
    turned = mesh.make_field(points, points, triangles[:, ::-1], (60, 60))
    assert (turned.triangle == -1).all()


def test_a_huge_picture_is_read_only_where_it_is_seen():
    picture = np.zeros((3000, 4000, 3), np.uint8)
    picture[2000:2100, 3000:3100] = 200
    source = np.array([[3000.0, 2000.0], [3099.0, 2000.0], [3000.0, 2099.0], [3099.0, 2099.0]])
    target = source - (3000, 2000)
    field = mesh.make_field(source, target, mesh.triangulate(target), (100, 100))
    assert np.abs(mesh.draw_field(picture, field)[5:-5, 5:-5] - 200).max() < 1


def view(face, yaw=0.0, pitch=0.0, scale=1.7):
    """Look at a face in three dimensions: (68, 2) pixels."""
    turned = face @ pose_to_rotation(Pose(yaw, pitch, 0.0)).T
    return turned[:, :2] * (scale, -scale) / (1.0 - turned[:, 2:] / 560.0) + (310.0, 220.0)


def other_face():
    """A longer, narrower face with a larger nose."""
    face = GENERIC * (0.9, 1.12, 1.0)
    face[27:36] *= (1.2, 1.0, 1.1)
    return face


def test_the_generic_face_is_symmetric_and_agrees_with_the_pose_model():
    np.testing.assert_allclose(GENERIC[MIRROR] * (-1, 1, 1), GENERIC, atol=1e-9)
    model = np.array(list(MODEL.values()))
    assert np.abs(GENERIC[list(MODEL)] - model).mean() < 2.0
    assert GENERIC[:, 2].argmax() == 30  # the tip of the nose is nearest


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (28, -10), (-20, 12)])
def test_a_face_is_shown_at_the_others_pose_with_its_own_shape(yaw, pitch):
    face, target = view(GENERIC, -15, 4, 0.6), view(GENERIC, yaw, pitch)

    def shown_as(landmarks, other):
        return show_head(head_of(landmarks), head_pose(other, (1, 1)), other)

    def error(points):
        return np.hypot(*(points - target).T).mean()

    flat = cv2.estimateAffinePartial2D(face, target, method=cv2.LMEDS)[0]  # the best similarity in the picture
    assert error(shown_as(face, target)) < min(5.0, 0.5 * error(face @ flat[:, :2].T + flat[:, 2]))
    posed = shown_as(view(other_face(), -15, 4, 0.6), view(GENERIC, yaw, pitch))
    assert (
        abs(head_pose(posed, (620, 440)).yaw_degrees - head_pose(view(GENERIC, yaw, pitch), (620, 440)).yaw_degrees) < 4
    )


@pytest.mark.parametrize(("yaw", "pitch"), [(12, 0), (-8, 6)])
def test_landmarks_are_turned_by_degrees_about_their_place(yaw, pitch):
    face = view(other_face(), -10, 4, 0.6)
    turned = turn_by(face, yaw, pitch)
    before, after = (head_pose(points, (620, 440)) for points in (face, turned))
    assert after.yaw_degrees - before.yaw_degrees == pytest.approx(yaw, abs=4)
    assert after.pitch_degrees - before.pitch_degrees == pytest.approx(pitch, abs=4)
    assert np.hypot(*(turned.mean(axis=0) - face.mean(axis=0))) < 0.02 * np.ptp(face[:, 0])
    np.testing.assert_allclose(turn_by(face, 0.0, 0.0), face, atol=1e-6)
