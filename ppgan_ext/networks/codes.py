"""Operations on w and w_plus tensors: broadcasting, truncation, mixing of two codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import paddle

from ppgan_ext.errors import ConfigError, InputError


def broadcast_code(code: paddle.Tensor, n_latent: int, style_dim: int) -> paddle.Tensor:
    """Expand a w (N, style_dim) to all layers, (N, n_latent, style_dim); return a w_plus of that shape unchanged.

    Raises:
        InputError: the code has another shape.
    """
    if code.ndim == 2 and code.shape[1] == style_dim:
        return code.unsqueeze(1).expand([-1, n_latent, -1])
    if code.ndim != 3 or tuple(code.shape[1:]) != (n_latent, style_dim):
        expected = f"(N, {style_dim}) or (N, {n_latent}, {style_dim})"
        cure = f"This generator has {n_latent} layers; use codes of a generator of the same size"
        raise InputError(f"expected {expected}, got {tuple(code.shape)}", where="latent code", cure=cure)
    return code


def truncate_code(
    code: paddle.Tensor, centre: paddle.Tensor, psi: float, cutoff: int | None, n_latent: int
) -> paddle.Tensor:
    """Move codes towards a centre: centre + psi (code - centre) (StyleGAN, arXiv 1812.04948, appendix B).

    Args:
        code: w (N, D) or w_plus (N, n_latent, D); not modified.
        centre: (D,), (1 or N, D), or (1 or N, n_latent, D).
        psi: at least 0; 1 changes nothing, 0 returns the centre.
        cutoff: number of layers to truncate, from the coarse end; None: all.
        n_latent: number of layers.

    Returns:
        A w (N, D) if code and centre are w and all layers are truncated; otherwise a w_plus (N, n_latent, D).

    Raises:
        ConfigError: psi is negative or not finite, or the cutoff is negative.
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
        what = f"{centre.shape[0]} centres do not fit {code.shape[0]} codes"
        raise InputError(what, where="truncation_latent", cure="Use one centre, or one for each code")
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
    """Return the w_plus of one code, or of two codes mixed by layer (StyleGAN, arXiv 1812.04948, section 3.1).

    Args:
        codes: one or two batches, each a w (N, style_dim) or a w_plus (N, n_latent, style_dim).
        inject_index: number of layers that come from the first code, 0 to ``n_latent``; None: a random number from 1 to
            ``n_latent - 1``, from Paddle's global generator.
        n_latent: number of layers.
        style_dim: length of w.

    Returns:
        (N, n_latent, style_dim).

    Raises:
        InputError: there is no code, or more than two.
        ConfigError: ``inject_index`` is out of range.
    """
    if len(codes) not in (1, 2):
        raise InputError(f"expected one or two batches of codes, got {len(codes)}", where="styles")
    w_plus = [broadcast_code(code, n_latent, style_dim) for code in codes]
    if len(w_plus) == 1:
        return w_plus[0]
    if inject_index is None:
        inject_index = int(paddle.randint(1, n_latent, [1]).item())
    if not 0 <= inject_index <= n_latent:
        raise ConfigError(f"must lie between 0 and {n_latent}, got {inject_index}", where="inject_index")
    return paddle.concat([w_plus[0][:, :inject_index], w_plus[1][:, inject_index:]], axis=1)
