"""StyleGAN2 generator: PaddleGAN's names and interface, equality with NumPy, derivatives, codes and noise."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks import StyleGANv2Generator
from tests.reference import numpy_stylegan2 as ref
from tests.reference.toy import arrays, assert_close, check_second_derivative, fill, numbers

DIM = 20
FORMS = ("fast", "smooth")


def toy(size=16, **settings):
    generator = StyleGANv2Generator(size, DIM, 3, **{"channel_base": 64, "channel_cap": 11, **settings})
    fill(generator)
    return generator.eval()


@pytest.fixture(scope="module")
def net():
    return toy()


def codes(net, count=2, name="w"):
    return paddle.to_tensor(numbers(name, [count, net.n_latent, DIM]))


def images_of(net, *args, **kwargs):
    with paddle.no_grad():
        return net.render(*args, **kwargs).numpy()


# ---- PaddleGAN's names


def paddlegan_shapes(size, channels, dim=512, n_mlp=8):
    """Return the names and shapes of PaddleGAN's generator, written down from its files."""
    shapes = {"input.input": [1, channels[4], 4, 4]}
    for layer in range(1, n_mlp + 1):
        shapes |= {f"style.{layer}.weight": [dim, dim], f"style.{layer}.bias": [dim]}

    def conv(name, num_in, num_out):
        rgb = "rgb" in name
        k = 1 if rgb else 3
        shapes[f"{name}.conv.weight"] = [1, num_out, num_in, k, k]
        shapes[f"{name}.conv.modulation.weight"] = [dim, num_in]
        shapes[f"{name}.conv.modulation.bias"] = [num_in]
        if rgb:
            shapes[f"{name}.bias"] = [1, 3, 1, 1]
        else:
            shapes[f"{name}.noise.weight"] = [1]
            shapes[f"{name}.activate.bias"] = [num_out]

    conv("conv1", channels[4], channels[4])
    conv("to_rgb1", channels[4], 3)
    shapes["noises.noise_0"] = [1, 1, 4, 4]
    side, block = 8, 0
    while side <= size:
        conv(f"convs.{2 * block}", channels[side // 2], channels[side])
        conv(f"convs.{2 * block + 1}", channels[side], channels[side])
        conv(f"to_rgbs.{block}", channels[side], 3)
        shapes[f"to_rgbs.{block}.upsample.kernel"] = [4, 4]
        for index in (2 * block + 1, 2 * block + 2):
            shapes[f"noises.noise_{index}"] = [1, 1, side, side]
        side, block = side * 2, block + 1
    return shapes


def shapes_of(network):
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.slow
def test_names_and_shapes_at_1024_equal_paddlegans():
    channels = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
    generator = StyleGANv2Generator(1024, 512, 8, 2)
    assert shapes_of(generator) == paddlegan_shapes(1024, channels)
    assert (generator.n_latent, generator.num_layers, generator.log_size) == (18, 17, 10)
    assert generator.channels == channels
    assert generator.w_idx_lst == [
        0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11, 12, 13, 13, 14, 15, 15, 16, 17
    ]  # fmt: skip
    assert generator.style_layers == [0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24]
    assert generator.channels_lst == (
        [512] * 2 + [512] * 12 + [512, 256, 256] + [256, 128, 128] + [128, 64, 64] + [64, 32, 32]
    )


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128, 256, 512])
def test_names_and_shapes_at_every_size(size):
    table = {side: min(256 // side, 9) or 1 for side in (4, 8, 16, 32, 64, 128, 256, 512)}
    if size > 256:
        table = {side: 9 for side in table}
        generator = StyleGANv2Generator(size, DIM, 1, channel_base=10**5, channel_cap=9)
    else:
        generator = StyleGANv2Generator(size, DIM, 1, channel_base=256, channel_cap=9)
    assert shapes_of(generator) == paddlegan_shapes(size, table, DIM, 1)
    assert generator.n_latent == 2 * int(np.log2(size)) - 2


def test_channel_multiplier_changes_only_the_large_maps():
    generator = StyleGANv2Generator(128, DIM, 1, channel_multiplier=1)
    assert generator.channels[32] == 512 and generator.channels[64] == 256 and generator.channels[128] == 128


@pytest.mark.parametrize("size", [0, 4, 12, 100, 2048, 16.5, "256", None, True])
def test_impossible_sizes_are_rejected(size):
    with pytest.raises(ConfigError, match="8, 16, 32, 64, 128, 256, 512, 1024"):
        StyleGANv2Generator(size, DIM, 1)


def test_a_network_without_channels_is_rejected():
    with pytest.raises(ConfigError, match="leaves no channels"):
        StyleGANv2Generator(64, DIM, 1, channel_base=32)


# ---- values


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [8, 16])
def test_images_match_numpy(form, size):
    net = toy(size)
    state, w = arrays(net), codes(net)
    noises = [state[f"noises.noise_{index}"] for index in range(net.num_layers)]
    assert_close(images_of(net, w, form=form), ref.generator(state, w.numpy(), noises)[-1])


@pytest.mark.parametrize("count", [1, 2])
def test_all_forms_agree_at_64_pixels(count):
    net = toy(64, channel_base=512, channel_cap=24)
    w = codes(net, count)
    for noise in ("fixed", "none"):
        expected = images_of(net, w, noise)
        for form in ("smooth", "fused"):
            assert_close(images_of(net, w, noise, form), expected, 1e-5)


def test_mapping_matches_numpy(net):
    z = numbers("z", [3, DIM])
    assert_close(net.mapping(paddle.to_tensor(z)).numpy(), ref.mapping(arrays(net), z), 1e-5)
    assert_close(net.get_latent(paddle.to_tensor(7 * z)).numpy(), ref.mapping(arrays(net), z), 1e-5)


def test_stop_at_is_the_skip_image_of_that_resolution(net):
    state, w = arrays(net), codes(net)
    noises = [state[f"noises.noise_{index}"] for index in range(net.num_layers)]
    for side, expected in zip((4, 8, 16), ref.generator(state, w.numpy(), noises), strict=True):
        assert_close(images_of(net, w, stop_at=side), expected)


def test_row_i_of_the_code_changes_layer_i(net):
    w = codes(net, 1)
    shapes = {}
    for row in range(net.n_latent):
        other = w.numpy().copy()
        other[:, row] += 1
        changed = [
            side
            for side in (4, 8, 16)
            if (images_of(net, paddle.to_tensor(other), stop_at=side) != images_of(net, w, stop_at=side)).any()
        ]
        shapes[row] = changed[0]
    # Row 2 i + 1 is used by the to-RGB layer of one resolution and by the first convolution of the next.
    assert shapes == {0: 4, 1: 4, 2: 8, 3: 8, 4: 16, 5: 16}


@pytest.mark.slow
def test_a_static_program_renders_the_same(net):
    class Renderer(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, w_plus):
            return self.net.render(w_plus)

    spec = [paddle.static.InputSpec([1, net.n_latent, DIM], "float32")]
    static = paddle.jit.to_static(Renderer().eval(), input_spec=spec, full_graph=True)
    w = codes(net, 1)
    with paddle.no_grad():
        assert_close(static(w).numpy(), images_of(net, w), 1e-5)


# ---- derivatives


def test_every_parameter_gets_a_gradient():
    net = toy()
    image, _ = net([paddle.to_tensor(numbers("z", [2, DIM]))], randomize_noise=False)
    (image * paddle.to_tensor(numbers("v", image.shape))).sum().backward()
    unused = [name for name, p in net.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).any()]
    assert not unused


