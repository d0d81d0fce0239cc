"""Light encoder against NumPy; pSp encoders against PaddleGAN's names and against their definition in NumPy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks import LightEncoder, Pixel2Style2Pixel, PSPEncoder
from ppgan_ext.networks.ir_se import BottleneckIRSE, SqueezeExcite
from ppgan_ext.networks.psp import ENCODERS
from tests.reference import numpy_ops
from tests.reference import numpy_stylegan2 as ref
from tests.reference.toy import arrays, assert_close, check_second_derivative, fill, numbers

DIM = 128  # the narrowest trunk


# ---- light encoder


@pytest.mark.parametrize("form", ["fast", "smooth"])
@pytest.mark.parametrize(("size", "groups"), [(16, (3, 3, 0)), (32, (3, 4, 1))])
def test_light_encoder_matches_numpy(form, size, groups):
    net = LightEncoder(size, 64, 5, style_dim=7)
    fill(net)
    x = numbers("x", [2, 3, size, size])
    assert net.groups == groups and net.n_latent == sum(groups) and net.input_size == size and net.style_dim == 7
    y = net(paddle.to_tensor(x), form)
    assert y.shape == [2, net.n_latent, 7]
    assert_close(y.numpy(), ref.light_encoder(arrays(net), x, groups, 7))


def test_light_encoder_accepts_other_groups():
    net = LightEncoder(32, 64, 5, style_dim=7, coarse=2, middle=0)
    assert net.groups == (2, 0, 6) and net(paddle.zeros([1, 3, 32, 32])).shape == [1, 8, 7]
    for coarse, middle in ((0, 4), (9, 0), (3, -1)):
        with pytest.raises(ConfigError, match="do not fit 8 styles"):
            LightEncoder(32, 64, 5, coarse=coarse, middle=middle)


def test_light_encoder_has_first_and_second_derivatives():
    net = LightEncoder(16, 64, 4, style_dim=3)
    fill(net)
    net.to(dtype="float64")
    x = paddle.to_tensor(numbers("x", [1, 3, 16, 16]).astype(np.float64))
    tensors = [x, *net.parameters()]
    for tensor in tensors:
        tensor.stop_gradient = False
    (net(x) ** 2).sum().backward()
    assert not [name for name, p in net.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).any()]

    def function(form):
        y = net(x, form)
        return (y * y).sum()

    check_second_derivative(lambda: function("smooth"), lambda: function("fast"), tensors)


@pytest.mark.slow
def test_the_light_encoder_can_be_compiled_to_a_static_program():
    """PSPEncoder is compiled in tests/engine/test_engine_synthesizer.py."""
    net, x = LightEncoder(32, 64, 5, style_dim=7).eval(), paddle.to_tensor(numbers("x", [1, 3, 32, 32]))
    with paddle.no_grad():
        expected = net(x).numpy()
        spec = [paddle.static.InputSpec(list(x.shape), "float32")]
        static = paddle.jit.to_static(net.forward, input_spec=spec, full_graph=True)
        assert_close(static(x).numpy(), expected, 1e-5)


def test_light_encoder_rejects_invalid_arguments():
    net = LightEncoder(16, 64, 4, style_dim=3)
    with pytest.raises(InputError, match=r"expected \(N, 3, 16, 16\)"):
        net(paddle.zeros([1, 3, 32, 32]))
    with pytest.raises(ConfigError, match="16, 32"):
        LightEncoder(8, 64, 4)


# ---- pSp


def batch_norm(name, channels):
    return {f"{name}.{part}": [channels] for part in ("weight", "bias", "_mean", "_variance")}


def trunk_shapes(width):
    """Return the names and shapes of PaddleGAN's IR-SE-50, written down from its file."""
    shapes = {"input_layer.0.weight": [width, 3, 3, 3], "input_layer.2._weight": [width]}
    shapes |= batch_norm("input_layer.1", width)
    block, a = 0, width
    for factor, count in ((1, 3), (2, 4), (4, 14), (8, 3)):
        for _ in range(count):
            b, name = width * factor, f"body.{block}"
            if a != b:
                shapes[f"{name}.shortcut_layer.0.weight"] = [b, a, 1, 1]
                shapes |= batch_norm(f"{name}.shortcut_layer.1", b)
            shapes |= batch_norm(f"{name}.res_layer.0", a) | batch_norm(f"{name}.res_layer.4", b)
            shapes[f"{name}.res_layer.1.weight"] = [b, a, 3, 3]
            shapes[f"{name}.res_layer.2._weight"] = [b]
            shapes[f"{name}.res_layer.3.weight"] = [b, b, 3, 3]
            shapes[f"{name}.res_layer.5.fc1.weight"] = [b // 16, b, 1, 1]
            shapes[f"{name}.res_layer.5.fc2.weight"] = [b, b // 16, 1, 1]
            block, a = block + 1, b
    return shapes


def gradual_shapes(dim, n_latent):
    shapes = trunk_shapes(dim // 8)
    for style in range(n_latent):
        for conv in range(4 if style < 3 else 5 if style < 7 else 6):
            shapes[f"styles.{style}.convs.{2 * conv}.weight"] = [dim, dim, 3, 3]
            shapes[f"styles.{style}.convs.{2 * conv}.bias"] = [dim]
        shapes |= {f"styles.{style}.linear.weight": [dim, dim], f"styles.{style}.linear.bias": [dim]}
    shapes |= {"latlayer1.weight": [dim, dim // 2, 1, 1], "latlayer1.bias": [dim]}
    return shapes | {"latlayer2.weight": [dim, dim // 4, 1, 1], "latlayer2.bias": [dim]}


def shapes_of(network):
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "n_latent"), [(256, 14), (512, 16), (1024, 18)])
def test_psp_has_paddlegans_names_for_every_decoder(size, n_latent):
    net = PSPEncoder(size, style_dim=DIM)
    assert shapes_of(net) == gradual_shapes(DIM, n_latent)
    assert (net.n_latent, net.input_size, net.style_dim) == (n_latent, 256, DIM)


@pytest.mark.slow
def test_the_published_width_is_64_to_512():
    shapes = shapes_of(ENCODERS["BackboneEncoderUsingLastLayerIntoWPlus"](1024))
    assert {name: shape for name, shape in shapes.items() if name.startswith(("input", "body"))} == trunk_shapes(64)
    rest = {name: shape for name, shape in shapes.items() if not name.startswith(("input", "body"))}
    assert rest == batch_norm("output_layer_2.0", 512) | {
        "output_layer_2.3.weight": [512 * 49, 512],
        "output_layer_2.3.bias": [512],
        "linear.weight": [512, 512 * 18],
        "linear.bias": [512 * 18],
    }


def fill_in_range(net):
    """Fill a deep network with numbers that keep its activations in range."""
    fill(net)
    for name, p in net.named_parameters():
        if name.endswith("fc1.weight") and len(p) > 1:
            p.set_value(paddle.concat([p[::2], -p[::2]]))  # ReLU passes one of each pair
        if p.ndim == 4:
            p.set_value(p / float(np.sqrt(np.prod(p.shape[1:]))))
        elif name.endswith("_weight"):
            p.set_value(paddle.full_like(p, 0.25))
    return net.eval()


def test_residual_block_matches_its_definition():
    for num_in, num_out, stride in ((16, 16, 2), (16, 32, 2), (16, 16, 1)):
        block = fill_in_range(BottleneckIRSE(num_in, num_out, stride))
        s = arrays(block)
        x = numbers("x", [2, num_in, 6, 8])

        def norm(y, name, s=s):
            scale = s[f"{name}.weight"] / np.sqrt(s[f"{name}._variance"] + 1e-5)
            shift = s[f"{name}.bias"] - s[f"{name}._mean"] * scale
            return y * scale[:, None, None] + shift[:, None, None]

        y = numpy_ops.conv2d(norm(x, "res_layer.0"), s["res_layer.1.weight"], padding=1)
        y = np.where(y > 0, y, y * s["res_layer.2._weight"][:, None, None])
        y = norm(numpy_ops.conv2d(y, s["res_layer.3.weight"], stride=stride, padding=1), "res_layer.4")
        mean = y.mean(axis=(2, 3))
        hidden = np.maximum(mean @ s["res_layer.5.fc1.weight"][:, :, 0, 0].T, 0)
        gate = 1 / (1 + np.exp(-hidden @ s["res_layer.5.fc2.weight"][:, :, 0, 0].T))
        short = x[:, :, ::stride, ::stride]
        if num_in != num_out:
            short = norm(numpy_ops.conv2d(x, s["shortcut_layer.0.weight"], stride=stride), "shortcut_layer.1")
        assert_close(block(paddle.to_tensor(x)).numpy(), y * gate[:, :, None, None] + short)
    assert SqueezeExcite(64).fc1.weight.shape == [4, 64, 1, 1]


@pytest.fixture(scope="module")
def psp():
    opts = {"size": 64, "style_dim": DIM, "n_mlp": 2, "channel_base": 256, "channel_cap": 8}
    net = fill_in_range(Pixel2Style2Pixel(opts))
    net.latent_avg.set_value(paddle.to_tensor(numbers("avg", [1, 10, DIM])))
    return net


@pytest.fixture(scope="module")
def photo():
    return paddle.to_tensor(numbers("photo", [1, 3, 256, 256]).clip(-1, 1))


def test_psp_uses_its_three_levels(psp, photo):
    """Recompute coarse, middle and fine styles from the trunk's maps, enlarged bilinearly with NumPy."""
    encoder = psp.encoder
    with paddle.no_grad():
        fine, middle, coarse = encoder.feature_maps(photo)
        x, after = encoder.input_layer(photo), []
        for block in encoder.body:
            x = block(x)
            after.append(x.numpy())
        assert len(after) == 24
        for level, block in ((fine, 6), (middle, 20), (coarse, 23)):
            assert (level.numpy() == after[block]).all()
        assert [m.shape[1:] for m in (fine, middle, coarse)] == [[32, 64, 64], [64, 32, 32], [DIM, 16, 16]]
        p2 = _corner_aligned(coarse.numpy(), 32) + F.conv2d(middle, encoder.latlayer1.weight, encoder.latlayer1.bias)
        p1 = _corner_aligned(p2.numpy(), 64) + F.conv2d(fine, encoder.latlayer2.weight, encoder.latlayer2.bias)
        codes = encoder(photo).numpy()
        assert codes.shape == (1, 10, DIM)
        for row in range(10):
            level = coarse if row < 3 else p2 if row < 7 else p1
            assert_close(codes[:, row], encoder.styles[row](level).numpy())


def _corner_aligned(x, side):
    at = np.linspace(0, x.shape[2] - 1, side)
    low = np.minimum(at.astype(int), x.shape[2] - 2)
    part = (at - low).astype(np.float32)
    rows = x[:, :, low] * (1 - part)[:, None] + x[:, :, low + 1] * part[:, None]
    return paddle.to_tensor(rows[..., low] * (1 - part) + rows[..., low + 1] * part)


@pytest.mark.slow
def test_psp_adds_the_mean_code_and_renders(psp, photo):
    with paddle.no_grad():
        w = psp.encode(photo)
        assert_close(w.numpy() - numbers("avg", [1, 10, DIM]), psp.encoder(photo).numpy())
        image, latent = psp(photo, randomize_noise=False, return_latents=True)
        assert image.shape == [1, 3, 256, 256]  # the 64 pixels enlarged
        small = psp(photo, resize=False, randomize_noise=False)
    assert_close(latent.numpy(), w.numpy())
    assert_close(small.numpy(), psp.decoder.render(w).numpy(), 1e-5)


def test_masked_rows_are_replaced_in_a_copy(psp):
    z = paddle.to_tensor(numbers("z", [2, DIM]))
    inject = paddle.to_tensor(numbers("inject", [1, 10, DIM]))
    with paddle.no_grad():
        w = psp.decoder.mapping(z).numpy()[:, None].repeat(10, axis=1)

        def latent(**kwargs):
            return psp(z, resize=False, input_code=True, return_latents=True, **kwargs)[1].numpy()

        assert_close(latent(), w, 1e-6)
        expected = w.copy()
        expected[:, [1, 9]] = 0
        assert_close(latent(latent_mask=[1, -1]), expected, 1e-6)
        expected[:, [1, 9]] = inject.numpy()[:, [1, 9]]
        assert_close(latent(latent_mask=[1, 9], inject_latent=inject), expected, 1e-6)
        expected[:, [1, 9]] = 0.25 * inject.numpy()[:, [1, 9]] + 0.75 * w[:, [1, 9]]
        assert_close(latent(latent_mask=[1, 9], inject_latent=inject, alpha=0.25), expected, 1e-6)
    assert (z.numpy() == numbers("z", [2, DIM])).all()
    with pytest.raises(InputError, match="latent_mask"):
        psp(z, input_code=True, latent_mask=[10])


def test_a_w_encoder_uses_one_code_for_all_layers(photo):
    opts = SimpleNamespace(size=16, style_dim=DIM, n_mlp=1, channel_base=64, learn_in_w=True, extra="kept")
    opts.encoder_type = "BackboneEncoderUsingLastLayerIntoW"
    net = fill_in_range(Pixel2Style2Pixel(opts))
    assert net.latent_avg.shape == [1, DIM] and net.opts.extra == "kept" and net.opts.input_nc == 3
    with paddle.no_grad():
        offset = net.encoder(photo)
        assert offset.shape == [1, DIM]
        assert_close(net.encode(photo).numpy(), np.repeat((offset + net.latent_avg).numpy()[:, None], 6, axis=1))


@pytest.mark.slow
def test_w_plus_backbone_encodes_without_a_mean_code(photo):
    opts = {"size": 16, "style_dim": DIM, "n_mlp": 1, "channel_base": 64, "start_from_latent_avg": False}
    net = fill_in_range(Pixel2Style2Pixel({**opts, "encoder_type": "BackboneEncoderUsingLastLayerIntoWPlus"}))
    assert net.latent_avg is None
    with paddle.no_grad():
        assert net.encode(photo).shape == [1, 6, DIM]
        assert_close(net.encode(photo).numpy(), net.encoder(photo).numpy(), 1e-6)


@pytest.mark.slow
def test_every_psp_parameter_gets_a_gradient(psp, photo):
    (psp(photo, resize=False, randomize_noise=False) ** 2).sum().backward()
    # In Paddle the statistics of batch normalisation are parameters; the mapping network is not used here.
    parameters = [(n, p) for n, p in psp.named_parameters() if not p.stop_gradient and ".style." not in n]
    assert len(parameters) > 200
    assert not [n for n, p in parameters if p.grad is None or not np.abs(p.grad.numpy()).any()]
    psp.clear_gradients()


def test_pixel2style2pixel_names_are_paddlegans(psp):
    names = set(psp.state_dict())
    assert {name for name in names if not name.startswith(("encoder.", "decoder."))} == {"latent_avg"}
    assert {name.removeprefix("encoder.") for name in names if name.startswith("encoder.")} == set(
        gradual_shapes(DIM, 10)
    )
    assert {name.removeprefix("decoder.") for name in names if name.startswith("decoder.")} == set(
        psp.decoder.state_dict()
    )


def test_psp_rejects_invalid_arguments(psp):
    with pytest.raises(ConfigError, match="Did you mean 'GradualStyleEncoder'"):
        Pixel2Style2Pixel({"encoder_type": "GradualStyleEncodr"})
    with pytest.raises(ConfigError, match="multiple of 128"):
        PSPEncoder(256, style_dim=100)
    with pytest.raises(InputError, match=r"\(N, 3, 256, 256\)"):
        psp.encoder(paddle.zeros([1, 3, 128, 128]))
