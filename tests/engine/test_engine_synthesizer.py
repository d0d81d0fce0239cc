"""The engines: compiled, dygraph and the plain network agree; wrong inputs are refused."""

from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import EncoderEngine, Engine, Synthesizer, open_model, synthesizer
from ppgan_ext.engine.encoder import resize_square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks import LightEncoder, PSPEncoder, StyleGANv2Generator
from ppgan_ext.weights.tuned import Base


def make_generator():
    """Return a generator in which every part matters: noise strengths and biases differ from their initial 0."""
    paddle.seed(3)
    generator = StyleGANv2Generator(32, style_dim=24, n_mlp=2, channel_base=256, channel_cap=16)
    for name, parameter in generator.named_parameters():
        if name.endswith(("noise.weight", "bias")):
            parameter.set_value(paddle.randn(parameter.shape) * 0.3)
    return generator


@pytest.fixture(scope="module")
def engines():
    generator = make_generator()
    return Synthesizer(generator, compiled=True), Synthesizer(generator, compiled=False)


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(5).standard_normal((3, 8, 24)).astype(np.float32)


def noise_maps(engine, batch, seed=7):
    rng = np.random.default_rng(seed)
    sides = engine.generator.noise_sides()
    return [rng.standard_normal((batch, 1, side, side)).astype(np.float32) for side in sides]


def relative(result, expected):
    return np.abs(result - expected).max() / np.abs(expected).max()


@pytest.mark.slow
def test_compiled_equals_dygraph_equals_the_network(engines, codes):
    fast, plain = engines
    pixels = fast.render(codes)
    assert pixels.shape == (3, 3, 32, 32)
    assert pixels.dtype == np.float32
    expected = plain.generator.render(paddle.to_tensor(codes), form="smooth").numpy()
    assert relative(pixels, expected) < 1e-4
    assert relative(plain.render(codes), expected) < 1e-4
    assert relative(pixels[:1], expected[1:2]) > 0.01  # the codes matter, so the order is right


@pytest.mark.parametrize("batch", [1, 3])
def test_explicit_noise(engines, codes, batch):
    fast, plain = engines
    noise = noise_maps(fast, batch)
    pixels = fast.render(codes, noise)
    expected = plain.generator.render(paddle.to_tensor(codes), [paddle.to_tensor(map_) for map_ in noise]).numpy()
    assert relative(pixels, expected) < 1e-4
    assert relative(plain.render(codes, noise), expected) < 1e-4
    assert relative(pixels, fast.render(codes)) > 1e-3


def test_the_same_codes_give_the_same_bits(engines, codes):
    for engine in engines:
        first = engine.render(codes)
        engine.render(codes[:1] * 2, noise_maps(engine, 1))
        np.testing.assert_array_equal(engine.render(codes), first)


def test_one_image_does_not_depend_on_its_batch(engines, codes):
    for engine in engines:
        np.testing.assert_array_equal(engine.render(codes)[1:2], engine.render(codes[1:2]))


def test_no_codes_no_images(engines):
    for engine in engines:
        assert engine.render(np.zeros((0, 8, 24), np.float32)).shape == (0, 3, 32, 32)


