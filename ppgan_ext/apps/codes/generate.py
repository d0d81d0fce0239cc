"""Sample faces and mix their styles: PaddleGAN's StyleGANv2Predictor."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.options import GenerateOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.images import grid, to_image
from ppgan_ext.latents.mixing import LEVELS
from ppgan_ext.latents.truncation import truncate
from ppgan_ext.types import FloatArray, Image


class _GenerateFields(NamedTuple):
    sample: Image
    mixing_0: Image
    mixing_1: Image
    latent: FloatArray


class GenerateResult(ShownResult, _GenerateFields):
    """Three sheets, (H, W, 3) RGB uint8, and the codes of the first, (n_row * n_col, n_latent, 512)."""

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The sheet of samples."""
        return self.sample


class StyleGANv2Predictor(Predictor):
    """Draws sheets of random faces.

    Example:
        >>> StyleGANv2Predictor(seed=1).run(n_row=3, n_col=5)  # doctest: +SKIP
    """

    @options_as_arguments(GenerateOptions, positional=("n_row", "n_col"), keyword=("truncation", "save_latents"))
    def run(self, options: GenerateOptions) -> GenerateResult:
        """Write ``sample.png``, ``sample_mixing_0.png`` and ``sample_mixing_1.png``.

        In the mixing sheets the first column shows the faces that provide the coarse layers (pose and shape), the first
        row those that provide the rest. In sheet 0 the column provides the coarse layers only, in sheet 1 the middle
        layers as well. (PaddleGAN crosses over at a random layer, chosen anew for each tile.)

        ``save_latents`` writes the codes of the sample sheet, row by row.

        Args:
            options: see `GenerateOptions`.

        Raises:
            ConfigError: an argument that cannot be used.
        """
        return self.run_once(lambda: self.generate(options))

    def generate(self, options: GenerateOptions) -> Made[GenerateResult]:
        """Draw the three sheets."""
        results = self.open_results(options=options)
        rng = self.random()
        n_row, n_col = options.n_row, options.n_col
        draw = self._make_drawing(n_row * n_col + 2 * (n_row + n_col + n_row * n_col))
        codes = self._sample(rng, n_row * n_col, options.truncation)
        sample = grid(draw(codes), n_col)
        results.image("sample.png", sample)
        if options.save_latents:
            for number, code in enumerate(codes, start=1):
                results.code(f"sample_{number}.npy", code)
        sheets = []
        for number, crossover in enumerate((LEVELS["coarse"].stop, LEVELS["middle"].stop)):
            rows = self._sample(rng, n_row, options.truncation)
            columns = self._sample(rng, n_col, options.truncation)
            sheets.append(_mixing_sheet(rows, columns, crossover, draw))
            results.image(f"sample_mixing_{number}.png", sheets[-1])
        return results.made(GenerateResult(sample, sheets[0], sheets[1], codes))

    def _sample(self, rng: np.random.Generator, count: int, psi: float) -> FloatArray:
        """Sample truncated codes, (count, n_latent, 512)."""
        synthesizer = self.engine.synthesizer
        z = rng.standard_normal((count, synthesizer.style_dim)).astype(np.float32)
        w = truncate(synthesizer.map(z), synthesizer.w_avg, psi)
        return np.repeat(w[:, None, :], synthesizer.n_latent, axis=1)

    def _make_drawing(self, total: int) -> Callable[[FloatArray], list[Image]]:
        """Return a function that draws codes, (N, n_latent, 512), and shows how many of ``total`` faces are drawn."""
        done = 0
        self.engine.synthesizer.expect(total)

        def draw(codes: FloatArray) -> list[Image]:
            nonlocal done
            drawn = []
            for code in codes:
                drawn.append(to_image(self.render(code[None])))
                done += 1
                self.progress("drawing faces", done, total)
            return drawn

        return draw


def _mixing_sheet(
    rows: FloatArray, columns: FloatArray, crossover: int, draw: Callable[[FloatArray], list[Image]]
) -> Image:
    """Tile the faces of ``columns`` (top), ``rows`` (left) and their mixtures; the corner stays white.

    Args:
        rows: (n_row, n_latent, 512).
        columns: (n_col, n_latent, 512).
        crossover: the layers before it come from the rows.
        draw: draws codes, (N, n_latent, 512).
    """
    top = draw(columns)
    tiles = [np.full_like(top[0], 255), *top]
    for row in rows:
        mixed = columns.copy()
        mixed[:, :crossover] = row[:crossover]
        tiles += draw(row[None]) + draw(mixed)
    return grid(tiles, len(columns) + 1)
