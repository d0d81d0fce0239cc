"""Identity distances: the fixed crop against its definition and against dlib's, caching, gradients, errors."""

from __future__ import annotations

import io

import dlib
import numpy as np
import paddle
import PIL.Image
import pytest
import skimage.data

from ppgan_ext.errors import ConfigError, InputError, WeightsError
from ppgan_ext.faces.align import TEMPLATES, crop_face, crop_matrix
from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.warp import compose, invert, transform_points
from ppgan_ext.images import to_pixels
from ppgan_ext.losses.face_chips import ARCFACE_BOXES, DLIB_BOXES, WHOLE, ChipBox, cut_chip, resampling_matrix
from ppgan_ext.losses.identity import IdentityDistance, identity_network
from ppgan_ext.networks import ArcFaceBackbone, DlibFaceNet
from ppgan_ext.types import Box, Face
from ppgan_ext.weights import identity_networks, readers
from tests.reference.dlib_files import ToyFaceNet
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.toy import assert_close, fill, numbers


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory):
    return ToyFaceNet(2).write(tmp_path_factory.mktemp("toy") / "net.dat")


@pytest.fixture(scope="module")
def toy(toy_file):
    return identity_network(weight_path=toy_file)


def crops(name, shape=(2, 3, 40, 40)):
    return paddle.to_tensor(np.tanh(numbers(name, shape)))


# ---- the crop


def test_interpolation_is_linear_between_pixel_centres():
    matrix = resampling_matrix(5, 0.0, 1.0, 10)
    ramp = np.arange(5.0)
    np.testing.assert_allclose(matrix @ ramp, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4], atol=1e-6)
    np.testing.assert_array_equal(resampling_matrix(7, 0.0, 1.0, 7), np.eye(7))


def test_shrinking_uses_every_pixel():
    matrix = resampling_matrix(48, 0.0, 1.0, 6).astype(np.float64)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    # Every pixel has the same total weight.
    np.testing.assert_allclose(matrix.sum(axis=0), 6 / 48, rtol=1e-6)
    checks = np.tile([1.0, -1.0], 24)
    assert np.abs(matrix @ checks)[1:-1].max() < 1e-6  # at the ends the reflection breaks the pattern


@pytest.mark.parametrize(("first", "last", "num_to"), [(-0.4, 1.3, 17), (-1.7, 2.9, 30), (0.2, 0.45, 9), (0.1, 0.9, 2)])
def test_the_signal_is_reflected_beyond_its_edges(first, last, num_to):
    signal = numbers("signal", [8]).astype(np.float64)
    wide = np.concatenate([signal, signal[::-1]] * 5)  # 80 numbers; the signal itself starts at index 32
    inside = resampling_matrix(80, (first * 8 + 32) / 80, (last * 8 + 32) / 80, num_to)
    assert_close(resampling_matrix(8, first, last, num_to) @ signal, inside @ wide, 1e-5)


def test_x_goes_right_and_y_down():
    image = np.zeros((1, 2, 60, 60), np.float32)
    image[0, 0, :, 45:] = 1  # right quarter
    image[0, 1, :12] = 1  # upper fifth
    chip = cut_chip(paddle.to_tensor(image), ChipBox(0.75, 0.4, 0.5), 30).numpy()[0]
    # x from 0.5 to 1: the right half is bright; y from 0.15 to 0.65: the upper tenth is bright.
    np.testing.assert_allclose(chip[0, :, 15:], 1)
    np.testing.assert_allclose(chip[0, :, :15], 0, atol=1e-6)
    np.testing.assert_allclose(chip[1, :3], 1)
    np.testing.assert_allclose(chip[1, 3:], 0, atol=1e-6)


