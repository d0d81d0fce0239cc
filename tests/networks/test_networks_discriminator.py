"""StyleGAN2 discriminator: PaddleGAN's names, equality with NumPy, batches of any size, derivatives."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.networks import StyleGANv2Discriminator
from ppgan_ext.networks.stylegan2_discriminator import minibatch_stddev
from tests.reference import numpy_stylegan2 as ref
from tests.reference.toy import arrays, assert_close, check_second_derivative, fill, numbers


@pytest.fixture(scope="module")
def net():
    network = StyleGANv2Discriminator(16, channel_base=64, channel_cap=9)
    fill(network)
    return network.eval()


@pytest.mark.slow
def test_names_and_shapes_equal_paddlegans():
    network = StyleGANv2Discriminator(64, channel_multiplier=1)
    width = {64: 256, 32: 512, 16: 512, 8: 512, 4: 512}
    expected = {"convs.0.0.weight": [256, 3, 1, 1], "convs.0.1.bias": [256]}
    for index, side in enumerate((64, 32, 16, 8), start=1):
        a, b = width[side], width[side // 2]
        expected |= {
            f"convs.{index}.conv1.0.weight": [a, a, 3, 3],
            f"convs.{index}.conv1.1.bias": [a],
            f"convs.{index}.conv2.1.weight": [b, a, 3, 3],
            f"convs.{index}.conv2.2.bias": [b],
            f"convs.{index}.skip.1.weight": [b, a, 1, 1],
        }
    expected |= {"final_conv.0.weight": [512, 513, 3, 3], "final_conv.1.bias": [512]}
    expected |= {"final_linear.0.weight": [8192, 512], "final_linear.0.bias": [512]}
    expected |= {"final_linear.1.weight": [512, 1], "final_linear.1.bias": [1]}
    assert {name: list(tensor.shape) for name, tensor in network.state_dict().items()} == expected


@pytest.mark.parametrize("form", ["fast", "smooth"])
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 6, 8])
def test_scores_and_features_match_the_numpy_twin(net, form, batch):
    x = numbers("x", [batch, 3, 16, 16])
    scores, maps = ref.discriminator(arrays(net), x)
    ours, features = net(paddle.to_tensor(x), features=True, form=form)
    assert_close(ours.numpy(), scores)
    assert [list(feature.shape) for feature in features] == [[batch, 8, 8, 8], [batch, 9, 4, 4]]
    for feature, expected in zip(features, maps, strict=True):
        assert_close(feature.numpy(), expected)
    assert (net(paddle.to_tensor(x), form=form).numpy() == ours.numpy()).all()


def test_minibatch_deviation_groups_every_second_image_of_six():
    x = paddle.to_tensor(np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1).repeat(2, axis=3) ** 2)
    extra = minibatch_stddev(x).numpy()[:, 1]
    assert extra.shape == (6, 1, 2)
    # gcd(6, 4) = 2, so there are three groups (0, 3), (1, 4), (2, 5) with the values (0, 9), (1, 16), (4, 25).
    assert np.allclose(extra[:, 0, 0], [4.5, 7.5, 10.5] * 2, atol=1e-4)


def test_every_parameter_gets_a_gradient(net):
    net(paddle.to_tensor(numbers("x", [2, 3, 16, 16]))).sum().backward()
    assert not [name for name, p in net.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).any()]
    net.clear_gradients()


def test_the_smooth_form_has_the_correct_second_derivative():
    network = StyleGANv2Discriminator(8, channel_base=32, channel_cap=5)
    fill(network)
    network.to(dtype="float64")
    x = paddle.to_tensor(numbers("x", [2, 3, 8, 8]).astype(np.float64))
    tensors = [x, *network.parameters()]
    for tensor in tensors:
        tensor.stop_gradient = False

    def function(form):
        return paddle.nn.functional.softplus(network(x, form=form)).sum()

    check_second_derivative(lambda: function("smooth"), lambda: function("fast"), tensors)


def test_invalid_arguments_are_rejected(net):
    for shape in ([1, 3, 16, 8], [1, 1, 16, 16], [3, 16, 16]):
        with pytest.raises(InputError, match=r"expected \(N, 3, 16, 16\)"):
            net(paddle.zeros(shape))
    with pytest.raises(ConfigError, match="form"):
        net(paddle.zeros([1, 3, 16, 16]), form="quick")
    with pytest.raises(ConfigError, match="size"):
        StyleGANv2Discriminator(48)
    with pytest.raises(ConfigError, match="no channels at 64"):
        StyleGANv2Discriminator(64, channel_base=32)
