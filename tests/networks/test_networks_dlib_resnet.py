"""dlib's face network against dlib itself and against NumPy, and its gradient against finite differences."""

from __future__ import annotations

import io

import dlib
import numpy as np
import paddle
import PIL.Image
import pytest
import skimage.data

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.faces import models
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.networks.dlib_resnet import DlibFaceNet, add_padded
from ppgan_ext.weights import identity_networks
from tests.reference import dlib_files
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.toy import assert_close, numbers


@pytest.fixture(scope="module")
def network():
    return identity_networks.load_dlib_face_net()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    description = dlib_files.ToyFaceNet(2)
    return description, identity_networks.load_dlib_face_net(
        description.write(tmp_path_factory.mktemp("toy") / "net.dat")
    )


def pixels_of(chips):
    return paddle.to_tensor(np.stack(chips).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)


def compare(network, chips, tolerance=1e-4):
    with models.descriptor_lock:
        theirs = [models.descriptor().compute_face_descriptor(chip, 0) for chip in chips]
    with paddle.no_grad():
        ours = network(pixels_of(chips)).numpy()
    assert ours.shape == (len(chips), 128)
    assert np.abs(ours - np.array(theirs)).max() < tolerance
    return ours


def chip_of(image, landmarks):
    points = [dlib.point(int(x), int(y)) for x, y in np.rint(landmarks)]
    height, width = image.shape[:2]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), points)
    return dlib.get_face_chip(image, shape, 150, 0.25)


@pytest.mark.slow
def test_descriptors_of_drawn_faces_and_a_photo_match_dlibs(network):
    drawn, marks = draw_photo(
        (520, 300), [DrawnFace((140, 130), 60, yaw_degrees=15), DrawnFace((370, 140), 55, roll_degrees=12)]
    )
    photo = skimage.data.astronaut()
    chips = [chip_of(drawn, landmarks) for landmarks in marks]
    chips += [chip_of(photo, face.landmarks) for face in find_faces(photo)]
    assert len(chips) == 3
    ours = compare(network, chips)
    assert np.linalg.norm(ours[0] - ours[2]) > 0.3  # so the descriptors are not all equal


def test_descriptors_of_extreme_pictures_match_dlibs(network):
    rng = np.random.default_rng(0)
    black, white = np.zeros((150, 150, 3), np.uint8), np.full((150, 150, 3), 255, np.uint8)
    red = np.zeros((150, 150, 3), np.uint8)
    red[:40, :, 0] = 200
    compare(network, [black, white, red, rng.integers(0, 256, (150, 150, 3), dtype=np.uint8)])


@pytest.mark.slow
@pytest.mark.shared
def test_descriptors_of_20_real_faces_match_dlibs(network, shared_folder):
    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_1.npz")
    encoded, ends, landmarks = (data[name] for name in ("encoded", "ends", "landmarks"))
    chips = []
    for i in np.linspace(1, len(ends) - 1, 20).astype(int):
        with PIL.Image.open(io.BytesIO(encoded[ends[i - 1] : ends[i]].tobytes())) as picture:
            image = np.asarray(picture.convert("RGB"))
        chips.append(chip_of(image, landmarks[i].astype(np.float64)))
    ours = compare(network, chips)
    far = np.linalg.norm(ours[:, None] - ours[None], axis=2)[np.triu_indices(20, 1)]
    assert np.median(far) > 0.6  # they show twenty people


def test_the_network_matches_numpy(toy):
    description, network = toy
    image = 127.5 * (1 + np.tanh(numbers("image", [2, 3, 150, 150]))).astype(np.float64)
    expected = dlib_files.descriptors(description.layers, description.arrays, image)
    actual = network(paddle.to_tensor((image / 127.5 - 1).astype(np.float32)))
    assert actual.shape == [2, 8]
    assert_close(actual.numpy(), expected)


@pytest.mark.parametrize(
    ("one", "other"), [((2, 3, 4, 5), (2, 2, 6, 3)), ((1, 4, 1, 1), (1, 2, 2, 3)), ((1, 2, 3, 4), (1, 2, 3, 4))]
)
def test_terms_of_different_sizes_are_padded_with_zeros(one, other):
    a, b = numbers("a", one), numbers("b", other)
    expected = np.zeros([one[0], *np.maximum(one[1:], other[1:])], np.float32)
    expected[:, : one[1], : one[2], : one[3]] += a
    expected[:, : other[1], : other[2], : other[3]] += b
    np.testing.assert_array_equal(add_padded(paddle.to_tensor(a), paddle.to_tensor(b)).numpy(), expected)


def test_gradient_against_finite_differences(toy):
    network = toy[1]
    state = network.state_dict()
    twin = DlibFaceNet(2)
    twin.set_state_dict(state)
    twin.to(dtype="float64")
    x = paddle.to_tensor(np.tanh(numbers("x", [2, 3, 150, 150])).astype(np.float64), stop_gradient=False)
    weight = paddle.to_tensor(numbers("weight", [2, 8]).astype(np.float64))
    ((twin(x) ** 2) * weight).sum().backward()
    gradient = x.grad.numpy()
    assert np.count_nonzero(gradient) > 0.9 * gradient.size
    for seed in range(3):
        direction = np.random.default_rng(seed).standard_normal(x.shape)
        step = 1e-6
        values = [
            ((twin(x.detach() + sign * step * paddle.to_tensor(direction)) ** 2) * weight).sum().item()
            for sign in (1, -1)
        ]
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx((gradient * direction).sum(), rel=1e-5)


@pytest.mark.slow
def test_every_pixel_of_a_real_face_has_a_gradient(network):
    photo = skimage.data.astronaut()
    pixels = pixels_of([chip_of(photo, find_faces(photo)[0].landmarks)])
    pixels.stop_gradient = False
    network(pixels).square().sum().backward()
    gradient = np.abs(pixels.grad.numpy()[0]).sum(axis=0)
    assert np.isfinite(gradient).all()
    # The windows of the stem and of the pooling do not reach the last rows, because dlib does not pad.
    assert (gradient[:145, :145] > 0).mean() > 0.99
    # The face has more influence than its surroundings.
    assert gradient[40:110, 40:110].mean() > 2 * gradient[:20].mean()


def test_samples_of_a_batch_are_independent(toy):
    x = paddle.to_tensor(np.tanh(numbers("x", [3, 3, 150, 150])))
    together = toy[1](x).numpy()
    alone = [toy[1](x[i : i + 1]).numpy()[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_names_of_the_state_and_invalid_arguments():
    network = DlibFaceNet(1)
    names = {"stem", *(f"blocks.{block}.conv{i}" for block in range(14) for i in (1, 2))}
    assert set(network.state_dict()) == {f"{name}.{part}" for name in names for part in ("weight", "bias")} | {
        "fc.weight"
    }
    for shape in ([1, 3, 150, 149], [1, 1, 150, 150], [3, 150, 150], [1, 3, 128, 128]):
        with pytest.raises(InputError, match=r"expected \(N, 3, 150, 150\)"):
            network(paddle.zeros(shape))
    with pytest.raises(ConfigError, match="width: must be at least 1"):
        DlibFaceNet(0)
