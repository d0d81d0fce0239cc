import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.faces.pose import MODEL, head_pose, pose_to_rotation, rotation_to_pose
from ppgan_ext.types import Pose
from tests.reference.drawn import DrawnFace, face_landmarks


def angles(pose):
    return np.array([pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees])


def photograph(turns, focal, distance=900.0, centre=(300.0, 200.0)):
    """Project the generic face, turned about the camera's axes one after the other, by the rules of a pinhole.

    Args:
        turns: pairs of an axis ("pitch", "yaw", "roll") and degrees, applied in this order; each turn is given as the
            motion of the nose or the crown: up, to image right, crown to image left.
    """
    points = np.array(list(MODEL.values()))
    points = points - points.mean(axis=0)  # the camera looks at the middle of the face
    for axis, degrees in turns:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        x, y, z = points.T.copy()
        if axis == "yaw":
            x, z = x * c + z * s, z * c - x * s
        elif axis == "pitch":
            y, z = y * c + z * s, z * c - y * s
        else:
            x, y = x * c - y * s, x * s + y * c
        points = np.stack([x, y, z], axis=1)
    depth = distance - points[:, 2]
    landmarks = np.zeros((68, 2))
    landmarks[:] = centre
    landmarks[list(MODEL)] = np.stack([focal * points[:, 0] / depth, -focal * points[:, 1] / depth], axis=1) + centre
    return landmarks


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (20, 0, 0), (0, 15, 0), (0, 0, 25), (-35, 10, -8), (30, -20, 40)]
)
def test_a_known_rotation_comes_back(yaw, pitch, roll):
    landmarks = photograph([("pitch", pitch), ("yaw", yaw), ("roll", roll)], focal=900.0)
    pose = head_pose(landmarks, (900, 400))
    np.testing.assert_allclose(angles(pose), [yaw, pitch, roll], atol=1.0)


def test_the_model_looks_the_way_the_signs_say():
    """Yaw moves the nose to image right against the eyes, pitch moves it up, roll lifts the subject's left eye."""
    rest = photograph([], 900.0)
    yawed, pitched, rolled = (photograph([(axis, 15)], 900.0) for axis in ("yaw", "pitch", "roll"))
    eyes = [36, 45]
    assert (yawed[30] - yawed[eyes].mean(axis=0))[0] > (rest[30] - rest[eyes].mean(axis=0))[0] + 5
    assert (pitched[30] - pitched[eyes].mean(axis=0))[1] < (rest[30] - rest[eyes].mean(axis=0))[1] - 5
    assert rolled[45, 1] < rolled[36, 1] - 5


def test_rotation_and_pose_are_inverse():
    for pose in (Pose(30.0, -20.0, 50.0), Pose(-70.0, 35.0, -110.0), Pose(0.0, 0.0, 0.0)):
        rotation = pose_to_rotation(pose)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        np.testing.assert_allclose(angles(rotation_to_pose(rotation)), angles(pose), atol=1e-9)


def test_pose_does_not_depend_on_place_or_size():
    landmarks = face_landmarks(DrawnFace((200.0, 180.0), 30.0, yaw_degrees=20, pitch_degrees=5, roll_degrees=10))
    pose = angles(head_pose(landmarks, (800, 600)))
    np.testing.assert_allclose(angles(head_pose(landmarks + np.array([350.0, 150.0]), (800, 600))), pose, atol=1e-3)
    np.testing.assert_allclose(angles(head_pose(landmarks * 2.5, (2000, 1500))), pose, atol=1e-3)


def test_turning_the_picture_changes_roll_alone():
    landmarks = photograph([("pitch", 8), ("yaw", 25)], 900.0)
    turn = cv2.getRotationMatrix2D((300.0, 200.0), 35, 1.0)  # OpenCV turns counter-clockwise
    turned = landmarks @ turn[:, :2].T + turn[:, 2]
    np.testing.assert_allclose(angles(head_pose(turned, (900, 700))), [25, 8, 35], atol=1.0)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(25, 0, 0), (-25, 0, 0), (0, 15, 0), (0, -15, 0), (0, 0, 20)])
def test_signs_on_a_drawn_face(yaw, pitch, roll):
    """The drawn head has another shape and other code, so only the sense and about the size of the turn agree."""
    rest = angles(head_pose(face_landmarks(DrawnFace((200, 180), 40)), (640, 480)))
    face = DrawnFace((200, 180), 40, yaw_degrees=yaw, pitch_degrees=pitch, roll_degrees=roll)
    change = angles(head_pose(face_landmarks(face), (640, 480))) - rest
    np.testing.assert_allclose(change, [yaw, pitch, roll], atol=6.0)


def test_a_crop_has_the_pose_of_its_photo():
    from ppgan_ext.faces.align import crop_matrix
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.warp import transform_points

    photo = skimage.data.astronaut()
    (face,) = find_faces(photo)
    whole = angles(head_pose(face.landmarks, (512, 512)))
    cut = transform_points(face.landmarks, crop_matrix(face.landmarks, "tight", 128))
    crop = angles(head_pose(cut, (128, 128)))
    assert abs(whole[0]) < 6
    assert -16 < whole[1] < 0
    assert abs(whole[2]) < 6
    np.testing.assert_allclose(crop[:2], whole[:2], atol=4.0)
    assert abs(crop[2]) < 1.5  # the crop is upright


def test_wrong_landmarks_are_refused():
    with pytest.raises(ValueError, match="68"):
        head_pose(np.zeros((67, 2)), (10, 10))


@pytest.mark.shared
def test_agrees_with_a_network_that_predicts_pose(shared_folder):
    """FSA-Net's predictions in the private data set: the same, but for the sign of yaw."""
    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_1.npz")
    ours = np.array([angles(head_pose(points.astype(float), (128, 128))) for points in data["landmarks"][::8]])
    theirs = data["pose"][::8] * (-1, 1, 1)
    correlation = [np.corrcoef(ours[:, i], theirs[:, i])[0, 1] for i in range(3)]
    assert correlation[0] > 0.9
    assert correlation[1] > 0.75
    assert correlation[2] > 0.4  # the crops are upright: what is left of roll is mostly noise
    assert np.all(np.abs(ours - theirs).mean(axis=0) < (4.0, 4.5, 2.5))
