"""The networks of DCGAN, pix2pix, CycleGAN, U-GAT-IT and Photo2Cartoon: sizes, names, modes and gradients.

That they compute what PyTorch's do is tested in tests/weights/test_weights_gan_family.py.
"""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks.network_table import NETWORKS, build, options_of
from ppgan_ext.nn.dropout import has_masks, masks_from
from ppgan_ext.nn.layer_instance_norm import clip_shares
from ppgan_ext.nn.second_order import gradient_of
from ppgan_ext.nn.spectral import plain_weight, spectral_vectors
from tests.reference.toy import assert_close, fill

RESNET = {"name": "ResnetGenerator", "input_nc": 3, "output_nc": 3, "n_blocks": 9}
UGATIT = {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 3, "n_blocks": 4}
# block -> trainable numbers; of the projects' own tables or of PyTorch's networks
COUNTS = [
    ({"name": "DCGenerator", "input_nz": 100, "input_nc": 1, "output_nc": 1}, 3_574_656),
    ({"name": "DCGenerator", "input_nz": 100, "input_nc": 3, "output_nc": 3}, 3_576_704),
    (RESNET, 11_378_179),
    ({"name": "NLayerDiscriminator", "input_nc": 3}, 2_764_737),
    ({"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 8}, 54_413_955),
    ({**UGATIT, "light": True}, 10_589_888),
    (UGATIT, 278_959_808),
]


@pytest.mark.parametrize(("block", "expected"), COUNTS, ids=lambda item: item["name"] if isinstance(item, dict) else "")
def test_networks_have_the_published_number_of_weights(block, expected):
    with paddle.LazyGuard():
        network = build(block)
    assert sum(int(np.prod(p.shape)) for p in network.parameters() if not p.stop_gradient) == expected


def names(block):
    return set(build(block).state_dict())


def test_resnet_has_paddlegans_names():
    convs = ["1", "4", "7", *(f"{block}.conv_block.{conv}" for block in range(10, 19) for conv in (1, 5)), "19", "22"]
    norms = ["2", "5", "8", *(f"{block}.conv_block.{norm}" for block in range(10, 19) for norm in (2, 6)), "20", "23"]
    expected = {f"model.{conv}.{kind}" for conv in [*convs, "26"] for kind in ("weight", "bias")}
    expected |= {f"model.{norm}.{kind}" for norm in norms for kind in ("scale", "bias")}
    assert names({**RESNET, "ngf": 1}) == expected
    assert names({**RESNET, "ngf": 1, "upsample": "resize"}) == expected


def test_dropout_moves_the_second_convolution():
    found = names({**RESNET, "ngf": 1, "use_dropout": True})
    assert "model.10.conv_block.6.weight" in found and "model.10.conv_block.5.weight" not in found
    zero = names({**RESNET, "ngf": 1, "padding_type": "zero"})
    assert {"model.10.conv_block.0.weight", "model.10.conv_block.3.weight"} <= zero


def test_dcgan_has_paddlegans_names():
    generator = names({"name": "DCGenerator", "input_nz": 3, "input_nc": 1, "output_nc": 1, "ngf": 1})
    expected = {f"model.{index}.weight" for index in (0, 3, 6, 9, 12)}
    expected |= {f"model.{i}.{kind}" for i in (1, 4, 7, 10) for kind in ("weight", "bias", "_mean", "_variance")}
    assert generator == expected
    critic = names({"name": "DCDiscriminator", "input_nc": 1, "ndf": 1, "norm_type": "batch"})
    assert {"model.2.bias", "model.11.bias"} <= critic and "model.0.bias" not in critic


def test_patch_critics_have_paddlegans_names():
    plain = names({"name": "NLayerDiscriminator", "input_nc": 3, "ndf": 1})
    assert {"model.0.bias", "model.3.scale", "model.9.bias", "model.11.weight"} <= plain
    assert "model.0.bias" not in names({"name": "NLayerDiscriminator", "input_nc": 3, "ndf": 1, "norm_type": "batch"})
    spectral = names({"name": "NLayerDiscriminator", "input_nc": 3, "ndf": 1, "norm_type": "spectral"})
    first = {"model.0.weight_orig", "model.0.layer.bias", "model.0.spectral_norm.weight_u"}
    assert first | {"model.0.spectral_norm.weight_v"} <= spectral and "model.8.layer.bias" not in spectral


def test_unet_nests_its_names():
    found = names({"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 5, "ngf": 1})
    inner = "model.model.1.model.3.model.3.model.3.model"
    assert {"model.model.0.weight", "model.model.3.bias", f"{inner}.1.weight", f"{inner}.4._mean"} <= found
    assert not {"model.model.0.bias", f"{inner}.2.weight"} & found


def test_ugatit_has_paddlegans_names():
    light = names({**UGATIT, "ngf": 1, "light": True})
    expected = {"DownBlock.1.weight", "DownBlock.12.conv_block.5.weight", "DownBlock.15.conv_block.6.scale"}
    expected |= {"gap_fc.weight", "gmp_fc.weight", "conv1x1.weight", "conv1x1.bias", "FC.0.weight", "FC.2.weight"}
    expected |= {"gamma.weight", "beta.weight", "UpBlock1_4.conv2.weight", "UpBlock1_4.norm2.rho"}
    expected |= {"UpBlock2.2.weight", "UpBlock2.7.weight", "UpBlock2.8.gamma", "UpBlock2.3.beta", "UpBlock2.11.weight"}
    assert expected <= light
    critic = names({"name": "UGATITDiscriminator", "input_nc": 3, "ndf": 1, "n_layers": 7})
    kinds = ("weight_orig", "weight_u", "weight_v")
    assert {f"{layer}.{kind}" for layer in ("model.16", "gap_fc", "gmp_fc", "conv") for kind in kinds} <= critic
    assert "model.16.bias" in critic and "conv.bias" not in critic and "model.19.weight_orig" not in critic


def test_photo2cartoon_has_paddlegans_names():
    found = names({"name": "ResnetUGATITP2CGenerator", "ngf": 4})
    expected = {"DownBlock.1.weight", "DownBlock.7.weight", "DownBlock.11.weight", "UpBlock.13.weight"}
    expected |= {"DownBlock.4.HG.0.ConvBlockskip4.conv_block3.3.weight", "UpBlock.10.HG.2.weight", "UpBlock.2.weight"}
    expected |= {"UpBlock.8.rho", "EncodeBlock4.conv_block.5.weight", "UpBlock.11.Conv1.bias", "DownBlock.5.Conv3.bias"}
    expected |= {f"DecodeBlock2.norm2.{kind}" for kind in ("norm.rho", "w_gamma", "c_beta.2.weight", "s_gamma.weight")}
    assert expected <= found and "UpBlock.11.Conv2.bias" not in found and "gap_fc.bias" not in found
    assert "gap_fc.bias" in names({"name": "ResnetUGATITP2CGenerator", "ngf": 4, "linear_bias": True})


@pytest.mark.parametrize("upsample", ["transposed", "resize"])
@pytest.mark.parametrize(
    "block",
    [{**RESNET, "n_blocks": 1, "ngf": 2}, {"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 5}],
    ids=["resnet", "unet"],
)
def test_both_ways_of_upsampling_keep_the_size(block, upsample):
    network = build({**block, "ngf": 2, "upsample": upsample})
    assert network(paddle.randn([1, 3, 32, 64])).shape == [1, 3, 32, 64]


def test_resizing_leaves_no_checkerboard():
    """Flat features and random filters: a transposed convolution of stride 2 shows its grid, resizing does not."""
    flat = paddle.ones([1, 8, 6, 6])
    for upsample, is_flat in (("transposed", False), ("resize", True)):
        network = build({**RESNET, "ngf": 4, "n_blocks": 1, "norm_type": "none", "upsample": upsample})
        layer = network.model[11]
        fill(layer)
        inside = layer(paddle.concat([flat, flat], 1))[:, :, 2:-2, 2:-2].numpy()
        assert (np.ptp(inside, axis=(2, 3)).max() < 1e-4) == is_flat


SIZES = [
    ({**RESNET}, 130, "128 and 132"),
    ({"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 8}, 300, "256 and 512"),
    (UGATIT, 128, "sides: 256"),
    ({"name": "ResnetUGATITP2CGenerator"}, 100, "96 and 112"),
    ({"name": "NLayerDiscriminator", "input_nc": 3}, 20, "sides: 24"),
    ({"name": "UGATITDiscriminator", "input_nc": 3, "n_layers": 7}, 64, "sides: 96"),
]


@pytest.mark.parametrize(
    ("block", "side", "nearest"), SIZES, ids=lambda item: str(item["name"])[:12] if isinstance(item, dict) else ""
)
def test_impossible_sizes_are_refused_with_the_nearest(block, side, nearest):
    with pytest.raises(ConfigError, match=nearest):
        options_of(block).check_image_size(side, side)


@pytest.mark.parametrize(
    "block", [block for block, _, _ in SIZES if block is not UGATIT], ids=lambda block: block["name"]
)
def test_the_smallest_size_works_and_the_next_smaller_does_not(block):
    options = options_of(block)
    small = {key: value for key, value in {"ngf": 4, "ndf": 2}.items() if key in type(options).model_fields}
    network, rule = build({**block, **small}), options.size_rule
    assert 0 not in first_shape(network(paddle.randn([1, 3, rule.smallest, rule.smallest])))
    below = rule.smallest - rule.multiple
    if below:
        try:
            shape = first_shape(network(paddle.randn([1, 3, below, below])))
        except (OSError, ValueError, RuntimeError):  # deep in the network
            return
        assert 0 in shape


def first_shape(result):
    return (result[0] if isinstance(result, tuple) else result).shape


def test_a_full_generator_refuses_another_size():
    network = build({**UGATIT, "ngf": 1, "n_blocks": 1, "img_size": 16})
    with pytest.raises(InputError, match="16 pixels cannot take 32x32"):
        network(paddle.zeros([1, 3, 32, 32]))


def test_dropout_obeys_its_generator_and_the_test_mode():
    block = {"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 6, "ngf": 2, "use_dropout": True}
    network = build({**block, "test_mode": "train"}).eval()
    x = paddle.randn([1, 3, 64, 64])

    def image(seed):
        with masks_from(np.random.default_rng(seed), network):
            return network(x).numpy()

    assert has_masks(network)
    assert (image(1) == image(1)).all() and (image(1) != image(2)).any()
    quiet = build({**block, "test_mode": "eval"}).eval()
    assert not has_masks(quiet) and has_masks(quiet.train())


def test_batch_statistics_are_used_in_evaluation_only_if_asked():
    block = {"name": "DCGenerator", "input_nz": 3, "input_nc": 1, "output_nc": 1, "ngf": 1}
    z = paddle.randn([4, 3])
    for mode, depends in (("train", True), ("eval", False)):
        network = build({**block, "test_mode": mode})
        network.eval()
        before = {name: array.numpy() for name, array in network.state_dict().items()}
        assert (np.abs((network(z)[:1] - network(z[:2])[:1]).numpy()).max() > 1e-6) == depends
        assert all((network.state_dict()[name].numpy() == array).all() for name, array in before.items())


def test_conditional_networks_use_the_class():
    generator = build({"name": "ConditionalDeepConvGenerator", "latent_dim": 3, "output_nc": 1, "size": 8, "ngf": 2})
    critic = build({"name": "NLayerDiscriminatorWithClassification", "input_nc": 1, "ndf": 2, "n_layers": 1})
    z, classes = paddle.randn([2, 3]).tile([2, 1]), paddle.to_tensor([1, 1, 7, 7])
    generator.eval()
    images = generator(z, classes)
    assert images.shape == [4, 1, 8, 8] and (images[:2] != images[2:]).any()
    assert (critic(images[:2], classes[:2]) != critic(images[:2], classes[2:])).any()
    with pytest.raises(InputError, match="0 to 9, got 1 to 10"):
        generator(z, classes + paddle.to_tensor([0, 0, 0, 3]))


def test_the_power_iteration_is_the_papers():
    """Algorithm 1 of arXiv 1802.05957 in NumPy; it runs while the layer learns, and only then."""
    critic = build({"name": "UGATITDiscriminator", "input_nc": 3, "ndf": 2, "n_layers": 3})
    layer = critic.model[1]
    fill(layer)
    matrix = layer.weight_orig.numpy().reshape(2, -1).astype(np.float64)
    left = spectral_vectors(layer)[0].numpy().astype(np.float64)
    x = paddle.randn([1, 3, 8, 8])
    for _ in range(2):
        right = matrix.T @ left / np.linalg.norm(matrix.T @ left)
        left = matrix @ right / np.linalg.norm(matrix @ right)
        actual = layer(x)
    assert np.allclose(spectral_vectors(layer)[0].numpy(), left, atol=1e-5)
    expected = paddle.nn.functional.conv2d(x, layer.weight_orig / float(left @ matrix @ right), stride=2)
    assert np.allclose(actual.numpy(), (expected + layer.bias.reshape([1, -1, 1, 1])).numpy(), atol=1e-4)
    layer.weight_orig.stop_gradient = True
    layer(x)
    layer.weight_orig.stop_gradient = False
    critic.eval()
    layer(x)
    assert np.allclose(spectral_vectors(layer)[0].numpy(), left, atol=1e-5)


def penalty_gradient(critic, x, form):
    """The gradient of |d score / d x|**2 by the first convolution's weight."""
    x.stop_gradient = False
    scores = critic(x, form=form)
    gradient = gradient_of((scores[0] if isinstance(scores, tuple) else scores).sum(), x)
    value = (gradient * gradient).sum()
    value.backward()
    layer = critic.model[0] if hasattr(critic.model[0], "weight") else critic.model[1]
    weight = plain_weight(layer)
    result = weight.grad.numpy()
    critic.clear_gradients()
    return float(value), result, weight


@pytest.mark.parametrize("name", ["NLayerDiscriminator", "UGATITDiscriminator"])
def test_critics_have_second_derivatives(name):
    critic = build({"name": name, "input_nc": 3, "ndf": 2, "n_layers": 3})
    fill(critic)
    critic.eval()
    x = paddle.randn([2, 3, 24, 24])
    smooth = penalty_gradient(critic, x, "smooth")[1]
    assert_close(penalty_gradient(critic, x, "fused")[1], smooth)
    critic.to(dtype="float64")
    x, position, step = x.detach().astype("float64"), (1, 2, 0, 1), 1e-6
    _, exact, weight = penalty_gradient(critic, x, "smooth")
    assert_close(smooth, exact)
    values = []
    for change in (step, -2 * step):
        with paddle.no_grad():
            weight[position] = weight[position] + change
        values.append(penalty_gradient(critic, x, "smooth")[0])
    assert abs((values[0] - values[1]) / (2 * step) - exact[position]) < 1e-4 * np.abs(exact).max()


def test_one_step_changes_all_trainable_weights_and_no_other():
    blocks = [
        {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1, "light": True},
        {"name": "ResnetUGATITP2CGenerator", "ngf": 4},
        {"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 5, "ngf": 2},
        {**RESNET, "ngf": 2, "n_blocks": 1},
    ]
    x = paddle.randn([2, 3, 64, 64])
    for block in blocks:
        network = build(block)
        with paddle.no_grad():  # soft weights start at 0, which would hide what they multiply
            for name, parameter in network.named_parameters():
                if name.endswith(("w_gamma", "w_beta", "rho")):
                    parameter.fill_(0.5)
        before = {name: array.numpy() for name, array in network.named_parameters()}
        result = network(x)
        outputs = result if isinstance(result, tuple) else (result,)
        # instance normalisation removes what is constant: weigh the pixels unequally
        sum((output * paddle.randn(output.shape)).sum() for output in outputs).backward()
        paddle.optimizer.Adam(0.01, parameters=network.parameters()).step()
        for name, parameter in network.named_parameters():
            if not name.endswith(("_mean", "_variance")):
                assert (parameter.numpy() != before[name]).any() != parameter.stop_gradient, (block["name"], name)


def test_learnt_shares_are_clipped():
    network = build({"name": "ResnetUGATITP2CGenerator", "ngf": 4})
    with paddle.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.5)
    clip_shares(network)
    clipped = [name for name, array in network.named_parameters() if float(array.max()) == 1.0]
    assert len(clipped) == 2 + 4 * 2 * 3  # rho of two LIN, and of each soft-AdaLIN its rho and two weights


def test_the_family_is_in_the_table():
    assert sum(options.__module__.rpartition(".")[2] in _FILES for options in NETWORKS.values()) == 11


_FILES = {f"{name}_options" for name in ("dcgan", "deep_conv", "patchgan", "unet", "resnet_generator", "ugatit")}
