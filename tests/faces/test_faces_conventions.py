"""One test per statement of docs/conventions.md."""

import re
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from ppgan_ext import images
from ppgan_ext.faces.align import crop_face, crop_matrix, crop_quad
from ppgan_ext.faces.choice import choose
from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.motion import move
from ppgan_ext.faces.paste import paste_back
from ppgan_ext.faces.pose import head_pose, pose_to_rotation, rotation_to_pose
from ppgan_ext.faces.warp import resize_matrix, transform_points, warp
from ppgan_ext.types import Box, Face, Pose
from tests.reference.drawn import DrawnFace, draw_photo, face_landmarks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conventions.md"
NO_BOX = Box(0, 0, 1, 1)


def pose_of(**turn):
    """Pose of a drawn face less that of the same face at rest."""
    turned, rest = (
        head_pose(face_landmarks(DrawnFace((210.0, 170.0), 40.0, **options)), (640, 400)) for options in (turn, {})
    )
    return np.array(
        [
            turned.yaw_degrees - rest.yaw_degrees,
            turned.pitch_degrees - rest.pitch_degrees,
            turned.roll_degrees - rest.roll_degrees,
        ]
    )


def test_every_statement_has_its_test_and_every_test_its_statement():
    named = set(re.findall(r"test_convention_\w+", PAGE.read_text(encoding="utf-8")))
    written = {name for name in globals() if name.startswith("test_convention_")}
    assert named == written
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len([row for row in rows if "test_convention_" in row]) == len(named) == len(rows) - 4


def test_convention_images_are_rgb(tmp_path):
    picture = PIL.Image.new("RGB", (5, 3), (250, 120, 10))
    picture.save(tmp_path / "a.png")
    image = images.read_image(tmp_path / "a.png")
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.uint8
    assert tuple(image[0, 0]) == (250, 120, 10)


def test_convention_pixels_are_nchw_in_minus_one_to_one():
    image = np.zeros((2, 5, 3), np.uint8)
    image[1, 4] = (255, 128, 0)
    pixels = images.to_pixels(image)
    assert pixels.shape == (1, 3, 2, 5)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[0, :, 1, 4], [1.0, 128 / 127.5 - 1, -1.0], atol=1e-6)
    assert np.array_equal(images.to_image(pixels), image)
    assert np.array_equal(images.to_image(pixels * 3)[1, 4], (255, 129, 0))


def test_convention_sizes_are_width_height():
    image = np.zeros((20, 50, 3), np.uint8)
    assert images.resize(image, (30, 10)).shape == (10, 30, 3)
    assert warp(image, np.eye(2, 3), (7, 4)).shape == (4, 7, 3)
    pose = head_pose(face_landmarks(DrawnFace((300.0, 100.0), 20.0)), (900, 200))
    wide = head_pose(face_landmarks(DrawnFace((300.0, 100.0), 20.0)), (200, 900))
    assert pose != wide  # the width sets the focal length


def test_convention_pixel_centres_are_integers():
    image = np.zeros((9, 15), np.float32)
    image[3, 11] = 1.0
    moved = warp(image, np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]), (15, 9))
    assert moved[2, 13] == pytest.approx(1.0)
    half = warp(image, np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]), (15, 9))
    assert half[3, 11] == pytest.approx(half[3, 12])


def test_convention_resizing_keeps_edges():
    matrix = resize_matrix((40, 10), (20, 30))
    np.testing.assert_allclose(transform_points(np.array([[7.0, 2.0]]), matrix), [[7.5 / 2 - 0.5, 2.5 * 3 - 0.5]])
    ramp = np.tile(np.arange(40, dtype=np.float32), (10, 1))
    small = cv2.resize(ramp, (20, 30), interpolation=cv2.INTER_AREA)
    assert small[0, 5] == pytest.approx((5 + 0.5) * 2 - 0.5)


def test_convention_photos_are_upright(tmp_path):
    picture = PIL.Image.new("RGB", (6, 4))
    picture.putpixel((5, 0), (255, 0, 0))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    picture.save(tmp_path / "a.png", exif=exif)
    image = images.read_image(tmp_path / "a.png")
    assert image.shape == (6, 4, 3)
    assert tuple(image[5, 3]) == (255, 0, 0)