def test_the_smooth_form_has_the_correct_second_derivative():
    net = toy(8)
    net.to(dtype="float64")
    z = paddle.to_tensor(numbers("z", [2, DIM]).astype(np.float64))
    weights = paddle.to_tensor(numbers("v", [2, 3, 8, 8]).astype(np.float64))
    tensors = [z, *net.parameters()]
    for tensor in tensors:
        tensor.stop_gradient = False

    def function(form):
        return (net.render(net.mapping(z), form=form) * weights).sum()

    check_second_derivative(lambda: function("smooth"), lambda: function("fast"), tensors)


# ---- codes


def test_mean_latent_is_seeded_and_does_not_change_the_global_generator(net):
    paddle.seed(2)
    expected = paddle.randn([3]).numpy()
    paddle.seed(2)
    first, again, other = net.mean_latent(50, seed=3), net.mean_latent(50, seed=3), net.mean_latent(50, seed=4)
    assert first.shape == [1, DIM]
    assert (first.numpy() == again.numpy()).all() and (first.numpy() != other.numpy()).any()
    assert (paddle.randn([3]).numpy() == expected).all()
    paddle.seed(1)
    drawn = net.get_mean_style(2, 30).numpy()
    paddle.seed(1)
    assert (net.mean_latent(60).numpy() == drawn).all()
    with pytest.raises(ConfigError, match="at least 1"):
        net.mean_latent(0)


