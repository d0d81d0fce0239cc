"""PyTorch twins of the networks that the bundled face model is made of.

They exist so that the bundled weights can be trained where a GPU has PyTorch and no Paddle. Exported arrays drop into
the package's networks (`ppgan_ext.weights.rename_torch_twin`); tests/tools/test_bundled_model.py holds the two to 1e-3.

The networks are those of StyleGAN2 (Karras et al., arXiv 1912.04958, configuration F without large channel counts):

* mapping: pixel norm, then equalised linears with learning-rate multiplier 0.01 and leaky ReLU (0.2, gain sqrt 2);
* up-sampling: transposed 3x3 convolution of stride 2, then the [1,3,3,1] filter with gain 4;
* to-RGB: 1x1, no demodulation; the skip image is up-sampled by the same filter;
* noise: one strength per layer, added before bias and activation;
* layer i reads w[i]; to-RGB of a resolution reads the w of the layer after it: n_latent = 2 log2(size) - 2.

Under autocast convolutions run in half precision; linears, demodulation and the sum of RGB images stay in float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SQRT2 = math.sqrt(2.0)
STYLE_DIM = 512


def channels_for(size: int, base: int, cap: int) -> dict[int, int]:
    """Return the channels of each resolution, min(base / resolution, cap)."""
    return {2**i: min(base // 2**i, cap) for i in range(2, int(math.log2(size)) + 1)}


def blur_kernel(gain: float = 1.0) -> Tensor:
    """Return the 4x4 filter [1,3,3,1] x [1,3,3,1] of the given sum."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps)
    return kernel / kernel.sum() * gain


def depthwise(x: Tensor, kernel: Tensor, padding: int, stride: int = 1) -> Tensor:
    """Filter each channel of (N, C, H, W); every filter here is its own mirror image."""
    num_channels = x.shape[1]
    filters = kernel.to(x.dtype).expand(num_channels, 1, *kernel.shape)
    return F.conv2d(x, filters, stride=stride, padding=padding, groups=num_channels)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, of what was scaled by `SQRT2` before: sqrt(2) f(x) = f(sqrt(2) x).

    So the gain that keeps the variance costs nothing: it is in filters, factors and biases, which are small.
    """
    return F.leaky_relu(x, 0.2)


def normalize(z: Tensor) -> Tensor:
    """Scale each row of (N, C) to a mean square of 1, as the mapping network does first."""
    return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)


class EqualLinear(nn.Module):
    """Linear layer with equalised learning rate (arXiv 1710.10196, section 4.1), always in float32."""

    def __init__(self, d_in: int, d_out: int, bias: float = 0.0, lr_mul: float = 1.0, act: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(d_out, d_in) / lr_mul)
        self.bias = nn.Parameter(torch.full((d_out,), bias))  # before lr_mul
        self.scale, self.lr_mul, self.act = lr_mul / math.sqrt(d_in), lr_mul, act

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d_in) to (N, d_out)."""
        gain = SQRT2 if self.act else 1.0
        with torch.autocast(x.device.type, enabled=False):
            y = F.linear(x.float(), self.weight * (self.scale * gain), self.bias * (self.lr_mul * gain))
        return activate(y) if self.act else y