def test_convention_outside_is_the_reflection():
    image = np.array([[10, 20, 40, 80], [11, 21, 41, 81]], np.float32)
    result = warp(image, np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 0.0]]), (10, 2))
    np.testing.assert_allclose(result[0], [40, 20, 10, 10, 20, 40, 80, 80, 40, 20], atol=1e-3)


def test_convention_mask_zero_keeps_bits():
    photo, (landmarks,) = draw_photo((310, 260), [DrawnFace((150.0, 110.0), 40.0)])
    from ppgan_ext.faces.mask import face_mask

    mask = face_mask(landmarks, photo.shape)
    assert mask.shape == (260, 310)
    assert mask.dtype == np.float32
    assert mask.min() == 0
    assert mask.max() <= 1
    crop = crop_face(photo, Face(NO_BOX, landmarks), "tight", 32)
    result = paste_back(photo, crop, crop.image, 255 - crop.image, landmarks)
    assert np.array_equal(result[mask == 0], photo[mask == 0])
    assert not np.array_equal(result, photo)


def test_convention_matrix_goes_from_photo_to_crop():
    photo, (landmarks,) = draw_photo((400, 300), [DrawnFace((230.0, 120.0), 40.0, roll_degrees=20)])
    x, y = 260, 140
    photo[y - 2 : y + 3, x - 2 : x + 3] = (0, 255, 0)
    crop = crop_face(photo, Face(NO_BOX, landmarks), "ffhq", 160)
    assert crop.matrix_photo_to_crop.shape == (2, 3)
    assert crop.matrix_photo_to_crop.dtype == np.float64
    column, row = crop.matrix_photo_to_crop @ (x, y, 1)
    green = crop.image.astype(int)
    green = np.clip(green[..., 1] - np.maximum(green[..., 0], green[..., 2]), 60, None) - 60
    rows, columns = np.indices(green.shape)
    centre = (columns * green).sum() / green.sum(), (rows * green).sum() / green.sum()
    np.testing.assert_allclose(centre, (column, row), atol=0.35)


def test_convention_crop_corners_are_edges():
    landmarks = face_landmarks(DrawnFace((230.0, 120.0), 40.0, roll_degrees=20))
    matrix, quad = crop_matrix(landmarks, "ffhq", 64), crop_quad(landmarks, "ffhq")
    # An edge coordinate e is the pixel coordinate e - 0.5; top left, bottom left, bottom right, top right.
    np.testing.assert_allclose(
        transform_points(quad - 0.5, matrix), [[-0.5, -0.5], [-0.5, 63.5], [63.5, 63.5], [63.5, -0.5]], atol=1e-9
    )


def test_convention_box_right_and_bottom_are_outside():
    box = Box(10, 20, 13, 27)
    assert (box.width, box.height, box.area) == (3, 7, 21)
    assert np.zeros((40, 30))[20:27, 10:13].size == box.area


def test_convention_motion_points_back():
    image = np.arange(20, dtype=np.float32).reshape(4, 5)
    motion = np.zeros((4, 5, 2), np.float32)
    motion[..., 0] = 1
    np.testing.assert_allclose(move(image, motion)[:, :3], image[:, 1:4])


def test_convention_right_is_the_subjects():
    photo, _ = draw_photo((310, 290), [DrawnFace((150.0, 140.0), 40.0)])
    (face,) = find_faces(photo)
    x, y = face.landmarks.T
    assert x[36:42].max() < 150 < x[42:48].min()
    assert x[48] < x[54]
    assert x[0] < x[8] < x[16]
    assert y[8] == y.max()
    assert y[27] < y[30] < y[33] < y[57]


@pytest.mark.slow
def test_convention_landmarks_are_the_photos():
    photo, (truth,) = draw_photo((330, 280), [DrawnFace((150.0, 140.0), 40.0, roll_degrees=90)])
    (face,) = find_faces(photo)
    assert np.hypot(*(face.landmarks - truth)[17:].T).mean() < 4
    # Counter-clockwise by 90 degrees the subject's right is at the bottom.
    assert face.landmarks[36, 1] > face.landmarks[45, 1]


def test_convention_face_numbers_start_at_one():
    photo, truths = draw_photo((520, 300), [DrawnFace((120.0, 130.0), 35.0), DrawnFace((370.0, 140.0), 55.0)])
    faces = find_faces(photo)
    assert np.abs(choose(faces, 1)[0].landmarks - truths[1]).mean() < 6
    assert np.abs(choose(faces, 2)[0].landmarks - truths[0]).mean() < 6


