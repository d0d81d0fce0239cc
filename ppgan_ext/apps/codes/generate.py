"""Sample faces and mix their styles: PaddleGAN's StyleGANv2Predictor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ppgan_ext.apps.options import GenerateOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.images import grid, to_image
from ppgan_ext.latents.mixing import LEVELS
from ppgan_ext.latents.truncation import truncate
from ppgan_ext.types import FloatArray, Image


class GenerateResult(NamedTuple):
    """Three sheets, (H, W, 3) RGB uint8, and the codes of the first, (n_row * n_col, n_latent, 512)."""

    sample: Image
    mixing_0: Image
    mixing_1: Image
    latent: FloatArray


class StyleGANv2Predictor(Predictor):
    """Draws sheets of random faces.

    Example:
        >>> StyleGANv2Predictor(seed=1).run(n_row=3, n_col=5)  # doctest: +SKIP
    """

    def run(
        self, n_row: int = 3, n_col: int = 5, *, truncation: float = 0.7, save_latents: bool = False
    ) -> GenerateResult:
        """Write ``sample.png``, ``sample_mixing_0.png`` and ``sample_mixing_1.png``.

        In the mixing sheets the first column shows the faces that give the coarse layers (pose and shape), the first
        row those that give the rest. In sheet 0 the column gives the coarse layers only, in sheet 1 the middle ones
        as well.
        (PaddleGAN crosses over at a random layer, anew for each tile.)

        Args:
            n_row: rows.
            n_col: columns.
            truncation: psi; 1 leaves the samples as they are, 0 gives the average face.
            save_latents: also write the samples' codes, ``sample_1.npy`` and so on, row by row.
        """
        options = self.check(
            GenerateOptions, n_row=n_row, n_col=n_col, truncation=truncation, save_latents=save_latents
        )
        return self.run_options(options)

    def run_options(self, options: GenerateOptions) -> GenerateResult:
        """Run with validated options."""
        results = self.results()
        self.files = results.files
        rng = self.random()
        n_row, n_col = options.n_row, options.n_col
        self._done, self._total = 0, n_row * n_col + 2 * (n_row + n_col + n_row * n_col)
        codes = self._sample(rng, n_row * n_col, options.truncation)
        sample = grid(self._draw(codes), n_col)
        results.image("sample.png", sample)
        if options.save_latents:
            for number, code in enumerate(codes, start=1):
                results.code(f"sample_{number}.npy", code)
        sheets = []
        for number, crossover in enumerate((LEVELS["coarse"].stop, LEVELS["middle"].stop)):
            rows = self._sample(rng, n_row, options.truncation)
            columns = self._sample(rng, n_col, options.truncation)
            sheets.append(self._mixing_sheet(rows, columns, crossover))
            results.image(f"sample_mixing_{number}.png", sheets[-1])
        return GenerateResult(sample, sheets[0], sheets[1], codes)

    def _sample(self, rng: np.random.Generator, count: int, psi: float) -> FloatArray:
        """Draw truncated codes, (count, n_latent, 512)."""
        synthesizer = self.engine.synthesizer
        z = rng.standard_normal((count, synthesizer.style_dim)).astype(np.float32)
        w = truncate(synthesizer.map(z), synthesizer.w_avg, psi)
        return np.repeat(w[:, None, :], synthesizer.n_latent, axis=1)

    def _draw(self, codes: FloatArray) -> list[Image]:
        images = []
        for code in codes:
            images.append(to_image(self.render(code[None])))
            self._done += 1
            self.progress("drawing faces", self._done, self._total)
        return images

    def _mixing_sheet(self, rows: FloatArray, columns: FloatArray, crossover: int) -> Image:
        """Tile the faces of ``columns`` (top), ``rows`` (left) and their mixtures; the corner stays white."""
        top = self._draw(columns)
        tiles = [np.full_like(top[0], 255), *top]
        for row in rows:
            mixed = columns.copy()
            mixed[:, :crossover] = row[:crossover]
            tiles += self._draw(row[None]) + self._draw(mixed)
        return grid(tiles, len(columns) + 1)
