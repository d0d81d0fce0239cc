"""Slow, obvious NumPy versions of the operations in ppgan_ext.nn, in float64, straight from their definitions."""

from __future__ import annotations

import numpy as np


def leaky_relu(x):
    return np.where(x >= 0, x, 0.2 * x) * np.sqrt(2.0)


def equal_linear(x, weight, bias, lr_mul=1.0, activation=False):
    """weight (in, out)."""
    y = x @ (weight / np.sqrt(weight.shape[0]) * lr_mul) + bias * lr_mul
    return leaky_relu(y) if activation else y


def conv2d(x, weight, stride=1, padding=0):
    """Correlate (N, I, H, W) with (O, I, kh, kw), one output pixel at a time."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    num_out, _, kh, kw = weight.shape
    height = (x.shape[2] - kh) // stride + 1
    width = (x.shape[3] - kw) // stride + 1
    y = np.zeros((x.shape[0], num_out, height, width))
    for row in range(height):
        for col in range(width):
            window = x[:, :, row * stride : row * stride + kh, col * stride : col * stride + kw]
            y[:, :, row, col] = np.einsum("niab,oiab->no", window, weight)
    return y


def conv2d_transpose(x, weight, stride):
    """Scatter: every input pixel adds its multiple of the filter (O, I, kh, kw) to the output."""
    count, _, height, width = x.shape
    num_out, _, kh, kw = weight.shape
    y = np.zeros((count, num_out, (height - 1) * stride + kh, (width - 1) * stride + kw))
    for row in range(height):
        for col in range(width):
            patch = np.einsum("ni,oiab->noab", x[:, :, row, col], weight)
            y[:, :, row * stride : row * stride + kh, col * stride : col * stride + kw] += patch
    return y


def upfirdn2d(x, kernel, up=1, down=1, pad=(0, 0)):
    """Insert zeros, pad, convolve (the kernel is flipped), keep every down-th pixel."""
    count, channels, height, width = x.shape
    wide = np.zeros((count, channels, height * up, width * up))
    wide[:, :, ::up, ::up] = x
    flipped = kernel[::-1, ::-1][None, None]
    planes = np.pad(wide, [(0, 0), (0, 0), pad, pad]).reshape(count * channels, 1, height * up + sum(pad), -1)
    y = conv2d(planes, flipped)[:, :, ::down, ::down]
    return y.reshape(count, channels, *y.shape[2:])


def fir(taps, gain=1.0):
    plane = np.outer(taps, taps).astype(np.float64)
    return plane / plane.sum() * gain


def modulated_conv2d(x, weight, style, demodulate=True, up_kernel=None, up_pad=(1, 1)):
    """StyleGAN2, Eq. 1 and 3 to the letter: every image has filters of its own. weight (O, I, k, k), style (N, I)."""
    num_in, size = weight.shape[1], weight.shape[2]
    outputs = []
    for image, gains in zip(x, style, strict=True):
        own = weight / np.sqrt(num_in * size**2) * gains[None, :, None, None]
        if demodulate:
            own = own / np.sqrt((own**2).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
        if up_kernel is None:
            outputs.append(conv2d(image[None], own, padding=size // 2))
        else:
            outputs.append(upfirdn2d(conv2d_transpose(image[None], own, 2), up_kernel * 4, pad=up_pad))
    return np.concatenate(outputs)
