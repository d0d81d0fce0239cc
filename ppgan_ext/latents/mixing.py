"""Style mixing: some layers from one code, some from another (StyleGAN, arXiv 1812.04948, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.types import FloatArray

LEVELS: dict[str, slice] = {
    "coarse": slice(0, 4),  # pose, shape of the head
    "middle": slice(4, 8),  # features of the face, hair
    "fine": slice(8, None),  # colour, light, texture
}


def mix(w1: FloatArray, w2: FloatArray, weights: float | Sequence[float]) -> FloatArray:
    """Mix two codes layer by layer: weights * w1 + (1 - weights) * w2, as in PaddleGAN.

    Args:
        w1: first code, (n_latent, D) or (N, n_latent, D).
        w2: second code, same shape.
        weights: share of `w1` in each layer, one number for all or one per layer; 1 uses only w1. Numbers outside 0 to
            1 extrapolate beyond either code.

    Returns:
        float32 with the shape of `w1`; layers with weight 1 or 0 are bit-equal to their code.

    Raises:
        InputError: the codes differ in shape.
        ConfigError: the numbers of weights and layers differ, or a weight is not finite.
    """
    first, second = np.asarray(w1, dtype=np.float32), np.asarray(w2, dtype=np.float32)
    if first.shape != second.shape or first.ndim < 2:
        cure = "Mix two latents of one model"
        raise InputError(f"cannot mix latents of shapes {first.shape} and {second.shape}", cure=cure)
    n_latent = first.shape[-2]
    share = np.asarray(weights, dtype=np.float32)
    if share.ndim > 1 or (share.ndim == 1 and len(share) != n_latent):
        cure = f"Give {n_latent} numbers, one per layer, or a single one"
        raise ConfigError(f"{share.size} mixing weights for latents of {n_latent} layers", where="weights", cure=cure)
    if not np.isfinite(share).all():
        raise ConfigError(
            "mixing weights must be finite", where="weights", cure="Give numbers, usually between 0 and 1"
        )
    share = np.broadcast_to(share, (n_latent,))[:, None]
    return first * share + second * (1 - share)


def level_layers(level: str, n_latent: int) -> list[int]:
    """Return the layers of a level that the model has: coarse 0-3, middle 4-7, fine from 8 on.

    Raises:
        ConfigError: an unknown level, or the model is too small to have it.
    """
    if level not in LEVELS:
        raise ConfigError(f"unknown level '{level}'", where="levels", cure=nearest(level, LEVELS))
    layers = list(range(n_latent))[LEVELS[level]]
    if not layers:
        raise ConfigError(
            f"a model of {n_latent} layers has no {level} ones", where="levels", cure="Leave the level out"
        )
    return layers


def level_weights(shares: Mapping[str, float], n_latent: int, *, rest: float = 0.0) -> list[float]:
    """Convert weights per level to weights per layer.

    Args:
        shares: share of the first code for some levels, such as {"coarse": 1.0}.
        n_latent: number of layers.
        rest: share in the layers of the other levels.

    Raises:
        ConfigError: as for `level_layers`.
    """
    weights = [float(rest)] * n_latent
    for level, share in shares.items():
        for layer in level_layers(level, n_latent):
            weights[layer] = float(share)
    return weights
