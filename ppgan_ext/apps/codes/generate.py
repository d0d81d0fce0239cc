"""Sample faces and mix their styles: PaddleGAN's StyleGANv2Predictor."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.options import GenerateOptions
from ppgan_ext.apps.films import FRAMES_BETWEEN_STOPS, FRAMES_PER_SECOND, LONGEST_SIDE, film_kinds, shrink_to
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.images import grid, to_image
from ppgan_ext.latents.mixing import LEVELS
from ppgan_ext.latents.truncation import truncate
from ppgan_ext.latents.walks import around
from ppgan_ext.types import FloatArray, Image

# A sheet of more faces than this has small tiles, so that thousands of them fit into memory.
_LARGE_TILES = 1024
_SMALL_TILE = 128


class _GenerateFields(NamedTuple):
    sample: Image
    mixing_0: Image | None
    mixing_1: Image | None
    latent: FloatArray


class GenerateResult(ShownResult, _GenerateFields):
    """Three sheets, (H, W, 3) RGB uint8, and the codes of the first, (N, n_latent, 512).

    With ``seeds`` there are no mixing sheets.
    """

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

    @options_as_arguments(
        GenerateOptions,
        positional=("n_row", "n_col"),
        keyword=("truncation", "seeds", "save_latents", "save_gif", "save_mp4"),
    )
    def run(self, options: GenerateOptions) -> GenerateResult:
        """Write ``sample.png``, ``sample_mixing_0.png`` and ``sample_mixing_1.png``.

        In the mixing sheets the first column shows the faces that provide the coarse layers (pose and shape), the first
        row those that provide the rest. In sheet 0 the column provides the coarse layers only, in sheet 1 the middle
        layers as well. (PaddleGAN crosses over at a random layer, chosen anew for each tile.)

        ``seeds`` draws exactly these faces, ``seed0007.png`` and so on, and the sheet of them; there are no mixing
        sheets then. A seed draws z as NVIDIA's `gen_images.py` does, so converted networks draw the same faces.

        ``save_latents`` writes the codes of the sample sheet, row by row; ``save_gif`` and ``save_mp4`` a film that
        passes through its faces and back to the first, in straight lines through W.

        Args:
            options: see `GenerateOptions`.

        Raises:
            ConfigError: an argument that cannot be used.
        """
        return self.run_once(lambda: self.generate(options))

    def generate(self, options: GenerateOptions) -> Made[GenerateResult]:
        """Draw the sheets, and the film if it is asked for."""
        results = self.open_results(options=options)
        rng = self.random()
        n_row, n_col, psi = options.n_row, options.n_col, options.truncation
        synthesizer = self.engine.synthesizer
        if options.seeds is None:
            z = rng.standard_normal((n_row * n_col, synthesizer.style_dim))
            stems = [f"sample_{number}" for number in range(1, len(z) + 1)]
        else:
            z = np.stack([np.random.RandomState(seed).randn(synthesizer.style_dim) for seed in options.seeds])
            stems = [f"seed{seed:04d}" for seed in options.seeds]
        films = film_kinds(options.save_gif, options.save_mp4)
        num_mixed = 0 if options.seeds is not None else 2 * (n_row + n_col + n_row * n_col)
        draw = self._make_drawing(len(z) * (1 + FRAMES_BETWEEN_STOPS * len(films)) + num_mixed)

        codes = self._codes(z, psi)
        tiles = []
        for stem, code in zip(stems, codes, strict=True):
            (image,) = draw(code[None])
            if options.seeds is not None:
                results.image(f"{stem}.png", image)
            if options.save_latents:
                results.code(f"{stem}.npy", code)
            tiles.append(image if len(codes) <= _LARGE_TILES else shrink_to(image, _SMALL_TILE))
        sample = grid(tiles, n_col)
        results.image("sample.png", sample)
        sheets: list[Image | None] = [None, None]
        if options.seeds is None:
            for number, crossover in enumerate((LEVELS["coarse"].stop, LEVELS["middle"].stop)):
                rows, columns = (
                    self._codes(rng.standard_normal((count, synthesizer.style_dim)), psi) for count in (n_row, n_col)
                )
                sheets[number] = sheet = _mixing_sheet(rows, columns, crossover, draw)
                results.image(f"sample_mixing_{number}.png", sheet)
        for kind in films:
            path = around(codes, FRAMES_BETWEEN_STOPS)
            frames = (shrink_to(draw(code[None])[0], LONGEST_SIDE[kind]) for code in path)
            results.animation(f"sample.{kind}", frames, FRAMES_PER_SECOND)
        return results.made(GenerateResult(sample, sheets[0], sheets[1], codes))

    def _codes(self, z: FloatArray, psi: float) -> FloatArray:
        """Map z, (N, 512), to truncated codes, (N, n_latent, 512).

        One by one, since matrix products of other sizes differ in the last bit: a seed draws the same face, whichever
        others are drawn.
        """
        synthesizer = self.engine.synthesizer
        w = np.concatenate([synthesizer.map(row[None]) for row in np.asarray(z, np.float32)])
        w = truncate(w, synthesizer.w_avg, psi)
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