def test_mean_latent_is_the_mean_over_batches():
    net = toy(8)
    z = np.random.default_rng(9).standard_normal([1024, DIM], np.float32)
    more = np.random.default_rng(9)
    more.standard_normal([1024, DIM], np.float32)
    z = np.concatenate([z, more.standard_normal([76, DIM], np.float32)])
    assert_close(net.mean_latent(1100, seed=9).numpy()[0], ref.mapping(arrays(net), z).mean(axis=0), 1e-4)


def test_w_avg_is_not_in_the_state_dict():
    net = toy(8)
    assert not net.w_avg.numpy().any() and "w_avg" not in net.state_dict()
    w_avg = numbers("avg", [DIM])
    net.set_w_avg(w_avg)
    w_avg[:] = 0
    assert (net.ensure_w_avg().numpy() == numbers("avg", [DIM])).all()
    with pytest.raises(InputError, match=r"expected \(20,\)"):
        net.set_w_avg(np.zeros([6, DIM]))
    fresh = toy(8)
    assert_close(fresh.ensure_w_avg().numpy(), fresh.mean_latent(10240, seed=0).numpy()[0], 1e-6)
    assert (fresh.w_avg.numpy() == fresh.ensure_w_avg().numpy()).all()


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("cutoff", [None, 0, 2, 6, 99])
def test_truncation_applies_to_layers(net, wide, cutoff):
    w = numbers("w", [3, net.n_latent, DIM]) if wide else numbers("w", [3, DIM])
    centre = numbers("centre", [1, DIM])
    code = paddle.to_tensor(w)
    result = net.get_latents(code, 0.25, cutoff, paddle.to_tensor(centre), input_is_latent=True).numpy()
    assert (code.numpy() == w).all(), "the caller's tensor was modified"
    full = w if wide else np.repeat(w[:, None], net.n_latent, axis=1)
    expected = full.copy()
    expected[:, : net.n_latent if cutoff is None else cutoff] = (centre[:, None] + 0.25 * (full - centre[:, None]))[
        :, : net.n_latent if cutoff is None else cutoff
    ]
    if not wide and cutoff is None:
        expected = expected[:, 0]
    assert_close(result, expected, 1e-6)


def test_truncation_with_a_centre_per_layer(net):
    centre, z = numbers("centre", [1, net.n_latent, DIM]), numbers("z", [2, DIM])
    w = ref.mapping(arrays(net), z)[:, None]
    result = net.get_latents(paddle.to_tensor(z), 0.5, None, paddle.to_tensor(centre)).numpy()
    assert_close(result, centre + 0.5 * (w - centre), 1e-5)