def test_convention_yaw_is_positive_to_image_right():
    yaw, pitch, roll = pose_of(yaw_degrees=20)
    assert yaw > 12
    assert max(abs(pitch), abs(roll)) < 3


def test_convention_pitch_is_positive_up():
    yaw, pitch, roll = pose_of(pitch_degrees=15)
    assert pitch > 9
    assert max(abs(yaw), abs(roll)) < 3


def test_convention_roll_is_positive_counter_clockwise():
    yaw, pitch, roll = pose_of(roll_degrees=20)
    assert roll == pytest.approx(20, abs=1)
    assert max(abs(yaw), abs(pitch)) < 3
    landmarks = face_landmarks(DrawnFace((210.0, 170.0), 40.0, roll_degrees=20))
    assert landmarks[45, 1] < landmarks[36, 1]  # the eye at image right is the higher one


def test_convention_turning_the_picture_is_roll():
    before = pose_to_rotation(Pose(25.0, -10.0, 5.0))
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    after = rotation_to_pose(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ before)
    np.testing.assert_allclose([after.yaw_degrees, after.pitch_degrees, after.roll_degrees], [25, -10, 35], atol=1e-9)


@pytest.mark.shared
def test_convention_fsa_net_has_the_opposite_yaw(shared_folder):
    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")
    poses = [head_pose(points.astype(float), (128, 128)) for points in data["landmarks"][::20]]
    ours = np.array([(p.yaw_degrees, p.pitch_degrees, p.roll_degrees) for p in poses])
    correlation = [np.corrcoef(ours[:, i], data["pose"][::20, i])[0, 1] for i in range(3)]
    assert correlation[0] < -0.9
    assert correlation[1] > 0.75
    assert correlation[2] > 0.4


@pytest.mark.slow
def test_convention_same_person_is_below_0_6():
    import skimage.data

    assert SAME_PERSON == 0.6
    photo = skimage.data.astronaut()
    (face,) = find_faces(photo)
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    same = np.linalg.norm(face_descriptor(photo, face) - face_descriptor(mirrored, find_faces(mirrored)[0]))
    assert same < SAME_PERSON


def test_convention_n_latent():
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

    for size in (8, 32):
        generator = StyleGANv2Generator(size, style_dim=16, n_mlp=2, channel_base=64, channel_cap=8)
        assert generator.n_latent == 2 * int(np.log2(size)) - 2


def test_convention_saved_codes(tmp_path):
    from ppgan_ext.latents.codes import load_code, save_code

    code = np.random.default_rng(0).normal(size=(10, 512)).astype(np.float32) + 3
    save_code(tmp_path / "a.npy", code)
    stored = np.load(tmp_path / "a.npy")
    assert stored.dtype == np.float32
    assert np.array_equal(stored, code)
    assert np.array_equal(load_code(tmp_path / "a.npy", 10), code)


def test_convention_mixing_weights_belong_to_the_first_code():
    from ppgan_ext.latents.mixing import LEVELS, mix

    first, second = np.ones((10, 4), np.float32), np.zeros((10, 4), np.float32)
    np.testing.assert_allclose(mix(first, second, 0.25), 0.25)
    layers = np.arange(12)
    assert [layers[LEVELS[name]].tolist() for name in ("coarse", "middle", "fine")] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]


def test_convention_truncation():
    from ppgan_ext.latents.truncation import truncate

    code, mean = np.full((6, 4), 3.0, np.float32), np.full(4, 1.0, np.float32)
    np.testing.assert_allclose(truncate(code, mean, 0.5), 2.0)
    np.testing.assert_allclose(truncate(code, mean, 1.0), code)
    np.testing.assert_allclose(truncate(code, mean, 0.5, cutoff=2)[:, 0], [2, 2, 3, 3, 3, 3])


def test_convention_directions_are_added():
    from ppgan_ext.latents.directions import Direction, apply

    vector = np.arange(6 * 512, dtype=np.float32).reshape(6, 512)
    age = Direction("age", vector, unit="year")
    code = np.ones((6, 512), np.float32)
    np.testing.assert_allclose(apply(code, {"age": age}, {"age": -20.0}), 1 - 20 * vector)
