import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.errors import InputError
from ppgan_ext.faces.align import crop_matrix
from ppgan_ext.faces.landmarks import MIRROR, features_seen, predict_landmarks
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo, face_landmarks


def box_around(landmarks):
    """A box as dlib's detector draws it: as wide as the jaw, from the brows to the chin."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = (high - low).max()
    x, y = (low + high) / 2 - (0, 0.1 * side)
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def error(landmarks, truth, eye_distance):
    return np.hypot(*(landmarks - truth)[17:].T).mean() / eye_distance


def test_mirror_is_its_own_inverse_and_mirrors_a_symmetric_face():
    assert np.array_equal(MIRROR[MIRROR], np.arange(68))
    landmarks = face_landmarks(DrawnFace((0.0, 0.0), 10.0))
    np.testing.assert_allclose(landmarks[MIRROR] * (-1, 1), landmarks, atol=1e-12)


@pytest.mark.parametrize(
    ("points", "what"),
    [
        (np.full((68, 2), 7.0), "have no area"),
        (np.linspace((3.0, 900.0), (80.0, 2.0), 68), "have no area"),
        (np.full((68, 2), np.nan), "are not finite"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda points: crop_matrix(points, "ffhq", 256),
        lambda points: face_mask(points, (100, 100)),
        lambda points: head_pose(points, (100, 100)),
    ],
)
def test_landmarks_without_an_area_are_refused(use, points, what):
    with pytest.raises(InputError, match=rf"landmarks: .*{what}\. Give the 68 points"):
        use(points)


@pytest.mark.parametrize("roll", [0, -14, 28])
@pytest.mark.parametrize("eye_distance", [13.0, 61.0])
def test_landmarks_lie_where_they_were_drawn(roll, eye_distance):
    face = DrawnFace((3.0 * eye_distance + 0.4, 2.8 * eye_distance - 0.3), eye_distance, roll_degrees=roll)
    photo, (truth,) = draw_photo((int(6 * eye_distance), int(6.4 * eye_distance)), [face])
    landmarks, spread, _ = predict_landmarks(photo, box_around(truth))
    assert error(landmarks, truth, eye_distance) < 0.07
    assert spread < 0.02


def test_the_tilt_is_taken_out():
    """At 25 degrees the landmarks are as good as on the upright photo, which a single prediction's are not."""
    photo = skimage.data.astronaut()[30:230, 110:330]
    upright = predict_landmarks(photo, Box(66, 47, 156, 137)).points
    turn = cv2.getRotationMatrix2D((109.5, 99.5), 25, 1.0)
    turned = cv2.warpAffine(photo, turn, (220, 200), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    centre = turn @ (110.5, 91.5, 1)
    box = Box(centre[0] - 45, centre[1] - 45, centre[0] + 45, centre[1] + 45)
    landmarks = predict_landmarks(turned, box).points
    expected = upright @ turn[:, :2].T + turn[:, 2]
    assert np.hypot(*(landmarks - expected)[17:].T).mean() < 1.0


def test_a_mirrored_copy_gives_the_photos_left_and_right():
    face = DrawnFace((150.0, 140.0), 40.0, yaw_degrees=12)
    photo, (truth,) = draw_photo((330, 290), [face])
    box = box_around(truth)
    mirror = np.array([[-1.0, 0.0, 329.0], [0.0, 1.0, 0.0]])
    landmarks = predict_landmarks(photo, Box(330 - box.right, box.top, 330 - box.left, box.bottom), mirror).points
    assert error(landmarks, truth, 40.0) < 0.08


def test_a_resized_copy_means_the_same_place():
    face = DrawnFace((150.0, 140.0), 40.0)
    photo, (truth,) = draw_photo((330, 290), [face])
    box = box_around(truth)
    plain = predict_landmarks(photo, box).points
    # A copy of half the size: pixel 0 of it covers pixels 0 and 1 of the photo.
    half = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]])
    scaled = predict_landmarks(photo, Box(*(v / 2 for v in (box.left, box.top, box.right, box.bottom))), half).points
    np.testing.assert_allclose(scaled, plain, atol=0.5)


def test_where_there_is_no_face_the_predictions_disagree():
    leaves = skimage.data.coffee()
    spreads = [predict_landmarks(leaves, Box(x, y, x + 90, y + 90)).spread for x in (40, 200, 420) for y in (60, 240)]
    assert np.median(spreads) > 0.03


def test_covered_points_are_less_certain():
    """A grey card before the left half of the photographed face: its points are doubtful, the others stay certain."""
    photo = skimage.data.astronaut()[30:230, 110:330]
    box = Box(66, 47, 156, 137)
    bare = predict_landmarks(photo, box)
    assert bare.certainty.shape == (68,) and bare.certainty.min() > 0 and bare.certainty.max() <= 1
    assert np.median(bare.certainty) > 0.9
    covered = photo.copy()
    covered[40:160, int(bare.points[30, 0]) + 6 : 175] = 128
    half = predict_landmarks(covered, box)
    free, hidden = np.arange(36, 42), np.arange(42, 48)
    assert half.certainty[hidden].mean() < half.certainty[free].mean() - 0.2
    assert half.certainty[hidden].mean() < bare.certainty[hidden].mean() - 0.2


def test_features_are_seen_with_sunglasses_or_a_mask_but_not_with_both():
    certain = np.full(68, 0.9)
    sunglasses, mask = certain.copy(), certain.copy()
    sunglasses[17:27] = sunglasses[36:48] = mask[27:36] = mask[48:68] = 0.2
    np.testing.assert_allclose([features_seen(one) for one in (certain, sunglasses, mask)], 0.9)
    assert features_seen(np.minimum(sunglasses, mask)) == pytest.approx(0.2)


def test_certainties_of_a_mirrored_copy_are_those_of_the_photos_points():
    photo = skimage.data.astronaut()[30:230, 110:330].copy()
    photo[40:160, 120:175] = 128
    plain = predict_landmarks(photo, Box(66, 47, 156, 137))
    mirror = np.array([[-1.0, 0.0, 219.0], [0.0, 1.0, 0.0]])
    mirrored = predict_landmarks(photo, Box(64, 47, 154, 137), mirror)
    np.testing.assert_allclose(mirrored.certainty, plain.certainty, atol=0.15)
    assert np.abs(mirrored.certainty - plain.certainty).mean() < 0.03
