"""The scripts that train the ageing's networks: Paddle's network and the package's NumPy agree; what they train on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
import skimage
from safetensors.numpy import load_file

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.head_patch import CENTRE, SHAPE, head_patch
from ppgan_ext.faces.head.unet import run_unet

FOLDER = Path(__file__).resolve().parents[2] / "tools" / "hair_model"
CHANNELS = 3


def script(name):
    """Load a script, which finds those beside it."""
    spec = importlib.util.spec_from_file_location(f"hair_model_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    beside = {other: sys.modules.pop(other, None) for other in ("augment", "batches", "heads", "unet")}
    sys.path.insert(0, str(FOLDER))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
        for other, before in beside.items():
            sys.modules.pop(other, None)
            if before is not None:
                sys.modules[other] = before
    return module


@pytest.fixture
def network():
    paddle.seed(0)
    return script("unet").UNet(CHANNELS, 2)


def train(network, path, minutes=1e-3):
    inputs = paddle.randn([2, CHANNELS, 32, 32])
    target = paddle.nn.functional.avg_pool2d(inputs[:, :2], 2)

    def loss():
        return ((network(inputs) - target) ** 2).mean()

    script("unet").fit(network, loss, minutes, path)


def test_saved_weights_give_the_same_in_numpy(network, tmp_path):
    train(network, tmp_path / "trained.safetensors")
    network.resume(tmp_path / "trained.safetensors")
    network.eval()
    inputs = np.random.default_rng(0).standard_normal((CHANNELS, 32, 32)).astype(np.float32)
    with paddle.no_grad():
        expected = paddle.nn.functional.sigmoid(network(paddle.to_tensor(inputs[None]))).numpy()[0]
    found = run_unet(tmp_path / "trained.safetensors", inputs)
    assert found.shape == (2, 32, 32)
    for one, half in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, cv2.resize(half, (32, 32)), atol=5e-3)


def test_training_goes_on_where_it_ended(network, tmp_path):
    train(network, tmp_path / "trained.safetensors")
    again = script("unet").UNet(CHANNELS, 2)
    again.resume(tmp_path / "trained.safetensors")
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "trained.safetensors").read_bytes()


def test_training_can_start_from_weights_of_the_package(network, tmp_path):
    train(network, tmp_path / "trained.safetensors")
    again = script("unet").UNet(CHANNELS, 2)
    again.start_from(tmp_path / "trained.safetensors")
    again.save(tmp_path / "again.safetensors")
    before, after = (load_file(tmp_path / f"{name}.safetensors") for name in ("trained", "again"))
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-3, atol=1e-5)


def test_a_wider_network_starts_with_what_a_narrower_one_has_learned(tmp_path):
    path, unet, widths = tmp_path / "narrow.safetensors", script("unet"), (8, 12, 16, 20)
    paddle.seed(1)
    train(unet.UNet(CHANNELS, 2, widths), path, minutes=5e-2)
    wide = unet.UNet(CHANNELS, 2, tuple(round(1.5 * one) for one in widths))
    wide.start_from(path)
    seen = np.random.default_rng(0).standard_normal((CHANNELS, 64, 64)).astype(np.float32)
    wide(paddle.to_tensor(seen[None]))  # tells the normalisation what it has to undo
    wide.save(tmp_path / "wide.safetensors")
    assert load_file(tmp_path / "wide.safetensors")["e5.w"].shape == (30, 30, 3, 3)
    narrow_says, wide_says = (run_unet(tmp_path / f"{name}.safetensors", seen) for name in ("narrow", "wide"))
    assert narrow_says.std() > 0.01
    assert np.corrcoef(narrow_says.ravel(), wide_says.ravel())[0, 1] > 0.9
    assert (narrow_says != wide_says).any()


def test_what_is_saved_is_the_average_of_the_last_steps(network, tmp_path):
    average = script("unet").Average(network)
    for value in (1.0, 3.0):
        network.o.bias.set_value(paddle.full([2], value))
        average.update()
    average.save(tmp_path / "average.safetensors")
    np.testing.assert_allclose(load_file(tmp_path / "average.safetensors")["o.b"], 2.0)
    np.testing.assert_array_equal(network.o.bias.numpy(), 3.0)


def test_interrupted_training_keeps_its_weights(network, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    script("unet").fit(network, interrupt, 1.0, tmp_path / "trained.safetensors")
    assert (tmp_path / "trained.safetensors").is_file()


@pytest.fixture(scope="module")
def head():
    photo = skimage.data.astronaut()
    patch = head_patch(photo, find_faces(photo)[0].landmarks)
    hair, person = np.zeros((2, *SHAPE), np.float32)
    cv2.ellipse(person, (95, 120), (60, 110), 0, 0, 360, 1.0, -1)
    cv2.ellipse(hair, (95, 90), (50, 60), 0, 180, 360, 0.9, -1)
    return script("augment").Head(patch, person * patch.inside, hair * patch.inside, False)


def test_every_form_of_a_head_can_be_learned_from(head):
    augment, rng = script("augment").augment, np.random.default_rng(0)
    forms = [augment(head._replace(covered=number % 5 == 0), [head], rng) for number in range(60)]
    for form in forms:
        for values in (form.hair, form.person, form.patch.inside):
            assert values.shape == SHAPE
            assert 0 <= values.min() <= values.max() <= 1
        assert 0 <= form.patch.picture.min() <= form.patch.picture.max() <= 255
        assert not form.hair[form.patch.inside == 0].any()
    # Cloth takes all of the hair of some, and leaves that of most.
    shares = np.array([form.hair.sum() / head.hair.sum() for form in forms])
    assert 0.02 < np.mean(shares == 0) < 0.4
    assert np.median(shares) > 0.4


def test_heads_with_little_certain_hair_can_be_changed_too(head):
    augment, rng = script("augment").augment, np.random.default_rng(0)
    faint = head._replace(hair=np.minimum(head.hair, np.float32(0.4)))
    for _ in range(40):
        assert np.isfinite(augment(faint, [faint], rng).patch.picture).all()


def test_hair_of_others_is_learned_where_it_is_drawn(head):
    """A white face, and black hair that belongs to another head: what is dark afterwards is called hair."""
    with_hair_of, rng = script("augment")._with_hair_of, np.random.default_rng(0)
    pale = head._replace(
        patch=head.patch._replace(picture=np.full((*SHAPE, 3), 255, np.float32)), hair=np.zeros(SHAPE, np.float32)
    )
    dark = head._replace(patch=head.patch._replace(picture=np.zeros((*SHAPE, 3), np.float32)))
    lowest = []
    for _ in range(20):
        both = with_hair_of(pale, dark, rng)
        np.testing.assert_allclose(1 - both.patch.picture[..., 0] / 255, both.hair, atol=0.01)
        assert (both.person >= both.hair).all()
        lowest.append(int(np.flatnonzero(both.hair[:, 80:112].max(axis=1) > 0.5)[-1]))
    assert np.ptp(lowest) > 8  # some of it hangs lower: a fringe


def test_heads_turn_with_their_landmarks(head):
    """Dots at the landmarks of the face stay there, the eyes stay where every patch has them; the outline lags."""
    turned, rng = script("augment")._turned, np.random.default_rng(1)
    inner = head.patch.landmarks[27:]
    dots = np.zeros((*SHAPE, 3), np.float32)
    for x, y in np.rint(inner).astype(int):
        dots[y, x] = 255
    shifts = []
    for _ in range(12):
        form = turned(head._replace(patch=head.patch._replace(picture=cv2.GaussianBlur(dots, (0, 0), 1.0))), rng)
        points = form.patch.landmarks
        seen = form.patch.picture[..., 0][tuple(np.rint(points[27:, ::-1]).astype(int).T)]
        assert np.median(seen) > 15  # a dot's height is 40
        middle = (points[36:42].mean(axis=0) + points[42:48].mean(axis=0)) / 2
        np.testing.assert_allclose(middle, CENTRE, atol=0.01)
        columns = np.flatnonzero(form.person[110] > 0.5)
        shifts.append(columns.mean() - np.flatnonzero(head.person[110] > 0.5).mean())
    assert np.std(shifts) > 2


def test_the_outline_of_the_person_is_not_to_be_trusted(head):
    """Hair must be learned also where the outline misses it."""
    redrawn, rng = script("batches")._redrawn, np.random.default_rng(0)
    hair = head.hair > 0.5
    kept = np.array([redrawn(head.person, rng)[hair].mean() for _ in range(200)])
    assert 0.03 < np.mean(kept < 0.9) < 0.5
    assert np.median(kept) > 0.95


def test_each_folder_counts_alike(head):
    """One head in the first folder, nine in the second; heads with more hair are drawn more often."""
    bald = head._replace(hair=np.zeros(SHAPE, np.float32))
    batches = script("batches").Batches([[head], [head] * 3 + [bald] * 6], seed=0)
    assert batches._often[0] == pytest.approx(0.5)
    assert batches._often[1] > 1.5 * batches._often[-1] > 0
    assert batches._often.sum() == pytest.approx(1.0)


def test_hints_drop_what_is_not_hair():
    corrected, hair = script("heads").corrected, np.ones(SHAPE, np.float32)
    assert corrected(hair, {}).all()
    assert not corrected(hair, {"bare_or_covered": True}).any()
    kept = corrected(hair, {"only_within": [[[1, 1], [2, 1], [2, 3], [1, 3]]]})
    assert kept[40:90, 40:60].all()
    assert kept.sum() < 3000


@pytest.mark.parametrize(
    ("size", "stride", "dilation", "same", "margins"),
    [(3, 1, 2, True, (2, 2)), (3, 2, 1, True, (0, 1)), (2, 2, 1, False, (0, 0))],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions_are_paddles(size, stride, dilation, same, margins, depthwise):
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(12, 16, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    kernel = rng.normal(size=(1 if depthwise else 4, size, size, 4)).astype(np.float32)
    found = script("operators").convolve(x, kernel, bias, stride, dilation, same=same, depthwise=depthwise)
    weight = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
    expected = paddle.nn.functional.conv2d(
        paddle.to_tensor(x.transpose(2, 0, 1)[None]),
        paddle.to_tensor(np.ascontiguousarray(weight)),
        paddle.to_tensor(bias),
        stride,
        [*margins, *margins],
        dilation,
        groups=4 if depthwise else 1,
    )
    np.testing.assert_allclose(found.transpose(2, 0, 1), expected.numpy()[0], atol=1e-4)


def test_pooled_values_go_back_to_their_places():
    operators, x = script("operators"), np.random.default_rng(0).normal(size=(8, 6, 3)).astype(np.float32)
    pooled, places = operators.pool(x)
    assert pooled.shape == (4, 3, 3)
    back = operators.unpool(pooled, places)
    np.testing.assert_array_equal(back[back != 0], x[back != 0])
    np.testing.assert_array_equal(operators.pool(np.where(back == 0, -np.inf, back))[0], pooled)


def test_transposed_convolution_is_paddles():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(5, 4, 3)).astype(np.float32), rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    found = script("operators").convolve_to_twice_the_size(x, kernel, np.array([1, 2], np.float32))
    expected = paddle.nn.functional.conv2d_transpose(
        paddle.to_tensor(x.transpose(2, 0, 1)[None]),
        paddle.to_tensor(np.ascontiguousarray(kernel.transpose(3, 0, 1, 2))),
        paddle.to_tensor(np.array([1, 2], np.float32)),
        stride=2,
        padding=1,
    )
    np.testing.assert_allclose(found.transpose(2, 0, 1), expected.numpy()[0], atol=1e-4)
