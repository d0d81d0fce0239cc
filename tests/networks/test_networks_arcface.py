"""ArcFace's IR-SE-50: PaddleGAN's names, equality with NumPy, and files of both frameworks."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError, WeightsError
from ppgan_ext.networks import ArcFaceBackbone
from ppgan_ext.weights import catalog, convert, identity_networks, load, readers, store
from tests.reference import numpy_ops, torch_layouts
from tests.reference.toy import arrays, assert_close, fill, numbers

STRIDES = [2, 1, 1, 2, 1, 1, 1, 2, *[1] * 13, 2, 1, 1]


@pytest.fixture(scope="module")
def network():
    """The narrowest network, with weights that keep its activations in range."""
    net = ArcFaceBackbone(16)
    fill(net)
    for name, p in net.named_parameters():
        if p.ndim == 4:
            p.set_value(p / float(np.sqrt(np.prod(p.shape[1:]))))
        elif name == "output_layer.3.weight":
            p.set_value(p / float(np.sqrt(p.shape[0])))
        elif name.endswith("_weight"):
            p.set_value(paddle.full_like(p, 0.25))
    return net.eval()


def norm(x, state, name):
    scale = state[f"{name}.weight"] / np.sqrt(state[f"{name}._variance"] + 1e-5)
    shift = state[f"{name}.bias"] - state[f"{name}._mean"] * scale
    axes = [slice(None)] + [None] * (x.ndim - 2)
    return x * scale[tuple(axes)] + shift[tuple(axes)]


def prelu(x, slope):
    return np.where(x > 0, x, x * slope[:, None, None])


def arcface(state, x):
    x = prelu(
        norm(numpy_ops.conv2d(x, state["input_layer.0.weight"], padding=1), state, "input_layer.1"),
        state["input_layer.2._weight"],
    )
    for index, stride in enumerate(STRIDES):
        layer = f"body.{index}.res_layer"
        y = numpy_ops.conv2d(norm(x, state, f"{layer}.0"), state[f"{layer}.1.weight"], padding=1)
        y = numpy_ops.conv2d(prelu(y, state[f"{layer}.2._weight"]), state[f"{layer}.3.weight"], stride, 1)
        y = norm(y, state, f"{layer}.4")
        hidden = np.maximum(y.mean(axis=(2, 3)) @ state[f"{layer}.5.fc1.weight"][:, :, 0, 0].T, 0)
        y = y / (1 + np.exp(-hidden @ state[f"{layer}.5.fc2.weight"][:, :, 0, 0].T))[:, :, None, None]
        short = f"body.{index}.shortcut_layer"
        if f"{short}.0.weight" in state:
            x = norm(numpy_ops.conv2d(x, state[f"{short}.0.weight"], stride), state, f"{short}.1")
        else:
            x = x[:, :, ::stride, ::stride]
        x = x + y
    x = norm(x, state, "output_layer.0").reshape(len(x), -1)
    x = norm(x @ state["output_layer.3.weight"] + state["output_layer.3.bias"], state, "output_layer.4")
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.slow
def test_the_network_matches_numpy(network):
    x = np.tanh(numbers("faces", [2, 3, 112, 112]))
    y = network(paddle.to_tensor(x)).numpy()
    assert y.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1, rtol=1e-5)
    assert_close(y, arcface(arrays(network), x))


def test_the_published_network_has_its_shapes():
    with paddle.LazyGuard():
        net = ArcFaceBackbone()
    assert (net.input_size, net.num_features) == (112, 512)
    shapes = {name: list(tensor.shape) for name, tensor in net.state_dict().items()}
    batch_norm = ("weight", "bias", "_mean", "_variance")
    assert {name: shape for name, shape in shapes.items() if name.startswith("output_layer")} == {
        **{f"output_layer.{i}.{part}": [512] for i in (0, 4) for part in batch_norm},
        "output_layer.3.weight": [25088, 512],
        "output_layer.3.bias": [512],
    }
    assert shapes["input_layer.0.weight"] == [64, 3, 3, 3]
    assert shapes["body.3.shortcut_layer.0.weight"] == [128, 64, 1, 1]
    assert shapes["body.23.res_layer.5.fc1.weight"] == [32, 512, 1, 1]
    assert not [name for name in shapes if name.startswith(("body.0.shortcut", "body.24"))]
    assert sum(int(np.prod(shape)) for name, shape in shapes.items() if "_mean" not in name) > 43e6


def test_gradient_against_finite_differences(network):
    twin = ArcFaceBackbone(16)
    twin.set_state_dict(network.state_dict())
    twin.eval()
    twin.to(dtype="float64")
    x = paddle.to_tensor(np.tanh(numbers("x", [1, 3, 112, 112])).astype(np.float64), stop_gradient=False)
    weight = paddle.to_tensor(numbers("weight", [128]).astype(np.float64))
    (twin(x) * weight).sum().backward()
    direction = np.random.default_rng(0).standard_normal(x.shape)
    step = 1e-6 * paddle.to_tensor(direction)
    slope = ((twin(x.detach() + step) - twin(x.detach() - step)) * weight).sum().item() / 2e-6
    assert slope == pytest.approx((x.grad.numpy() * direction).sum(), rel=1e-5)


def test_invalid_arguments_are_rejected(network):
    for shape in ([1, 3, 112, 96], [1, 1, 112, 112], [1, 3, 256, 256]):
        with pytest.raises(InputError, match=r"expected \(N, 3, 112, 112\)"):
            network(paddle.zeros(shape))
    with pytest.raises(ConfigError, match="multiple of 16"):
        ArcFaceBackbone(40)


# ---- files


def state_of(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def torch_state(network):
    return torch_layouts.identity(state_of(network))


@pytest.mark.parametrize("layout", [state_of, torch_state])
def test_files_of_both_frameworks_are_loaded(tmp_path, network, layout):
    path = tmp_path / "model_ir_se50.pdparams"
    readers.write(path, layout(network))
    loaded = identity_networks.load_arcface(path)
    assert not loaded.training
    x = paddle.to_tensor(np.tanh(numbers("x", [1, 3, 112, 112])))
    np.testing.assert_array_equal(loaded(x).numpy(), network(x).numpy())


def test_a_pytorch_file_is_converted(tmp_path, network):
    source, output = tmp_path / "model_ir_se50.safetensors", tmp_path / "out.pdparams"
    readers.write(source, torch_state(network))
    report = convert.convert(source, output)
    assert "ArcFace IR-SE-50, PyTorch names" in report.source
    written = readers.read(output)
    assert set(written) == set(network.state_dict())
    for name, array in state_of(network).items():
        np.testing.assert_array_equal(written[name], array)


def test_paddlegans_file_is_found_in_its_cache(tmp_path, monkeypatch, network):
    assert catalog.ARCFACE.url == "https://paddlegan.bj.bcebos.com/models/model_ir_se50.pdparams"
    monkeypatch.setattr(store, "search_folders", lambda: [tmp_path])
    readers.write(tmp_path / catalog.ARCFACE.name, state_of(network))
    assert identity_networks.load_arcface().num_features == 128


def test_other_files_are_rejected(tmp_path, network):
    state = state_of(network)
    path = tmp_path / "odd.pdparams"
    readers.write(path, {name: array for name, array in state.items() if name != "body.7.res_layer.2._weight"})
    with pytest.raises(WeightsError, match=r"1 missing \(body\.7\.res_layer\.2\._weight\)"):
        identity_networks.load_arcface(path)
    readers.write(path, torch_state(network) | {"head.weight": np.zeros(3, np.float32)})
    with pytest.raises(WeightsError, match=r"1 unexpected \(head\.weight\)"):
        identity_networks.load_arcface(path)
    readers.write(path, {name: array for name, array in state.items() if not name.startswith("output_layer")})
    with pytest.raises(WeightsError, match=r"odd\.pdparams: is not ArcFace's IR-SE-50 \(pSp encoder"):
        identity_networks.load_arcface(path)
    readers.write(path, state)
    with pytest.raises(WeightsError, match="contains no generator"):
        load.load_face_model(weight_path=path)
