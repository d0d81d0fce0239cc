"""Truncation: move codes towards the mean, trading variety for quality (StyleGAN, arXiv 1812.04948, section B)."""

from __future__ import annotations

import numpy as np

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.types import FloatArray


def truncate(
    codes: FloatArray,
    w_avg: FloatArray,
    psi: float,
    cutoff: int | None = None,
    *,
    n_latent: int | None = None,
) -> FloatArray:
    """Return w_avg + psi * (codes - w_avg), for all layers or the first `cutoff`.

    Args:
        codes: W codes (D,) or (N, D), or W+ codes (n_latent, D) or (N, n_latent, D); not changed in place.
        w_avg: mean code, (D,), or (n_latent, D) for W+ codes.
        psi: 1 changes nothing, 0 returns the mean, negative values return the mirrored code.
        cutoff: number of layers, from the coarsest, that are truncated; None for all. The layers are the axis before
            the last, so W codes also need `n_latent`.
        n_latent: for W codes: repeat them for that many layers first.

    Returns:
        float32 with the shape of `codes`, and a layer axis before the last with `n_latent`.

    Raises:
        ConfigError: psi is not finite, or cutoff is negative or the codes have no layers.
        InputError: the shapes do not match.
    """
    if not np.isfinite(psi):
        raise ConfigError(f"truncation psi is {psi}", cure="Give a number, usually between 0 and 1")
    source = np.asarray(codes, dtype=np.float32)
    mean = np.asarray(w_avg, dtype=np.float32)
    if n_latent is not None:
        source = np.repeat(source[..., None, :], n_latent, axis=-2)  # (..., n_latent, D)
    if mean.shape[-1] != source.shape[-1] or mean.ndim > 2 or (mean.ndim == 2 and mean.shape != source.shape[-2:]):
        what = f"codes {source.shape} and their mean {mean.shape} do not match"
        raise InputError(what, cure="Use codes and mean of the same model")
    gains = np.asarray(psi, dtype=np.float32)
    if cutoff is not None:
        gains = _layer_gains(psi, cutoff, source.shape)
    return np.where(gains == 1, source, mean + gains * (source - mean)).astype(np.float32)


def _layer_gains(psi: float, cutoff: int, shape: tuple[int, ...]) -> FloatArray:
    if cutoff < 0 or len(shape) < 2:
        raise ConfigError(
            f"truncation cutoff {cutoff} for codes of shape {shape}",
            cure="Give a number of layers from 0 on, and n_latent for W codes",
        )
    return np.where(np.arange(shape[-2]) < cutoff, np.float32(psi), np.float32(1))[:, None]  # (n_latent, 1)
