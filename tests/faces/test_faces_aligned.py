import numpy as np
import pytest
import skimage.data

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.aligned import aligned_landmarks
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.images import resize


@pytest.fixture(scope="module")
def photo():
    image = skimage.data.astronaut()
    return image, find_faces(image)[0]


@pytest.mark.parametrize(("template", "size"), [("tight", 128), ("ffhq", 256), ("tight", 300)])
def test_landmarks_of_a_crop_are_those_of_the_photo(photo, template, size):
    image, face = photo
    crop = crop_face(image, face, template, size)
    landmarks = aligned_landmarks(crop.image, template)
    expected = transform_points(face.landmarks, crop.matrix_photo_to_crop)
    distance = np.linalg.norm(landmarks - expected, axis=1)
    eyes = np.linalg.norm(expected[45] - expected[36])
    assert np.median(distance) < 0.03 * eyes and distance.max() < 0.15 * eyes
    pose, expected_pose = (head_pose(points, (size, size)) for points in (landmarks, expected))
    assert abs(pose.yaw_degrees - expected_pose.yaw_degrees) < 3
    assert abs(pose.pitch_degrees - expected_pose.pitch_degrees) < 3


def test_the_mirrored_crop_looks_the_other_way(photo):
    crop = crop_face(*photo, "tight", 128).image
    views = crop, np.ascontiguousarray(crop[:, ::-1])
    yaw = [head_pose(aligned_landmarks(view), (128, 128)).yaw_degrees for view in views]
    assert yaw[0] == pytest.approx(-yaw[1], abs=3.0)


def test_without_a_face_there_is_nothing(photo):
    rng = np.random.default_rng(0)
    blots = resize(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), (128, 128))
    for picture in (rng.integers(0, 256, (128, 128, 3), dtype=np.uint8), np.full((128, 128, 3), 90, np.uint8), blots):
        assert aligned_landmarks(picture) is None


def test_an_unknown_template_is_refused():
    with pytest.raises(ConfigError, match="'tight'"):
        aligned_landmarks(np.zeros((64, 64, 3), np.uint8), "tigth")
