"""Perceptual path length (StyleGAN, arXiv 1812.04948, section 4.1): how evenly images change along a path of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from ppgan_ext import seeding
from ppgan_ext.metrics.base import Figures, OnProgress, Progress
from ppgan_ext.metrics.distances import DistanceMetric, DistanceOptions
from ppgan_ext.metrics.subject import Subject
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.losses import Perceptual
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

# The distance sees images of at most this side, as in the published code.
_SIDE = 256
# Percentiles outside of which lengths are left out, as in the published code.
_TRIM = (1.0, 99.0)


class PPLOptions(DistanceOptions):
    """Options of :class:`PPL`.

    Attributes:
        num: paths. The figure has no bias in their number, only a standard error; published ones take 50,000.
        space: "w": straight paths between mapped codes; "z": paths on the sphere between codes.
        sampling: "end": only the start of each path; "full": a random point of it. Published for StyleGAN2 is "w" with
            "end".
        epsilon: length of the step, as a share of the path.
        crop: compare the middle of the face alone, as published for FFHQ; the path of a whole image otherwise.
        seed: of the paths.
    """

    num: int = Field(10_000, ge=2)
    space: Literal["w", "z"] = "w"
    sampling: Literal["end", "full"] = "end"
    epsilon: float = Field(1e-4, gt=0, le=0.1)
    crop: bool = False
    seed: int = Field(0, ge=0, le=seeding.MAX_SEED)


class PPL(DistanceMetric):
    """Mean perceptual path length "ppl_<space>_<sampling>_<network>", and its standard error "ppl_error_...".

    With ``crop`` the names are "ppl_<space>_<sampling>_crop_<network>".

    Args:
        options: see :class:`Metric`.
        distance: takes the place of what the options name.
    """

    Options = PPLOptions

    def compute(self, subject: Subject, on_progress: OnProgress | None = None) -> Figures:
        """Measure; see :meth:`Metric.compute`."""
        generator = subject.need("generator", "PPL")
        distance = self.distance()
        lengths = trimmed(path_lengths(generator, distance, self.options, on_progress))
        crop = "_crop" if self.options.crop else ""
        name = f"{self.options.space}_{self.options.sampling}{crop}_{distance.name}"
        error = lengths.std(ddof=1) / np.sqrt(len(lengths))
        return Figures({f"ppl_{name}": float(lengths.mean()), f"ppl_error_{name}": float(error)})


def path_lengths(
    generator: StyleGANv2Generator, distance: Perceptual, options: PPLOptions, on_progress: OnProgress | None = None
) -> FloatArray:
    """Return d(g(p(t)), g(p(t + epsilon))) / epsilon^2 for random paths p, (num,) float64.

    Path i depends on (seed, i) alone. Noise is that of the weights, so that it does not count.

    Args:
        generator: a network with ``style_dim``, ``mapping`` and ``render``.
        distance: d.
        options: see :class:`PPLOptions`.
        on_progress: called with the number of paths done and in all.
    """
    import paddle

    progress = Progress(options.num, on_progress)
    parts = []
    for first in range(0, options.num, options.batch_size):
        count = min(options.batch_size, options.num - first)
        ends, times = _paths(first, count, generator.style_dim, options)
        with paddle.no_grad():
            w = _steps(generator, ends, times, options)
            pixels = _seen(generator.render(w, noise="fixed"), options.crop)
            far = distance.distance(pixels[count:], distance.prepare(pixels[:count]))
        parts.append(far.numpy().astype(np.float64) / options.epsilon**2)
        progress.advance(count)
    return np.concatenate(parts)


def trimmed(lengths: FloatArray) -> FloatArray:
    """Leave out the shortest and the longest hundredth, as the published code does."""
    low = np.percentile(lengths, _TRIM[0], method="lower")
    high = np.percentile(lengths, _TRIM[1], method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def slerp(a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
    """Return the points at t in [0, 1] of the shortest paths from a to b on the unit sphere, (N, D).

    Args:
        a: (N, D), of any length but zero.
        b: (N, D), not opposite to a.
        t: (N, 1).
    """
    a, b = _unit(a), _unit(b)
    cosine = np.clip((a * b).sum(axis=1, keepdims=True), -1.0, 1.0)
    angle = t * np.arccos(cosine)
    return _unit(a * np.cos(angle) + _unit(b - cosine * a) * np.sin(angle))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, np.finfo(np.float64).tiny)


def _paths(first: int, count: int, dim: int, options: PPLOptions) -> tuple[FloatArray, FloatArray]:
    """Draw the ends of paths, (2, count, dim), and where on them to look, (count, 1)."""
    generators = [np.random.default_rng([options.seed, first + i]) for i in range(count)]
    ends = np.stack([rng.standard_normal((2, dim)) for rng in generators], axis=1)
    times = np.array([[rng.random()] for rng in generators])
    return ends, times if options.sampling == "full" else np.zeros_like(times)


def _steps(generator: StyleGANv2Generator, ends: FloatArray, times: FloatArray, options: PPLOptions) -> paddle.Tensor:
    """Return the w at t of all paths, then those at t + epsilon, (2 count, dim)."""
    import paddle

    moments = [times, times + options.epsilon]
    if options.space == "z":
        z = np.concatenate([slerp(ends[0], ends[1], t) for t in moments])
        return generator.mapping(paddle.to_tensor(z.astype(np.float32)))
    w = generator.mapping(paddle.to_tensor(np.concatenate(ends).astype(np.float32))).numpy().astype(np.float64)
    start, end = w[: len(times)], w[len(times) :]
    return paddle.to_tensor(np.concatenate([start + (end - start) * t for t in moments]).astype(np.float32))


def _seen(pixels: paddle.Tensor, crop: bool) -> paddle.Tensor:
    """Cut out the middle of the face if asked to, and shrink what is larger than the distance needs."""
    from ppgan_ext.nn.resize import fit_to

    if crop:
        eighth = pixels.shape[-1] // 8
        pixels = pixels[:, :, 3 * eighth : 7 * eighth, 2 * eighth : 6 * eighth]
    return fit_to(pixels, _SIDE) if pixels.shape[-1] > _SIDE else pixels