def test_map_and_mean(engines):
    fast, plain = engines
    z = np.random.default_rng(2).standard_normal((4, 24)).astype(np.float32)
    expected = plain.generator.mapping(paddle.to_tensor(z)).numpy()
    np.testing.assert_allclose(fast.map(z), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(fast.w_avg, plain.generator.ensure_w_avg().numpy())
    assert fast.w_avg.shape == (24,)


@pytest.mark.parametrize("shape", [(8, 24), (1, 7, 24), (1, 8, 25), (1, 24), (1, 1, 8, 24)])
def test_codes_of_another_shape_are_refused(engines, shape):
    with pytest.raises(InputError, match=r"w_plus: generator needs codes \(N, 8, 24\), got"):
        engines[0].render(np.zeros(shape, np.float32))


def test_noise_of_another_shape_is_refused(engines, codes):
    noise = noise_maps(engines[0], 1)
    with pytest.raises(InputError, match="needs 7 noise maps, got 6"):
        engines[0].render(codes, noise[:-1])
    with pytest.raises(InputError, match=r"noise: expected \(3, 1, 8, 8\), got \(2, 1, 8, 8\)"):
        engines[0].render(codes, [noise[0], np.repeat(noise[1], 2, axis=0), *noise[2:]])


def test_render_tensor_is_differentiable_in_codes_and_noise_only(engines, codes):
    plain = engines[1]
    code = paddle.to_tensor(codes[:1], stop_gradient=False)
    noise = [paddle.to_tensor(map_, stop_gradient=False) for map_ in noise_maps(plain, 1)]
    pixels = plain.render_tensor(code, noise)
    assert relative(pixels.numpy(), plain.render(codes[:1], [map_.numpy() for map_ in noise])) < 1e-4
    (pixels**2).sum().backward()
    assert all(float(paddle.abs(tensor.grad).sum()) > 0 for tensor in [code, *noise])
    assert all(parameter.grad is None for parameter in plain.generator.parameters())


def test_render_tensor_has_the_true_gradient(engines, codes):
    plain = engines[1]
    direction = np.random.default_rng(11).standard_normal((1, 8, 24)).astype(np.float32)
    weights = np.random.default_rng(12).standard_normal((1, 3, 32, 32))
    code = paddle.to_tensor(codes[:1], stop_gradient=False)
    (plain.render_tensor(code) * paddle.to_tensor(weights.astype(np.float32))).sum().backward()
    slope = float((code.grad.numpy() * direction).sum())
    step = 1e-2
    ahead, behind = (plain.render(codes[:1] + sign * step * direction).astype(np.float64) for sign in (1, -1))
    assert slope == pytest.approx(float(((ahead - behind) * weights).sum() / (2 * step)), rel=2e-2)


def test_stopping_early_gives_the_skip_image(engines, codes):
    plain = engines[1]
    small = plain.render_tensor(paddle.to_tensor(codes[:1]), stop_at=16)
    assert small.shape == [1, 3, 16, 16]
    expected = plain.generator.render(paddle.to_tensor(codes[:1]), stop_at=16).numpy()
    np.testing.assert_allclose(small.numpy(), expected, atol=1e-5)


def test_an_engine_freezes_its_network():
    generator = make_generator()
    generator.train()
    Synthesizer(generator, compiled=False)
    assert not generator.training
    assert all(parameter.stop_gradient for parameter in generator.parameters())


def test_a_gpu_runs_several_images_at_a_time(engines, codes, monkeypatch):
    """Without a GPU, this tests the batches and the results, not the device."""
    plain = engines[1]
    sizes = []
    render = plain.render_tensor
    monkeypatch.setattr(plain, "device", "gpu:0")
    monkeypatch.setattr(plain, "_tensor", lambda array: paddle.to_tensor(np.asarray(array, np.float32)))
    monkeypatch.setattr(synthesizer, "_GPU_BATCH", 2)
    monkeypatch.setattr(
        plain, "render_tensor", lambda codes, noise: (sizes.append(len(codes)), render(codes, noise))[1]
    )
    noise = noise_maps(plain, 3)
    expected = plain.generator.render(paddle.to_tensor(codes), [paddle.to_tensor(map_) for map_ in noise]).numpy()
    assert relative(plain.render(codes, noise), expected) < 1e-4
    assert sizes == [2, 1]


@pytest.mark.parametrize("kind", [Synthesizer, lambda net, **kw: EncoderEngine(net, np.zeros(24), **kw)])
def test_options_that_a_device_does_not_support_are_refused(kind):
    network = make_generator()
    network.input_size = 32
    with pytest.raises(ConfigError, match="half: half precision needs a GPU"):
        kind(network, device="cpu", half=True)
    with pytest.raises(ConfigError, match="compiled: programs are compiled for the CPU only"):
        kind(network, device="gpu:0", compiled=True)


def test_networks_with_concatenated_noise_need_explicit_noise():
    paddle.seed(0)
    engine = Synthesizer(StyleGANv2Generator(8, style_dim=24, n_mlp=1, channel_base=64, is_concat=True), device="cpu")
    code = np.ones((1, 4, 24), np.float32)
    channels = engine.generator.channels
    maps = [np.ones((1, channels[side], side, side), np.float32) for side in (4, 8)]
    assert engine.render(code, maps).shape == (1, 3, 8, 8)
    with pytest.raises(InputError, match="noise"):
        engine.render(code)


# ---- encoders


def make_encoder():
    paddle.seed(4)
    return LightEncoder(32, channel_base=256, channel_cap=16, style_dim=24)


@pytest.fixture(scope="module")
def latent_avg():
    return np.random.default_rng(8).standard_normal((8, 24)).astype(np.float32)


def crops(side, batch=2):
    return np.random.default_rng(9).uniform(-1, 1, (batch, 3, side, side)).astype(np.float32)


@pytest.mark.slow
def test_encoding_compiled_equals_dygraph(latent_avg):
    encoder = make_encoder()
    fast, plain = (EncoderEngine(encoder, latent_avg, compiled=flag) for flag in (True, False))
    pixels = crops(32)
    expected = encoder(paddle.to_tensor(pixels)).numpy() + latent_avg
    assert fast.encode(pixels).shape == (2, 8, 24)
    assert relative(fast.encode(pixels), expected) < 1e-4
    assert relative(plain.encode(pixels), expected) < 1e-4
    np.testing.assert_array_equal(fast.encode(pixels[1:]), fast.encode(pixels)[1:])
    assert fast.encode(pixels[:0]).shape == (0, 8, 24)


def test_the_mean_code_may_be_one_row(latent_avg):
    encoder = make_encoder()
    pixels = crops(32, 1)
    one = EncoderEngine(encoder, latent_avg[0], compiled=False).encode(pixels)
    full = EncoderEngine(encoder, np.tile(latent_avg[0], (8, 1)), compiled=False).encode(pixels)
    np.testing.assert_array_equal(one, full)
    with pytest.raises(InputError, match="latent_avg"):
        EncoderEngine(encoder, latent_avg[:7])


def test_crops_of_another_size_are_resized(latent_avg):
    engine = EncoderEngine(make_encoder(), latent_avg, compiled=False)
    small = crops(32)
    doubled = np.repeat(np.repeat(small, 2, axis=2), 2, axis=3)
    np.testing.assert_allclose(engine.encode(doubled), engine.encode(small), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 32, 33), (1, 3, 0, 0)])