def test_the_default_centre_of_truncation_is_the_mean(net):
    z = paddle.to_tensor(numbers("z", [2, DIM]))
    result = net.get_latents(z, 0.0).numpy()
    assert_close(result, np.repeat(net.ensure_w_avg().numpy()[None], 2, axis=0), 1e-5)


@pytest.mark.parametrize("psi", [-0.1, float("nan"), float("inf")])
def test_impossible_truncation_is_rejected(net, psi):
    with pytest.raises(ConfigError, match="truncation"):
        net.get_latents(paddle.zeros([1, DIM]), psi)


def test_truncation_rejects_invalid_cutoffs_and_centres(net):
    with pytest.raises(ConfigError, match="truncation_cutoff"):
        net.get_latents(paddle.zeros([1, DIM]), 0.5, -1)
    with pytest.raises(InputError, match="3 centres do not fit 2 codes"):
        net.get_latents(paddle.zeros([2, DIM]), 0.5, None, paddle.zeros([3, DIM]))


# ---- PaddleGAN's forward


def test_forward_is_mapping_and_rendering(net):
    z = paddle.to_tensor(numbers("z", [2, DIM]))
    image, latent = net([z], randomize_noise=False)
    assert latent is None
    assert_close(image.numpy(), images_of(net, net.mapping(z)), 1e-6)
    image, latent = net([codes(net)], input_is_latent=True, randomize_noise=False, return_latents=True)
    assert (latent.numpy() == codes(net).numpy()).all()
    assert_close(image.numpy(), images_of(net, codes(net)), 1e-6)


def test_forward_truncates_before_it_mixes(net):
    z = [paddle.to_tensor(numbers(name, [2, DIM])) for name in "ab"]
    centre = paddle.to_tensor(numbers("centre", [DIM]))
    _, latent = net(z, True, 4, truncation=0.5, truncation_cutoff=3, truncation_latent=centre)
    w = [ref.mapping(arrays(net), batch.numpy()) for batch in z]
    expected = np.stack([w[0]] * 4 + [w[1]] * 2, axis=1)
    expected[:, :3] = centre.numpy() + 0.5 * (expected[:, :3] - centre.numpy())
    assert_close(latent.numpy(), expected, 1e-5)


def test_mixing_accepts_w_plus_and_a_random_index_comes_from_paddle(net):
    first, second = codes(net, name="a"), codes(net, name="b")
    _, latent = net([first, second], True, 2, input_is_latent=True)
    assert (latent.numpy() == np.concatenate([first.numpy()[:, :2], second.numpy()[:, 2:]], axis=1)).all()
    seen = set()
    for seed in range(25):
        paddle.seed(seed)
        _, latent = net([first, second], True, input_is_latent=True)
        paddle.seed(seed)
        _, again = net([first, second], True, input_is_latent=True)
        assert (latent.numpy() == again.numpy()).all()
        seen.add(int((latent.numpy() == first.numpy())[0].all(axis=1).sum()))
    assert seen == {1, 2, 3, 4, 5}


def test_mixing_rejects_invalid_arguments(net):
    w = codes(net)
    with pytest.raises(ConfigError, match="between 0 and 6"):
        net([w, w], inject_index=7, input_is_latent=True)
    with pytest.raises(InputError, match="one or two"):
        net([w, w, w], input_is_latent=True)
    with pytest.raises(InputError, match="one or two"):
        net([], input_is_latent=True)


def test_synthesis_accepts_styles_or_w(net):
    w = codes(net)
    styles = net.style_affine(w)
    assert [list(s.shape) for s in styles] == [[2, c] for c in net.channels_lst]
    expected = images_of(net, w)
    assert_close(net.synthesis(styles, randomize_noise=False).numpy(), expected, 1e-6)
    assert_close(net.synthesis(w, randomize_noise=False, is_w_latent=True).numpy(), expected, 1e-6)
    z = paddle.to_tensor(numbers("z", [2, DIM]))
    for a, b in zip(net.get_latent_S(z), net.style_affine(net.mapping(z)), strict=True):
        assert (a.numpy() == b.numpy()).all()
    with pytest.raises(InputError, match="expected 8 tensors, got 7"):
        net.synthesis(styles[:-1])


