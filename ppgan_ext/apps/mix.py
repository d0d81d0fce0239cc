"""Mix the styles of two faces: PaddleGAN's StyleGANv2MixingPredictor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext import images
from ppgan_ext.apps.base import Predictor
from ppgan_ext.apps.options import MixOptions
from ppgan_ext.apps.portrait import choose_faces, invert, render_image
from ppgan_ext.types import FloatArray, Image


class MixingResult(NamedTuple):
    """Both faces and their mixture, (S, S, 3) RGB uint8."""

    src1: Image
    src2: Image
    dst: Image


class StyleGANv2MixingPredictor(Predictor):
    """Blends two codes layer by layer."""

    def run(
        self,
        latent1: Any,
        latent2: Any,
        weights: float | Sequence[float] | None = None,
        *,
        levels: Mapping[str, float] | None = None,
    ) -> MixingResult:
        """Write ``src1.mixing.png``, ``src2.mixing.png``, ``dst.mixing.png`` and the mixed code ``dst.mixing.npy``.

        Args:
            latent1: a code (file or array), or a photo (file, PIL image or uint8 array) whose largest face is encoded.
            latent2: the same.
            weights: share of the first code, one number for each layer or one for all; 0.5 by default.
            levels: instead of ``weights`` shares by level, e.g. {"coarse": 1, "middle": 0.5, "fine": 0}; levels not
                named get 0.5.

        Raises:
            ConfigError: weights of another number than the model has layers, or an unknown level.
            InputError: a code or photo that cannot be used.
        """
        return self.run_options(latent1, latent2, self.check(MixOptions, weights=weights, levels=levels))

    def run_options(self, latent1: Any, latent2: Any, options: MixOptions) -> MixingResult:
        """Mix with validated options."""
        from ppgan_ext.latents.mixing import level_weights, mix

        results = self.results()
        self.files = results.files
        if options.levels is not None:
            weights = level_weights(options.levels, self.n_latent, rest=0.5)
        else:
            weights = options.weights or [0.5]
        first, second = self._code(latent1), self._code(latent2)
        mixed = mix(first, second, weights[0] if len(weights) == 1 else weights)
        result = MixingResult(*(render_image(self.engine, code) for code in (first, second, mixed)))
        for name, image in zip(result._fields, result, strict=True):
            results.image(f"{name}.mixing.png", image)
        results.code("dst.mixing.npy", mixed)
        return result

    def _code(self, source: Any) -> FloatArray:
        from ppgan_ext.latents.codes import load_code

        if is_photo(source):
            photo = images.read_image(source)
            return invert(self.engine, photo, choose_faces(photo, "largest", source)[0]).w_plus
        return load_code(source, self.n_latent)


def is_photo(source: object) -> bool:
    """Tell a photo from a code: by the suffix of a file, by the type of what is in memory (uint8 is a photo)."""
    if isinstance(source, (str, os.PathLike)):
        return Path(source).suffix.lower() in images.SUFFIXES
    return isinstance(source, PIL.Image.Image) or (isinstance(source, np.ndarray) and source.dtype == np.uint8)