def test_crops_of_another_shape_are_refused(latent_avg, shape):
    with pytest.raises(InputError, match=r"pixels: encoder needs pixels \(N, 3, H, H\), got"):
        EncoderEngine(make_encoder(), latent_avg, compiled=False).encode(np.zeros(shape, np.float32))


def test_shrinking_averages_and_growing_interpolates():
    ramp = np.stack([np.tile(np.arange(6, dtype=np.float32), (6, 1)) * scale for scale in (1, 2, 3)])
    shrunk = resize_square(ramp, 2)
    np.testing.assert_allclose(shrunk[1], [[2, 8], [2, 8]], rtol=1e-6)
    grown = resize_square(ramp, 12)
    np.testing.assert_allclose(grown[0, 0, 1:5], [0.25, 0.75, 1.25, 1.75], rtol=1e-6)
    assert resize_square(ramp, 6) is ramp


@pytest.mark.slow
def test_the_psp_encoder_compiles(tmp_path, monkeypatch, capfd):
    """This is the only network with batch normalisation, squeeze and excitation, and bilinear resizing."""
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    paddle.seed(6)
    encoder = PSPEncoder(8, style_dim=128)
    pixels = crops(256, 1)
    # Use the statistics of these very activations: an unnormalised trunk of 24 blocks amplifies rounding errors.
    for layer in encoder.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0
    encoder.train()
    with paddle.no_grad():
        encoder(paddle.to_tensor(pixels))
    mean = np.zeros(128, np.float32)
    fast = EncoderEngine(encoder, mean, weights_hash="toy", compiled=True).encode(pixels)
    plain = EncoderEngine(encoder, mean, compiled=False).encode(pixels)
    assert fast.shape == (1, encoder.n_latent, 128)
    assert capfd.readouterr() == ("", "")  # Paddle prints a line per squeeze
    assert relative(fast, plain) < 1e-4


# ---- both


class FaceModelOf:
    """The fields of a face model that the engine reads."""

    def __init__(self, encoder):
        self.generator = make_generator()
        self.encoder = encoder
        self.latent_avg = np.zeros((8, 24), np.float32)
        self.name = "toy"
        self.weights_hash = "of-the-file"
        self.tuned = None
        self.base = Base("", Path("toy.safetensors"), self.weights_hash)


@pytest.mark.slow
def test_open_model():
    engine = open_model(FaceModelOf(make_encoder()), device="cpu")
    assert isinstance(engine, Engine)
    code = engine.encoder.encode(crops(40, 1))
    pixels = engine.synthesizer.render(code)
    expected = engine.face_model.generator.render(paddle.to_tensor(code)).numpy()
    assert relative(pixels, expected) < 1e-4
    assert engine.synthesizer.name == engine.encoder.name == "toy"


def test_open_model_without_an_encoder():
    assert open_model(FaceModelOf(None), device="cpu", compiled=False).encoder is None
