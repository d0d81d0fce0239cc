"""The losses of encoder training: distances of reconstructions from photos, and of codes from the editable ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paddle

from ppgan_ext.losses import identity, perceptual
from ppgan_ext.nn.resize import fit_to

if TYPE_CHECKING:
    from ppgan_ext.networks import StyleGANv2Discriminator
    from ppgan_ext.nn import Form
    from ppgan_ext.training.families.psp.options import Pixel2Style2PixelOptions

# Added to squared norms, because the root has no finite slope at 0, where the offsets of codes start.
_EPSILON = 1e-12


class ReconstructionLoss:
    """Weighted sum of L2, perceptual and identity loss (pSp, arXiv 2008.00951, section 3.2, Eq. 4).

    Args:
        options: weights of the losses, and the networks that they use.
        form: form in which networks with a choice of forms are called.
        discriminator: for `lpips_network: discriminator`; its weights may keep changing.

    Raises:
        WeightsError: a network's file cannot be found, downloaded or read.
    """

    def __init__(
        self, options: Pixel2Style2PixelOptions, form: Form, discriminator: StyleGANv2Discriminator | None = None
    ) -> None:
        self._options = options
        self._perceptual = _perceptual(options, form, discriminator) if options.lpips_lambda else None
        self._identity = None
        if options.id_lambda:
            self._identity = identity.identity_network(options.id_network, options.id_weight, template=options.crop)

    def __call__(self, images: paddle.Tensor, real: paddle.Tensor) -> tuple[paddle.Tensor, dict[str, paddle.Tensor]]:
        """Compare reconstructions with photos.

        Args:
            images: (N, 3, S, S), [-1, 1].
            real: (N, 3, H, H), [-1, 1]; the comparison is at the smaller of both sizes.

        Returns:
            The weighted sum, (), and each loss, (), by its name in the log.
        """
        side = min(images.shape[3], real.shape[3])
        images, real = fit_to(images, side), fit_to(real, side)
        total, parts = paddle.zeros([]), {}
        if self._options.l2_lambda:
            difference = images - real
            parts["loss_l2"] = (difference * difference).mean()
            total = total + self._options.l2_lambda * parts["loss_l2"]
        if self._perceptual is not None:
            parts["loss_lpips"] = self._perceptual.distance(images, self._perceptual.prepare(real)).mean()
            total = total + self._options.lpips_lambda * parts["loss_lpips"]
        if self._identity is not None:
            parts["loss_id"] = self._identity.distance(images, self._identity.prepare(real)).mean()
            total = total + self._options.id_lambda * parts["loss_id"]
        return total, parts


def w_norm(codes: paddle.Tensor, mean: paddle.Tensor) -> paddle.Tensor:
    """Return the mean Frobenius norm of the codes' offsets, (): pSp's regularisation (arXiv 2008.00951, Eq. 3).

    Args:
        codes: (N, n_latent, style_dim).
        mean: (n_latent, style_dim).
    """
    offsets = codes - mean
    return ((offsets * offsets).sum(axis=[1, 2]) + _EPSILON).sqrt().mean()


def delta_norm(codes: paddle.Tensor, num_active: int) -> paddle.Tensor:
    """Return the sum, over rows, of the mean L2 norm of their offset from the first row, ().

    encoder4editing, arXiv 2102.02766, L_d-reg.

    Args:
        codes: (N, n_latent, style_dim).
        num_active: number of rows after the first that are included.
    """
    if num_active == 0:
        return paddle.zeros([])
    deltas = codes[:, 1 : 1 + num_active] - codes[:, :1]
    return ((deltas * deltas).sum(axis=2) + _EPSILON).sqrt().mean(axis=0).sum()


def _perceptual(
    options: Pixel2Style2PixelOptions, form: Form, discriminator: StyleGANv2Discriminator | None
) -> perceptual.FeatureDistance:
    if options.lpips_network == "lpips-vgg16":
        return perceptual.lpips_vgg(options.lpips_weight)
    if options.lpips_network == "faces-128-features":
        return perceptual.bundled_distance(form=form)
    if options.lpips_network == "discriminator":
        assert discriminator is not None, "`problems` rejects a missing block"
        return perceptual.discriminator_distance(discriminator, "discriminator-features", form)
    return perceptual.default_perceptual(form)
