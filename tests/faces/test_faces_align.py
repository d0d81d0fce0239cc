import io

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces.align import TEMPLATES, crop_face, crop_matrix, crop_quad
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.types import Box, Face
from tests.reference.drawn import DrawnFace, draw_photo, face_landmarks

TILTED = DrawnFace((130.3, 118.7), 37.0, roll_degrees=17.0)


def tilted_photo():
    photo, (landmarks,) = draw_photo((300, 260), [TILTED])
    return photo, Face(Box(80, 80, 190, 190), landmarks)


def by_pillow(photo, quad, size):
    """The square as FFHQ's script and PaddleGAN cut it: Image.QUAD on a reflected photo, supersampled, then shrunk."""
    pad = 300
    padded = PIL.Image.fromarray(np.pad(photo, ((pad, pad), (pad, pad), (0, 0)), "symmetric"))
    corners = tuple((quad + pad).ravel())
    fine = padded.transform((size * 8, size * 8), PIL.Image.Transform.QUAD, corners, PIL.Image.Resampling.BILINEAR)
    return np.asarray(fine.resize((size, size), PIL.Image.Resampling.BOX)).astype(float)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("size", [32, 64, 200])
def test_crop_is_the_one_that_pillow_cuts(template, size):
    photo, face = tilted_photo()
    crop = crop_face(photo, face, template, size)
    expected = by_pillow(photo, crop_quad(face.landmarks, template), size)
    error = np.sqrt(np.mean((crop.image - expected) ** 2))
    shifted = np.sqrt(np.mean((np.roll(crop.image, 1, axis=1) - expected)[:, 1:] ** 2))
    assert crop.image.shape == (size, size, 3)
    assert crop.size == size
    assert crop.template == template
    assert error < 2.5
    # A pixel of a 32-pixel crop is a large step, one of a 200-pixel crop a small one; either must show.
    assert shifted > 1.25 * error


def test_the_eyes_come_to_lie_where_ffhq_has_them():
    landmarks = face_landmarks(TILTED)
    matrix = crop_matrix(landmarks, "ffhq", 100)
    # The template counts from pixel edges.
    placed = transform_points(landmarks - 0.5, matrix) + 0.5
    right_eye, left_eye = placed[36:42].mean(axis=0), placed[42:48].mean(axis=0)
    eyes, mouth = (right_eye + left_eye) / 2, (placed[48] + placed[54]) / 2
    np.testing.assert_allclose(left_eye - right_eye, [25.0, 0.0], atol=1e-6)  # the side is four eye distances
    np.testing.assert_allclose(eyes + 0.1 * (mouth - eyes), [50.0, 50.0], atol=1e-6)
    assert mouth[1] > eyes[1]


def test_tight_square_is_centred_lower_and_smaller():
    landmarks = face_landmarks(TILTED)
    ffhq, tight = (crop_quad(landmarks, name) for name in ("ffhq", "tight"))
    sides = [np.hypot(*(quad[3] - quad[0])) for quad in (ffhq, tight)]
    assert sides[1] / sides[0] == pytest.approx(0.58)
    eyes = landmarks[36:48].mean(axis=0)
    down = (landmarks[48] + landmarks[54]) / 2 - eyes
    np.testing.assert_allclose(tight.mean(axis=0), eyes + 0.4 * down)


def test_a_long_face_is_measured_from_eyes_to_mouth():
    landmarks = face_landmarks(DrawnFace((0.0, 0.0), 10.0))
    landmarks[48:, 1] += 30.0
    quad = crop_quad(landmarks, "ffhq")
    down = np.hypot(*((landmarks[48] + landmarks[54]) / 2 - landmarks[36:48].mean(axis=0)))
    assert np.hypot(*(quad[1] - quad[0])) == pytest.approx(2 * 1.8 * down)


def test_matrix_maps_the_quad_to_the_crops_edges():
    landmarks = face_landmarks(TILTED)
    quad, matrix = crop_quad(landmarks, "tight"), crop_matrix(landmarks, "tight", 48)
    placed = transform_points(quad - 0.5, matrix)
    np.testing.assert_allclose(placed, [[-0.5, -0.5], [-0.5, 47.5], [47.5, 47.5], [47.5, -0.5]], atol=1e-9)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_beyond_the_border_the_crop_is_the_photos_reflection():
    photo, (landmarks,) = draw_photo((150, 140), [DrawnFace((20.0, 30.0), 36.0)])
    crop = crop_face(photo, Face(Box(0, 0, 60, 60), landmarks), "ffhq", 96)
    expected = by_pillow(photo, crop_quad(landmarks, "ffhq"), 96)
    assert np.sqrt(np.mean((crop.image - expected) ** 2)) < 2.5


def test_unknown_template_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'tight'"):
        crop_matrix(np.zeros((68, 2)), "tigth", 64)
    with pytest.raises(ValueError, match="68"):
        crop_quad(np.zeros((5, 2)), "tight")


@pytest.mark.shared
def test_tight_template_gives_the_data_sets_own_square(shared_folder):
    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")
    landmarks = data["landmarks"][::50].astype(np.float64)
    matrices = np.array([crop_matrix(points, "tight", 128) for points in landmarks])
    # The landmarks are stored in float16: 1/16 pixel at 128.
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2, 3), matrices.shape), atol=0.05)


@pytest.mark.slow
@pytest.mark.shared
def test_detector_and_predictor_agree_with_the_data_sets_landmarks(shared_folder):
    from ppgan_ext.faces.detect import find_faces

    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")
    ends, pad = data["ends"], 48
    offsets, errors = [], []
    for i in range(100, 1300, 60):
        encoded = data["encoded"][ends[i - 1] : ends[i]].tobytes()
        picture = np.asarray(PIL.Image.open(io.BytesIO(encoded)).convert("RGB"))
        faces = find_faces(np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), "symmetric"))
        if not faces:
            continue
        difference = faces[0].landmarks - pad - data["landmarks"][i].astype(np.float64)
        offsets.append(np.median(difference[17:], axis=0))
        errors.append(np.hypot(*difference[17:].T).mean())
    assert len(errors) >= 18
    assert np.median(errors) < 2.5
    assert np.all(np.abs(np.median(offsets, axis=0)) < 0.35)
