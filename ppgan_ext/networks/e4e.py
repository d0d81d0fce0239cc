"""encoder4editing: "Designing an Encoder for StyleGAN Image Manipulation", arXiv 2102.02766.

pSp's network, or the light one, with its names; only what the heads mean differs (section 3.2): the first gives one w,
the others give what is added to it for their layer, which keeps the rows of a code close to each other and so easier
to edit. `LatentDiscriminator` is the paper's means to keep codes near those that the mapping network makes.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.networks.light_encoder import LightEncoder
from ppgan_ext.networks.psp import PSPEncoder
from ppgan_ext.nn import EqualLinear, Form


class Encoder4Editing(PSPEncoder):
    """Map aligned photos to offsets of w_plus. Arguments as :class:`PSPEncoder`."""

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, input_nc, 256, 256) in [-1, 1] to offsets from ``latent_avg``, (N, n_latent, style_dim)."""
        return add_first_row(super().forward(pixels, form))


class LightEncoder4Editing(LightEncoder):
    """Map aligned photos to offsets of w_plus. Arguments as :class:`LightEncoder`."""

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, 3, size, size) in [-1, 1] to offsets from ``latent_avg``, (N, n_latent, style_dim)."""
        return add_first_row(super().forward(pixels, form))


class LatentDiscriminator(nn.Layer):
    """Score codes: positive for those it takes for codes that the generator's mapping network made.

    Args:
        style_dim: length of w.
        num_layers: fully connected layers, the last of which gives the score; at least 2. The paper's code has 4.
    """

    def __init__(self, style_dim: int = 512, num_layers: int = 4) -> None:
        super().__init__()
        self.style_dim = style_dim
        hidden = [EqualLinear(style_dim, style_dim, activation=True) for _ in range(num_layers - 1)]
        self.layers = nn.Sequential(*hidden, EqualLinear(style_dim, 1))

    def forward(self, w: paddle.Tensor) -> paddle.Tensor:
        """Map (N, style_dim) to scores (N, 1); differentiable twice.

        Raises:
            InputError: another shape.
        """
        if w.ndim != 2 or w.shape[1] != self.style_dim:
            raise InputError(f"expected (N, {self.style_dim}), got {tuple(w.shape)}", where="w")
        return self.layers(w)


def add_first_row(heads: paddle.Tensor) -> paddle.Tensor:
    """Turn one w and what is added to it for each further layer into rows, both (N, n_latent, style_dim)."""
    return paddle.concat([heads[:, :1], heads[:, 1:] + heads[:, :1]], axis=1)
