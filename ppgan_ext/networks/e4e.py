"""encoder4editing: "Designing an Encoder for StyleGAN Image Manipulation", arXiv 2102.02766.

pSp's network with pSp's names; only what its heads mean differs (section 3.2): the first gives one w, the others give
what is added to it for their layer, which keeps the rows of a code close to each other and so easier to edit.
"""

from __future__ import annotations

import paddle

from ppgan_ext.networks.psp import PSPEncoder


class Encoder4Editing(PSPEncoder):
    """Map aligned photos to offsets of w_plus. Arguments as :class:`PSPEncoder`."""

    def forward(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Map (N, input_nc, 256, 256) in [-1, 1] to offsets from ``latent_avg``, (N, n_latent, style_dim)."""
        heads = super().forward(pixels)
        return paddle.concat([heads[:, :1], heads[:, 1:] + heads[:, :1]], axis=1)
