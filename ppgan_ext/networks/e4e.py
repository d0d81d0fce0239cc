"""encoder4editing: "Designing an Encoder for StyleGAN Image Manipulation", arXiv 2102.02766.

The networks are pSp's and the light encoder, with the same names; only the meaning of the heads differs (section 3.2):
the first one predicts a w, the others predict an offset that is added to it for their layer. The rows of a code
therefore stay close to each other, which makes it easier to edit. `LatentDiscriminator` is the paper's network that
keeps codes close to those of the mapping network.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.networks.light_encoder import LightEncoder
from ppgan_ext.networks.psp import PSPEncoder
from ppgan_ext.nn import EqualLinear, Form


class Encoder4Editing(PSPEncoder):
    """Map aligned photos to offsets of w_plus; arguments as for :class:`PSPEncoder`."""

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, input_nc, 256, 256) in [-1, 1] to offsets from ``latent_avg``, (N, n_latent, style_dim)."""
        return add_first_row(super().forward(pixels, form))


class LightEncoder4Editing(LightEncoder):
    """Map aligned photos to offsets of w_plus; arguments as for :class:`LightEncoder`."""

    def forward(self, pixels: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map (N, 3, size, size) in [-1, 1] to offsets from ``latent_avg``, (N, n_latent, style_dim)."""
        return add_first_row(super().forward(pixels, form))


class LatentDiscriminator(nn.Layer):
    """Score codes: positive for codes that it attributes to the generator's mapping network.

    Args:
        style_dim: length of w.
        num_layers: number of fully connected layers, the last of which computes the score; at least 2, and 4 in the
            paper's code.
    """

    def __init__(self, style_dim: int = 512, num_layers: int = 4) -> None:
        super().__init__()
        self.style_dim = style_dim
        hidden = [EqualLinear(style_dim, style_dim, activation=True) for _ in range(num_layers - 1)]
        self.layers = nn.Sequential(*hidden, EqualLinear(style_dim, 1))

    def forward(self, w: paddle.Tensor) -> paddle.Tensor:
        """Map w (N, style_dim) to scores (N, 1); differentiable twice.

        Raises:
            InputError: the shape is wrong.
        """
        if w.ndim != 2 or w.shape[1] != self.style_dim:
            raise InputError(f"expected (N, {self.style_dim}), got {tuple(w.shape)}", where="w")
        return self.layers(w)


def add_first_row(heads: paddle.Tensor) -> paddle.Tensor:
    """Add the first row of (N, n_latent, style_dim), a w, to all other rows, which are offsets from it."""
    return paddle.concat([heads[:, :1], heads[:, 1:] + heads[:, :1]], axis=1)
