"""Perceptual path length (StyleGAN, arXiv 1812.04948, section 4.1): how smoothly images change along paths of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from ppgan_ext import seeding
from ppgan_ext.metrics.base import Figures, OnProgress, Progress
from ppgan_ext.metrics.distances import DistanceMetric, DistanceOptions
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.losses.perceptual import Perceptual
    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

# Images are shrunk to at most this side for the distance, as in the published code.
_SIDE = 256
# Lengths outside these percentiles are left out, as in the published code.
_TRIM = (1.0, 99.0)


class PPLOptions(DistanceOptions):
    """Options of :class:`PPL`.

    Attributes:
        num: number of paths. It causes no bias, only a standard error; published figures use 50,000.
        space: "w": straight paths between mapped codes; "z": paths on the sphere between codes.
        sampling: "end": only the start of each path; "full": a random point of it. StyleGAN2's published figures use
            "w" with "end".
        epsilon: length of the step, as a share of the path.
        crop: compare only the middle of the face, as published for FFHQ, instead of whole images.
        seed: for drawing the paths.
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
        distance: used instead of the distance of the options.
    """

    Options = PPLOptions

    def check(self, outputs: ModelOutputs) -> None:
        """Refuse outputs without a generator; see :meth:`Metric.check`."""
        outputs.require("generator", "PPL")

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        self.check(outputs)
        distance = self.distance()
        lengths = trimmed(path_lengths(outputs.require("generator", "PPL"), distance, self.options, on_progress))
        crop = "_crop" if self.options.crop else ""
        name = f"{self.options.space}_{self.options.sampling}{crop}_{distance.name}"
        error = lengths.std(ddof=1) / np.sqrt(len(lengths))
        return Figures({f"ppl_{name}": float(lengths.mean()), f"ppl_error_{name}": float(error)})


def path_lengths(
    generator: StyleGANv2Generator, distance: Perceptual, options: PPLOptions, on_progress: OnProgress | None = None
) -> FloatArray:
    """Return d(g(p(t)), g(p(t + epsilon))) / epsilon^2 for random paths p, (num,) float64.

    Path i depends on (seed, i) alone. The noise is that of the weights, so that it does not affect the distance.

    Args:
        generator: a network with ``style_dim``, ``mapping`` and ``render``.
        distance: d.
        options: see :class:`PPLOptions`.
        on_progress: called with the number of paths done and the total.
    """
    import paddle

    progress = Progress(options.num, on_progress)
    parts = []
    for first in range(0, options.num, options.batch_size):
        count = min(options.batch_size, options.num - first)
        ends, times = _paths(first, count, generator.style_dim, options)
        with paddle.no_grad():
            w = _steps(generator, ends, times, options)
            pixels = _cropped(generator.render(w, noise="fixed"), options.crop)
            far = distance.distance(pixels[count:], distance.prepare(pixels[:count]))
        parts.append(far.numpy().astype(np.float64) / options.epsilon**2)
        progress.advance(count)
    return np.concatenate(parts)


def trimmed(lengths: FloatArray) -> FloatArray:
    """Return lengths (N,) without the shortest and the longest hundredth, as the published code does."""
    low = np.percentile(lengths, _TRIM[0], method="lower")
    high = np.percentile(lengths, _TRIM[1], method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def slerp(a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
    """Return the points at t in [0, 1] of the shortest paths from a to b on the unit sphere, (N, D).

    Args:
        a: (N, D), of any length except zero.
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
    """Draw the ends of paths, (2, count, dim), and the points t on them, (count, 1)."""
    generators = [np.random.default_rng([options.seed, first + i]) for i in range(count)]
    ends = np.stack([rng.standard_normal((2, dim)) for rng in generators], axis=1)
    times = np.array([[rng.random()] for rng in generators])
    return ends, times if options.sampling == "full" else np.zeros_like(times)


def _steps(generator: StyleGANv2Generator, ends: FloatArray, times: FloatArray, options: PPLOptions) -> paddle.Tensor:
    """Return w at t for all paths, then w at t + epsilon, (2 count, dim)."""
    import paddle

    moments = [times, times + options.epsilon]
    if options.space == "z":
        z = np.concatenate([slerp(ends[0], ends[1], t) for t in moments])
        return generator.mapping(paddle.to_tensor(z.astype(np.float32)))
    w = generator.mapping(paddle.to_tensor(np.concatenate(ends).astype(np.float32))).numpy().astype(np.float64)
    start, end = w[: len(times)], w[len(times) :]
    return paddle.to_tensor(np.concatenate([start + (end - start) * t for t in moments]).astype(np.float32))


def _cropped(pixels: paddle.Tensor, crop: bool) -> paddle.Tensor:
    """Crop to the middle of the face if ``crop``, and shrink images that are larger than the distance needs."""
    from ppgan_ext.nn.resize import fit_to

    if crop:
        eighth = pixels.shape[-1] // 8
        pixels = pixels[:, :, 3 * eighth : 7 * eighth, 2 * eighth : 6 * eighth]
    return fit_to(pixels, _SIDE) if pixels.shape[-1] > _SIDE else pixels