@pytest.mark.parametrize("shape", [[1, 19], [1, 5, DIM], [1, 6, 19], [6], [1, 1, 6, DIM]])
def test_codes_of_another_shape_are_rejected(net, shape):
    with pytest.raises(InputError, match=r"\(N, 20\) or \(N, 6, 20\)"):
        net.render(paddle.zeros(shape))
    with pytest.raises(InputError, match=r"z: expected \(N, 20\)|latent code"):
        net([paddle.zeros(shape)])


# ---- noise


def test_noise_modes(net):
    w = codes(net)
    fixed, none = images_of(net, w), images_of(net, w, "none")
    assert (images_of(net, w, "fixed") == fixed).all() and (fixed != none).any()
    assert_close(images_of(net, w, net.fixed_noise()), fixed, 1e-6)
    assert_close(images_of(net, w, [0 * noise for noise in net.fixed_noise()]), none, 1e-6)
    paddle.seed(3)
    first = images_of(net, w, "random")
    paddle.seed(3)
    assert (images_of(net, w, "random") == first).all()
    assert (images_of(net, w, "random") != first).any()
    same = images_of(net, w[:1].tile([2, 1, 1]), "random")
    assert (same[0] != same[1]).any(), "each image must have its own noise"


def test_explicit_noise_is_used_in_its_layer(net):
    state, w = arrays(net), codes(net)
    noises = [paddle.to_tensor(numbers(f"n{i}", [2, 1, side, side])) for i, side in enumerate(net.noise_sides())]
    expected = ref.generator(state, w.numpy(), [noise.numpy() for noise in noises])[-1]
    assert_close(images_of(net, w, noises), expected)
    assert [list(noise.shape) for noise in net.make_noise()] == [[1, 1, s, s] for s in (4, 8, 8, 16, 16)]
    image, _ = net([w], input_is_latent=True, noise=noises)
    assert_close(image.numpy(), expected)


def test_noise_is_random_for_an_entry_none(net):
    w, noise = codes(net), [*net.fixed_noise()[:-1], None]
    assert (images_of(net, w, noise) != images_of(net, w, noise)).any()


def test_invalid_noise_forms_and_resolutions_are_rejected(net):
    w, noise = codes(net), net.fixed_noise()
    with pytest.raises(ConfigError, match="'fixed', 'random', 'none'"):
        net.render(w, "loud")
    with pytest.raises(InputError, match="expected 5 tensors, got 4"):
        net.render(w, noise[:-1])
    with pytest.raises(InputError, match="channels, 8, 8"):
        net.render(w, [noise[0], noise[3], *noise[2:]])
    with pytest.raises(ConfigError, match="Did you mean 'smooth'"):
        net.render(w, form="smoot")
    with pytest.raises(ConfigError, match="more than the network's 16 pixels"):
        net.render(w, stop_at=32)
    with pytest.raises(ConfigError, match="size"):
        net.render(w, stop_at=6)


def test_concatenated_noise_is_a_feature_map():
    net = toy(8, is_concat=True)
    w = codes(net)
    maps = [paddle.to_tensor(numbers(f"m{side}", [2, net.channels[side], side, side])) for side in (4, 8)]
    assert net.conv1.activate.bias.shape == [2 * net.channels[4]]
    image = images_of(net, w, maps)
    assert image.shape == (2, 3, 8, 8)
    assert (images_of(net, w, [maps[0], 2 * maps[1]]) != image).any()
    with pytest.raises(ConfigError, match="is_concat"):
        net.render(w)