class EqualConv(nn.Module):
    """Convolution with equalised learning rate; ``down`` filters first and halves the resolution.

    ``share`` scales the result, in the filters.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        k: int,
        down: bool = False,
        act: bool = True,
        bias: bool = True,
        share: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, k, k))
        self.bias = nn.Parameter(torch.zeros(c_out)) if bias else None
        self.gain = share * (SQRT2 if act else 1.0)
        self.scale, self.k, self.down, self.act = 1 / math.sqrt(c_in * k * k), k, down, act
        if down:
            self.register_buffer("kernel", blur_kernel(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H, W), or (N, c_out, H / 2, W / 2)."""
        weight = (self.weight * (self.scale * self.gain)).to(x.dtype)
        if self.down and self.k == 1:  # a 1x1 convolution needs the filter's result at every other pixel only
            y = F.conv2d(depthwise(x, self.kernel, 1, stride=2), weight)
        elif self.down:
            y = F.conv2d(depthwise(x, self.kernel, (self.k + 1) // 2), weight, stride=2)
        else:
            y = F.conv2d(x, weight, padding=self.k // 2)
        if self.bias is not None:
            y = y + (self.bias * self.gain).to(y.dtype)[None, :, None, None]
        return activate(y) if self.act else y


class StyledConv(nn.Module):
    """Modulated 3x3 convolution with demodulation, in the form that scales activations instead of filters."""

    def __init__(self, c_in: int, c_out: int, w_dim: int, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, 3, 3))
        self.modulation = EqualLinear(w_dim, c_in, bias=1.0)
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.scale, self.up = 1 / math.sqrt(c_in * 9), up
        if up:
            self.register_buffer("kernel", blur_kernel(4.0), persistent=False)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Map (N, c_in, H, W) and (N, w_dim) to (N, c_out, H, W), or twice that size; without ``noise`` it is drawn."""
        style = self.modulation(w)  # (N, c_in)
        weight = self.weight * self.scale
        with torch.autocast(x.device.type, enabled=False):
            # Eq. 3 of the paper, the sum over filter positions taken first.
            demodulation = torch.rsqrt(style.square() @ weight.square().sum((2, 3)).t() + 1e-8) * SQRT2  # (N, c_out)
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            y = F.conv_transpose2d(x, weight.to(x.dtype).transpose(0, 1), stride=2)
            y = depthwise(y, self.kernel, 1)
        else:
            y = F.conv2d(x, weight.to(x.dtype), padding=1)
        if noise is None:
            noise = torch.randn(y.shape[0], 1, *y.shape[2:], device=y.device, dtype=y.dtype)
        noise = (self.noise_strength * SQRT2).to(y.dtype) * noise.to(y.dtype)
        bias = (self.bias * SQRT2).to(y.dtype)[None, :, None, None]
        return activate(torch.addcmul(bias, y, demodulation.to(y.dtype)[:, :, None, None]) + noise)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to three channels, added to the image so far; the sum is float32."""

    def __init__(self, c_in: int, w_dim: int, up: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, c_in))
        self.modulation = EqualLinear(w_dim, c_in, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(3))
        self.scale = 1 / math.sqrt(c_in)
        if up:
            self.register_buffer("kernel", blur_kernel(4.0), persistent=False)

    def forward(self, x: Tensor, w: Tensor, skip: Tensor | None = None) -> Tensor:
        """Map (N, c_in, H, W), (N, w_dim) and the image at half the size to (N, 3, H, W)."""
        weight = (self.weight * self.scale)[None] * self.modulation(w)[:, None]  # (N, 3, c_in)
        image = torch.einsum("noi,nihw->nohw", weight.to(x.dtype), x).float() + self.bias[None, :, None, None]
        if skip is None:
            return image
        with torch.autocast(x.device.type, enabled=False):
            filters = self.kernel.expand(3, 1, 4, 4)
            return image + F.conv_transpose2d(skip, filters, stride=2, padding=1, groups=3)


class Generator(nn.Module):
    """StyleGAN2 generator."""

    def __init__(
        self, size: int = 128, base: int = 8192, cap: int = 256, w_dim: int = STYLE_DIM, n_mlp: int = 8
    ) -> None:
        super().__init__()
        self.size, self.w_dim, log = size, w_dim, int(math.log2(size))
        channels = channels_for(size, base, cap)
        self.n_latent = 2 * log - 2
        self.mapping_layers = nn.ModuleList(EqualLinear(w_dim, w_dim, lr_mul=0.01, act=True) for _ in range(n_mlp))
        self.const = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.convs = nn.ModuleList([StyledConv(channels[4], channels[4], w_dim)])
        self.rgbs = nn.ModuleList([ToRGB(channels[4], w_dim, up=False)])
        for i in range(3, log + 1):
            below, own = channels[2 ** (i - 1)], channels[2**i]
            self.convs += [StyledConv(below, own, w_dim, up=True), StyledConv(own, own, w_dim)]
            self.rgbs.append(ToRGB(own, w_dim))
        self.register_buffer("w_avg", torch.zeros(w_dim))
        for i in range(2 * log - 3):
            side = 2 ** ((i + 5) // 2)
            self.register_buffer(f"noise_{i}", torch.randn(1, 1, side, side))

    def mapping(self, z: Tensor) -> Tensor:
        """Map z (N, w_dim) to w (N, w_dim)."""
        x = normalize(z)
        for layer in self.mapping_layers:
            x = layer(x)
        return x

    def forward(self, w: Tensor, fixed_noise: bool = False) -> Tensor:
        """Draw w (N, w_dim) or (N, n_latent, w_dim) as images (N, 3, size, size) float32, about [-1, 1]."""
        if w.ndim == 2:
            w = w[:, None].expand(-1, self.n_latent, -1)
        noise = [getattr(self, f"noise_{i}") if fixed_noise else None for i in range(len(self.convs))]
        x = self.convs[0](self.const.expand(w.shape[0], -1, -1, -1), w[:, 0], noise[0])
        image = self.rgbs[0](x, w[:, 1])
        for j in range(1, len(self.rgbs)):
            k = 2 * j - 1
            x = self.convs[k](x, w[:, k], noise[k])
            x = self.convs[k + 1](x, w[:, k + 1], noise[k + 1])
            image = self.rgbs[j](x, w[:, k + 2], image)
        return image


class ResBlock(nn.Module):
    """Two convolutions beside a 1x1 one, at the end of which the resolution is halved."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv1 = EqualConv(c_in, c_in, 3)
        self.conv2 = EqualConv(c_in, c_out, 3, down=True, share=1 / SQRT2)
        self.skip = EqualConv(c_in, c_out, 1, down=True, act=False, bias=False, share=1 / SQRT2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / 2, W / 2)."""
        return self.conv2(self.conv1(x)) + self.skip(x)


def _trunk(size: int, channels: dict[int, int]) -> nn.ModuleList:
    resolutions = [2**i for i in range(int(math.log2(size)), 2, -1)]
    return nn.ModuleList(ResBlock(channels[side], channels[side // 2]) for side in resolutions)


class Discriminator(nn.Module):
    """StyleGAN2's residual discriminator with the minibatch standard deviation of groups of four."""

    def __init__(self, size: int = 128, base: int = 8192, cap: int = 256) -> None:
        super().__init__()
        channels = channels_for(size, base, cap)
        self.from_rgb = EqualConv(3, channels[size], 1)
        self.blocks = _trunk(size, channels)
        self.final_conv = EqualConv(channels[4] + 1, channels[4], 3)
        self.final_linear = nn.ModuleList(
            [EqualLinear(channels[4] * 16, channels[4], act=True), EqualLinear(channels[4], 1)]
        )

    def forward(self, x: Tensor, features: bool = False) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Score images (N, 3, size, size), (N, 1); with ``features`` also return the maps after each block."""
        x = self.from_rgb(x)
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        n, c, h, w = x.shape
        group = math.gcd(n, 4)
        deviation = x.float().reshape(group, -1, 1, c, h, w)
        deviation = (deviation.var(0, unbiased=False) + 1e-8).sqrt().mean((2, 3, 4), keepdim=True).squeeze(2)
        x = torch.cat([x, deviation.repeat(group, 1, h, w).to(x.dtype)], 1)
        score = self.final_linear[1](self.final_linear[0](self.final_conv(x).flatten(1)))
        return (score, maps) if features else score


class Encoder(nn.Module):
    """Light pSp encoder (arXiv 2008.00951): coarse, middle and fine styles are read at 4x4, 8x8 and 16x16."""

    def __init__(
        self,
        size: int = 128,
        base: int = 8192,
        cap: int = 256,
        w_dim: int = STYLE_DIM,
        coarse: int = 3,
        middle: int = 4,
    ) -> None:
        super().__init__()
        channels = channels_for(size, base, cap)
        self.n_latent, self.w_dim = 2 * int(math.log2(size)) - 2, w_dim
        self.groups = (coarse, min(middle, self.n_latent - coarse), max(self.n_latent - coarse - middle, 0))
        self.from_rgb = EqualConv(3, channels[size], 3)
        self.blocks = _trunk(size, channels)
        self.heads = nn.ModuleList(
            nn.ModuleList([EqualLinear(channels[side] * 16, 512, act=True), EqualLinear(512, group * w_dim)])
            for group, side in zip(self.groups, (4, 8, 16), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, size, size) to offsets from w_avg, (N, n_latent, w_dim) float32."""
        x = self.from_rgb(x)
        maps = {}
        for block in self.blocks:
            x = block(x)
            maps[x.shape[-1]] = x
        codes = []
        for group, side, head in zip(self.groups, (4, 8, 16), self.heads, strict=True):
            if group:
                pooled = F.adaptive_avg_pool2d(maps[side], 4).flatten(1)
                codes.append(head[1](head[0](pooled)).reshape(-1, group, self.w_dim))
        return torch.cat(codes, 1)
