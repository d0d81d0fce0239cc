"""StyleGAN2 in plain NumPy, driven by a state dict under PaddleGAN's names."""

from __future__ import annotations

import math

import numpy as np

from tests.reference.numpy_ops import conv2d, equal_linear, fir, leaky_relu, modulated_conv2d, upfirdn2d

TAPS = (1, 3, 3, 1)


def mapping(state, z, lr_mul=0.01):
    w = z / np.sqrt((z**2).mean(axis=1, keepdims=True) + 1e-8)
    layer = 1
    while f"style.{layer}.weight" in state:
        w = equal_linear(w, state[f"style.{layer}.weight"], state[f"style.{layer}.bias"], lr_mul, activation=True)
        layer += 1
    return w


def _modulated(state, name, x, w, **settings):
    style = equal_linear(w, state[f"{name}.conv.modulation.weight"], state[f"{name}.conv.modulation.bias"])
    return modulated_conv2d(x, state[f"{name}.conv.weight"][0], style, **settings)


def _styled(state, name, x, w, noise, up):
    y = _modulated(state, name, x, w, up_kernel=fir(TAPS) if up else None)
    y = y + state[f"{name}.noise.weight"] * noise
    return leaky_relu(y + state[f"{name}.activate.bias"][:, None, None])


def _to_rgb(state, name, x, w, image):
    y = _modulated(state, name, x, w, demodulate=False) + state[f"{name}.bias"]
    return y if image is None else y + upfirdn2d(image, state[f"{name}.upsample.kernel"], up=2, pad=(2, 1))


def generator(state, w_plus, noises):
    """w_plus (N, n_latent, D), noises one (1 or N, 1, r, r) per layer -> skip images, 4 px first."""
    x = np.repeat(state["input.input"], len(w_plus), axis=0)
    x = _styled(state, "conv1", x, w_plus[:, 0], noises[0], up=False)
    images = [_to_rgb(state, "to_rgb1", x, w_plus[:, 1], None)]
    for block in range((w_plus.shape[1] - 2) // 2):
        row = 2 * block + 1
        x = _styled(state, f"convs.{2 * block}", x, w_plus[:, row], noises[row], up=True)
        x = _styled(state, f"convs.{2 * block + 1}", x, w_plus[:, row + 1], noises[row + 1], up=False)
        images.append(_to_rgb(state, f"to_rgbs.{block}", x, w_plus[:, row + 2], images[-1]))
    return images


def _conv_layer(state, name, x, down=False, activate=True):
    index = 1 if down else 0
    weight = state[f"{name}.{index}.weight"]
    size = weight.shape[2]
    weight = weight / np.sqrt(weight.shape[1] * size**2)
    if down:
        excess = len(TAPS) - 2 + size - 1
        x = upfirdn2d(x, fir(TAPS), pad=((excess + 1) // 2, excess // 2))
    y = conv2d(x, weight, stride=2 if down else 1, padding=0 if down else size // 2)
    return leaky_relu(y + state[f"{name}.{index + 1}.bias"][:, None, None]) if activate else y


def trunk(state, x):
    """Outputs of convs.0, convs.1, ..."""
    maps = [_conv_layer(state, "convs.0", x)]
    while f"convs.{len(maps)}.skip.1.weight" in state:
        name, x = f"convs.{len(maps)}", maps[-1]
        y = _conv_layer(state, f"{name}.conv2", _conv_layer(state, f"{name}.conv1", x), down=True)
        maps.append((y + _conv_layer(state, f"{name}.skip", x, down=True, activate=False)) / np.sqrt(2))
    return maps


def discriminator(state, x):
    """Scores (N, 1) and block outputs."""
    maps = trunk(state, x)
    y = maps[-1]
    group = math.gcd(len(y), 4)
    num_groups = len(y) // group
    extra = np.zeros((len(y), 1, *y.shape[2:]))
    for first in range(num_groups):
        members = range(first, len(y), num_groups)
        deviation = np.sqrt(y[list(members)].var(axis=0) + 1e-8).mean()
        for member in members:
            extra[member] = deviation
    y = _conv_layer(state, "final_conv", np.concatenate([y, extra], axis=1)).reshape(len(y), -1)
    y = equal_linear(y, state["final_linear.0.weight"], state["final_linear.0.bias"], activation=True)
    return equal_linear(y, state["final_linear.1.weight"], state["final_linear.1.bias"]), maps[1:]


def light_encoder(state, x, groups, style_dim):
    maps = {y.shape[2]: y for y in trunk(state, x)}
    codes = []
    for index, (count, side) in enumerate(zip(groups, (4, 8, 16), strict=True)):
        if not count:
            continue
        y = maps[side]
        y = y.reshape(*y.shape[:2], 4, side // 4, 4, side // 4).mean(axis=(3, 5)).reshape(len(x), -1)
        y = equal_linear(y, state[f"heads.{index}.0.weight"], state[f"heads.{index}.0.bias"], activation=True)
        y = equal_linear(y, state[f"heads.{index}.1.weight"], state[f"heads.{index}.1.bias"])
        codes.append(y.reshape(len(x), count, style_dim))
    return np.concatenate(codes, axis=1)