def test_cutting_agrees_with_opencv():
    import cv2

    image = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (90, 90, 3)).astype(np.float32), (0, 0), 2)
    box, side = ChipBox(0.45, 0.6, 1.2), 64
    scale = box.side * 90 / side
    corner = np.array([box.x, box.y]) * 90 - box.side * 45
    to_image = np.array([[scale, 0, corner[0] + scale / 2 - 0.5], [0, scale, corner[1] + scale / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(image, to_image, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT)
    chip = cut_chip(paddle.to_tensor(image.transpose(2, 0, 1)[None]), box, side).numpy()[0].transpose(1, 2, 0)
    assert np.abs(chip - expected).mean() < 1.0  # this averages over 1.7 pixels, OpenCV interpolates two


def test_crops_that_are_not_square_are_rejected():
    for shape in ([1, 3, 8, 6], [3, 8, 8], [1, 3, 0, 0]):
        with pytest.raises(InputError, match="square crops"):
            cut_chip(paddle.zeros(shape), WHOLE, 4)


def chip_square(landmarks):
    """Return the matrix from dlib's chip of a face to the picture of the landmarks."""
    scale, offset, side = 8, 512, 2048
    ramp = np.zeros((side, side, 3), np.uint8)
    ramp[..., 0] = (np.arange(side) // 8)[None]
    ramp[..., 1] = (np.arange(side) // 8)[:, None]
    points = [dlib.point(int(x), int(y)) for x, y in np.rint((landmarks + 0.5) * scale - 0.5 + offset)]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, side - 1, side - 1), points)
    chip = dlib.get_face_chip(ramp, shape, 150, 0.25).reshape(-1, 3)[:, :2] * 8.0 + 3.5
    rows, columns = np.mgrid[0:150, 0:150]
    positions = np.stack([columns.ravel(), rows.ravel(), np.ones(22500)], axis=1)
    to_ramp = np.linalg.lstsq(positions, chip, rcond=None)[0].T
    to_landmarks = np.array([[1 / scale, 0.0, 0.5 / scale - 0.5], [0.0, 1 / scale, 0.5 / scale - 0.5]])
    return compose(to_landmarks, compose(np.array([[1.0, 0.0, -offset], [0.0, 1.0, -offset]]), to_ramp))


@pytest.mark.slow
@pytest.mark.shared
def test_the_squares_are_those_that_dlib_cuts(shared_folder):
    landmarks = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")["landmarks"][::100]
    dlib_squares = {template: [] for template in TEMPLATES}
    arcface = []
    for marks in landmarks.astype(np.float64):
        square = chip_square(marks)
        to_crop = {template: crop_matrix(marks, template, 128) for template in TEMPLATES}
        for template, matrix in to_crop.items():
            whole = compose(matrix, square)
            centre = (transform_points(np.array([74.5, 74.5]), whole) + 0.5) / 128
            dlib_squares[template].append([*centre, 150 / 128 * np.sqrt(np.linalg.det(whole[:, :2]))])
        ffhq_to_tight = compose(to_crop["tight"], invert(to_crop["ffhq"]))
        centre = np.array(ARCFACE_BOXES["ffhq"][:2]) * 128 - 0.5
        scale = np.sqrt(np.linalg.det(ffhq_to_tight[:, :2]))
        arcface.append([*(transform_points(centre, ffhq_to_tight) + 0.5) / 128, ARCFACE_BOXES["ffhq"].side * scale])
    for template, squares in dlib_squares.items():
        np.testing.assert_allclose(np.mean(squares, axis=0), DLIB_BOXES[template], atol=0.012)
    np.testing.assert_allclose(np.mean(arcface, axis=0), ARCFACE_BOXES["tight"], atol=0.004)


def test_arcfaces_square_equals_pixel2style2pixels():
    image = numbers("image", [1, 3, 256, 256])
    theirs = image[:, :, 35:223, 32:220]
    chip = cut_chip(paddle.to_tensor(image), ARCFACE_BOXES["ffhq"], 188).numpy()
    np.testing.assert_allclose(chip, theirs, atol=1e-6)


# ---- the distance


def test_the_distance_is_that_of_the_descriptors(toy, toy_file):
    x, y = crops("x"), crops("y")
    network = identity_networks.load_dlib_face_net(toy_file)
    with paddle.no_grad():
        ours, theirs = (network(cut_chip(image, DLIB_BOXES["tight"], 150)).numpy() for image in (x, y))
    descriptors = toy.prepare(y)
    assert descriptors.stop_gradient
    np.testing.assert_allclose(descriptors.numpy(), theirs, rtol=1e-6)
    distance = toy.distance(x, descriptors)
    assert distance.shape == [2]
    expected = np.linalg.norm(ours - theirs, axis=1)
    assert_close(distance.numpy(), expected, 1e-5)
    squared = identity_network(weight_path=toy_file, squared=True)
    assert_close(squared.distance(x, descriptors).numpy(), expected**2, 1e-5)
    assert (toy.name, toy.num_features) == ("dlib-resnet", 8)


def test_one_target_for_many_pictures_of_other_sizes(toy):
    x, y = crops("x"), crops("y", (1, 3, 33, 33))
    descriptors = toy.prepare(y)
    both = toy.distance(x, descriptors).numpy()
    each = [toy.distance(x[i : i + 1], descriptors).item() for i in range(2)]
    np.testing.assert_allclose(both, each, rtol=1e-4)
    for wrong in (toy.prepare(crops("z", (3, 3, 20, 20))), paddle.zeros([2, 9])):
        with pytest.raises(InputError, match="do not match"):
            toy.distance(x, wrong)


def test_the_distance_to_itself_is_zero_with_a_finite_gradient(toy):
    x = crops("x")
    x.stop_gradient = False
    distance = toy.distance(x, toy.prepare(x))
    assert distance.numpy().max() < 1e-5
    distance.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_half_precision_is_converted_to_the_networks_precision(toy):
    x, target = crops("x"), toy.prepare(crops("y"))
    half = x.astype("float16")
    half.stop_gradient = False
    distance = toy.distance(half, target)
    distance.sum().backward()
    assert distance.dtype == paddle.float32
    assert np.abs(half.grad.astype("float32").numpy()).max() > 0
    assert_close(distance.numpy(), toy.distance(x, target).numpy(), 1e-2)


@pytest.mark.parametrize("squared", [False, True])
def test_gradient_against_finite_differences(toy_file, squared):
    network = identity_networks.load_dlib_face_net(toy_file)
    network.to(dtype="float64")
    distance = IdentityDistance("toy", network, DLIB_BOXES["tight"], "squared" if squared else "euclidean")
    x = crops("x").astype("float64")
    target = distance.prepare(crops("y").astype("float64"))
    x.stop_gradient = False
    distance.distance(x, target).sum().backward()
    assert all(p.stop_gradient and p.grad is None for p in network.parameters())
    direction = numbers("direction", x.shape).astype(np.float64)
    step = 1e-6 * paddle.to_tensor(direction)
    far = [distance.distance(x.detach() + sign * step, target).sum().item() for sign in (1, -1)]
    assert (far[0] - far[1]) / 2e-6 == pytest.approx((x.grad.numpy() * direction).sum(), rel=1e-5)


def test_without_a_template_the_picture_is_the_networks_input(toy_file):
    distance = identity_network(weight_path=toy_file, template=None)
    network = identity_networks.load_dlib_face_net(toy_file)
    x = crops("x", (1, 3, 150, 150))
    np.testing.assert_array_equal(distance.prepare(x).numpy(), network(x).numpy())
    assert distance.prepare(crops("x", (1, 3, 64, 64))).shape == [1, 8]


@pytest.mark.slow
def test_arcface_is_one_minus_cosine(tmp_path):
    network = ArcFaceBackbone(16)
    fill(network)
    for p in network.parameters():
        if p.ndim > 1:
            p.set_value(p / float(np.sqrt(np.prod(p.shape[1:] if p.ndim == 4 else p.shape[:1]))))
    readers.write(tmp_path / "arc.pdparams", {name: p.numpy() for name, p in network.state_dict().items()})
    distance = identity_network("arcface-ir-se50", tmp_path / "arc.pdparams", template="ffhq")
    x, y = crops("x"), crops("y")
    a, b = distance.prepare(x).numpy(), distance.prepare(y).numpy()
    network.eval()
    np.testing.assert_allclose(a, network(cut_chip(x, ARCFACE_BOXES["ffhq"], 112)).numpy(), rtol=1e-4, atol=1e-6)
    x.stop_gradient = False
    value = distance.distance(x, paddle.to_tensor(b))
    np.testing.assert_allclose(value.numpy(), 1 - (a * b).sum(axis=1), atol=1e-5)
    value.sum().backward()
    assert np.abs(x.grad.numpy()).max() > 0
    assert (distance.name, distance.num_features) == ("arcface-ir-se50", 128)


def test_invalid_arguments_are_rejected(toy, toy_file, tmp_path):
    with pytest.raises(ConfigError, match=r"no identity network 'dlib-resnt'\. Did you mean 'dlib-resnet'"):
        identity_network("dlib-resnt")
    with pytest.raises(ConfigError, match=r"no crop template 'tigth'\. Did you mean 'tight'"):
        identity_network(weight_path=toy_file, template="tigth")
    with pytest.raises(ConfigError, match="squared: 'arcface-ir-se50' has no Euclidean distance"):
        identity_network("arcface-ir-se50", squared=True)
    with pytest.raises(WeightsError, match="no such file"):
        identity_network("arcface-ir-se50", tmp_path / "none.pdparams")
    for shape in ([1, 1, 8, 8], [3, 8, 8], [1, 3, 8, 6]):
        with pytest.raises(InputError, match="expected"):
            toy.prepare(paddle.zeros(shape))


# ---- real networks


@pytest.fixture(scope="module")
def real():
    return {template: identity_network(template=template) for template in DLIB_BOXES}


@pytest.mark.slow
def test_the_fixed_crop_recognises_a_person(real):
    photo = skimage.data.astronaut()
    face = find_faces(photo)[0]
    drawn, (marks,) = draw_photo((310, 290), [DrawnFace((150, 140), 40)])
    other = Face(Box(90, 90, 210, 210), marks)
    own = face_descriptor(photo, face)
    darker = np.clip(photo * 0.8 + 10, 0, 255).astype(np.uint8)
    for template, distance in real.items():
        here = to_pixels(crop_face(photo, face, template, 128).image)
        target = distance.prepare(paddle.to_tensor(here))
        assert np.linalg.norm(target.numpy()[0] - own) < 0.25, template
        pictures = [crop_face(darker, face, template, 160).image, crop_face(drawn, other, template, 160).image]
        far = distance.distance(paddle.to_tensor(np.concatenate([to_pixels(picture) for picture in pictures])), target)
        assert far[0].item() < 0.3
        assert far[1].item() > SAME_PERSON


@pytest.mark.slow
@pytest.mark.shared
def test_descriptors_of_the_fixed_crop_are_close_to_dlibs_own(real, shared_folder):
    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_1.npz")
    encoded, ends, landmarks = (data[name] for name in ("encoded", "ends", "landmarks"))
    far = {template: [] for template in real}
    for i in np.linspace(1, len(ends) - 1, 20).astype(int):
        with PIL.Image.open(io.BytesIO(encoded[ends[i - 1] : ends[i]].tobytes())) as picture:
            image = np.asarray(picture.convert("RGB"))
        face = Face(Box(0, 0, 128, 128), landmarks[i].astype(np.float64))
        own = face_descriptor(image, face)
        # The pictures are tight crops; the wider crop contains their reflection, as dlib's chip does.
        for template, crop in (("tight", image), ("ffhq", crop_face(image, face, "ffhq", 256).image)):
            ours = real[template].prepare(paddle.to_tensor(to_pixels(crop))).numpy()[0]
            far[template].append(np.linalg.norm(ours - own))
    for template, distances in far.items():
        assert np.mean(distances) < 0.18, template
        assert max(distances) < SAME_PERSON, template


@pytest.mark.slow
def test_descending_the_gradient_approaches_a_person(real):
    photo = skimage.data.astronaut()
    face = find_faces(photo)[0]
    drawn, (marks,) = draw_photo((310, 290), [DrawnFace((150, 140), 40)])
    target = real["tight"].prepare(paddle.to_tensor(to_pixels(crop_face(photo, face, "tight", 64).image)))
    start = crop_face(drawn, Face(Box(90, 90, 210, 210), marks), "tight", 64).image
    pixels = paddle.to_tensor(to_pixels(start))
    values = []
    for _ in range(8):
        pixels.stop_gradient = False
        distance = real["tight"].distance(pixels, target).sum()
        distance.backward()
        values.append(distance.item())
        gradient = pixels.grad
        pixels = (pixels - 0.02 * gradient / gradient.abs().mean()).clip(-1, 1).detach()
    assert values[-1] < 0.8 * values[0]


def test_both_networks_work_with_the_distance():
    for network in (DlibFaceNet(1), ArcFaceBackbone(16)):
        distance = IdentityDistance("any", network, WHOLE, "euclidean")
        assert distance.prepare(crops("x", (1, 3, 20, 20))).shape == [1, network.num_features]
        assert not network.training
