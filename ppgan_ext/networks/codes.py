"""Arithmetic on w and w_plus tensors: broadcasting, truncation, mixing of two codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import paddle

from ppgan_ext.errors import ConfigError, InputError


def broadcast_code(code: paddle.Tensor, n_latent: int, style_dim: int) -> paddle.Tensor:
    """Give a w (N, style_dim) to every layer; a w_plus (N, n_latent, style_dim) passes unchanged.

    Raises:
        InputError: another shape.
    """
    if code.ndim == 2 and code.shape[1] == style_dim:
        return code.unsqueeze(1).expand([-1, n_latent, -1])
    if code.ndim != 3 or tuple(code.shape[1:]) != (n_latent, style_dim):
        expected = f"(N, {style_dim}) or (N, {n_latent}, {style_dim})"
        cure = f"This generator has {n_latent} layers; codes of another size of generator do not fit"
        raise InputError(f"expected {expected}, got {tuple(code.shape)}", where="latent code", cure=cure)
    return code


def truncate_code(
    code: paddle.Tensor, centre: paddle.Tensor, psi: float, cutoff: int | None, n_latent: int
) -> paddle.Tensor:
    """Move codes towards a centre: centre + psi (code - centre) (StyleGAN, arXiv 1812.04948, appendix B).

    Args:
        code: w (N, D) or w_plus (N, n_latent, D); not changed.
        centre: (D,), (1 or N, D), or (1 or N, n_latent, D).
        psi: at least 0.
        cutoff: number of layers, from the coarse end, that move; None moves all.
        n_latent: number of layers.

    Returns:
        A w where code and centre are w and all layers move; otherwise a w_plus.

    Raises:
        ConfigError: psi is negative or not finite, or the cutoff negative.
        InputError: the centre does not fit the code.
    """
    if not (math.isfinite(psi) and psi >= 0):
        raise ConfigError(f"must be at least 0, got {psi}", where="truncation")
    if cutoff is not None and cutoff < 0:
        raise ConfigError(f"must be at least 0, got {cutoff}", where="truncation_cutoff")
    style_dim = code.shape[-1]
    if centre.ndim == 1:
        centre = centre.unsqueeze(0)
    if centre.shape[0] not in (1, code.shape[0]):
        raise InputError(f"{centre.shape[0]} centres do not fit {code.shape[0]} codes", where="truncation_latent")
    if cutoff is None and code.ndim == 2 and tuple(centre.shape[1:]) == (style_dim,):
        return centre + (code - centre) * psi
    code = broadcast_code(code, n_latent, style_dim)
    centre = broadcast_code(centre, n_latent, style_dim)
    moved = centre + (code - centre) * psi
    if cutoff is None or cutoff >= n_latent:
        return moved
    return paddle.concat([moved[:, :cutoff], code[:, cutoff:]], axis=1) if cutoff else code


def blend_styles(
    codes: Sequence[paddle.Tensor], inject_index: int | None, n_latent: int, style_dim: int
) -> paddle.Tensor:
    """Return the w_plus of one code, or of two that are mixed by layer (StyleGAN, arXiv 1812.04948, section 3.1).

    Args:
        codes: one or two batches, each w or w_plus.
        inject_index: layers before it come from the first code, 0 to ``n_latent``; None draws 1 to ``n_latent - 1``
            from Paddle's global generator.
        n_latent: number of layers.
        style_dim: length of w.

    Raises:
        InputError: no code, or more than two.
        ConfigError: ``inject_index`` out of range.
    """
    if len(codes) not in (1, 2):
        raise InputError(f"expected one or two batches of codes, got {len(codes)}", where="styles")
    wide = [broadcast_code(code, n_latent, style_dim) for code in codes]
    if len(wide) == 1:
        return wide[0]
    if inject_index is None:
        inject_index = int(paddle.randint(1, n_latent, [1]).item())
    if not 0 <= inject_index <= n_latent:
        raise ConfigError(f"must lie between 0 and {n_latent}, got {inject_index}", where="inject_index")
    return paddle.concat([wide[0][:, :inject_index], wide[1][:, inject_index:]], axis=1)
