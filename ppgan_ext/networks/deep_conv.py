"""The generators of PaddleGAN's WGAN and conditional GAN: DCGAN's (arXiv 1511.06434) with resized features.

The conditional one joins the class to z (arXiv 1411.1784, section 3.2).
"""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.doubling import Doubling
from ppgan_ext.nn.forms import Form
from ppgan_ext.nn.initial_weights import init_normal

_SLOPE = 0.2


class DeepConvGenerator(nn.Layer):
    """Make images from random numbers: a fully connected layer, then doubling and convolution, twice.

    Batch normalisation has Paddle's momentum 0.9. PaddleGAN passes 0.2 as the momentum, where the code that it follows
    means an epsilon; its running statistics are nearly those of the last batch.

    Args:
        latent_dim: length of z.
        output_nc: channels of the images.
        size: side of the images; a multiple of 4.
        ngf: channels before the last layer.
    """

    def __init__(self, latent_dim: int, output_nc: int, size: int = 64, ngf: int = 64) -> None:
        super().__init__()
        self.latent_dim, self.size, self.ngf = latent_dim, size, ngf
        self.init_size = size // 4
        self.l1 = nn.Sequential(nn.Linear(latent_dim, 2 * ngf * self.init_size**2))
        self.conv_blocks = Chain(
            nn.BatchNorm2D(2 * ngf),
            Doubling(),
            Convolution(2 * ngf, 2 * ngf, 3, 1, 1),
            nn.BatchNorm2D(2 * ngf),
            nn.LeakyReLU(_SLOPE),
            Doubling(),
            Convolution(2 * ngf, ngf, 3, 1, 1),
            nn.BatchNorm2D(ngf),
            nn.LeakyReLU(_SLOPE),
            Convolution(ngf, output_nc, 3, 1, 1),
            nn.Tanh(),
        )
        init_normal(self)

    def forward(self, z: paddle.Tensor, form: Form = "fast") -> paddle.Tensor:
        """Map z, (N, latent_dim), to images (N, output_nc, size, size) in [-1, 1]."""
        features = self.l1(z).reshape([z.shape[0], 2 * self.ngf, self.init_size, self.init_size])
        return self.conv_blocks(features, form)


class ConditionalDeepConvGenerator(DeepConvGenerator):
    """Make images of a given class.

    Args:
        latent_dim: length of z.
        output_nc: channels of the images.
        n_class: number of classes.
        size: side of the images; a multiple of 4.
        ngf: channels before the last layer.
    """

    def __init__(self, latent_dim: int, output_nc: int, n_class: int = 10, size: int = 64, ngf: int = 64) -> None:
        super().__init__(latent_dim + n_class, output_nc, size, ngf)
        self.latent_dim, self.n_class = latent_dim, n_class

    def forward(  # type: ignore[override]
        self, z: paddle.Tensor, class_id: paddle.Tensor, form: Form = "fast"
    ) -> paddle.Tensor:
        """Map z, (N, latent_dim), and classes, (N,) integers, to images (N, output_nc, size, size) in [-1, 1].

        Raises:
            InputError: a class is not in [0, n_class).
        """
        return super().forward(paddle.concat([z, one_hot(class_id, self.n_class)], axis=1), form)


def one_hot(class_id: paddle.Tensor, n_class: int) -> paddle.Tensor:
    """Encode classes, integers of shape (N,) or (N, 1), as (N, n_class) float32.

    Raises:
        InputError: a class is not in [0, n_class).
    """
    class_id = class_id.reshape([-1]).detach().astype("int64")
    if paddle.in_dynamic_mode() and not 0 <= int(class_id.min()) <= int(class_id.max()) < n_class:
        what = f"expected classes from 0 to {n_class - 1}, got {int(class_id.min())} to {int(class_id.max())}"
        raise InputError(what, where="class_id", cure="Set n_class to the number of classes of the data")
    return F.one_hot(class_id, n_class).astype("float32")
