"""Mix the styles of two faces: PaddleGAN's StyleGANv2MixingPredictor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext import images
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.options import MixOptions
from ppgan_ext.apps.photo.portrait import Portrait, choose_faces, invert, render_image
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.errors import ConfigError
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from ppgan_ext.latents.tuning import Tuning


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
        fit_steps: int = 0,
        tune: int = 0,
        save_tuned: bool = False,
    ) -> MixingResult:
        """Write ``src1.mixing.png``, ``src2.mixing.png``, ``dst.mixing.png`` and the mixed code ``dst.mixing.npy``.

        Args:
            latent1: a code (file or array), or a photo (file, PIL image or uint8 array) whose largest face is encoded.
            latent2: the same.
            weights: share of the first code, one number for each layer or one for all; 0.5 by default.
            levels: instead of ``weights`` shares by level, e.g. {"coarse": 1, "middle": 0.5, "fine": 0}; levels not
                named get 0.5.
            fit_steps: refine the codes of photos by this many optimiser steps.
            tune: tune one copy of the model to the photos, both at once, by this many steps (pivotal tuning), e.g. 60.
            save_tuned: also write ``dst.mixing.tuned.safetensors``, for ``weight_path``.

        Raises:
            ConfigError: weights of another number than the model has layers, an unknown level, or no photo to tune to.
            InputError: a code or photo that cannot be used.
        """
        options = self.check(
            MixOptions, weights=weights, levels=levels, fit_steps=fit_steps, tune=tune, save_tuned=save_tuned
        )
        return self.run_options(latent1, latent2, options)

    def run_options(self, latent1: Any, latent2: Any, options: MixOptions) -> MixingResult:
        """Mix with validated options."""
        from ppgan_ext.latents.codes import load_code
        from ppgan_ext.latents.mixing import level_weights, mix

        results = self.results()
        self.files, self.interrupted = results.files, False
        if options.levels is not None:
            weights = level_weights(options.levels, self.n_latent, rest=0.5)
        else:
            weights = options.weights or [0.5]
        sources = [latent1, latent2]
        if options.tune and not any(map(is_photo, sources)):
            raise ConfigError("there is no photo to tune to", where="tune", cure="Give photos instead of codes")
        portraits = {i: self._portrait(sources[i], options, i + 1) for i in (0, 1) if is_photo(sources[i])}
        first, second = (
            portraits[i].w_plus if i in portraits else load_code(sources[i], self.n_latent) for i in (0, 1)
        )
        mixed = mix(first, second, weights[0] if len(weights) == 1 else weights)
        tuning = self._tune(list(portraits.values()), options)
        result = MixingResult(*(render_image(tuning or self.engine, code) for code in (first, second, mixed)))
        for name, image in zip(result._fields, result, strict=True):
            results.image(f"{name}.mixing.png", image)
        results.code("dst.mixing.npy", mixed)
        if options.save_tuned:
            inversion.save(results, "dst.mixing", self.engine, tuning, list(portraits.values()))
        return result

    def _portrait(self, source: Any, options: MixOptions, number: int) -> Portrait:
        """Find the code of the largest face of a photo."""
        photo = images.read_image(source)
        face = choose_faces(photo, "largest", source)[0]
        return invert(self.engine, photo, face, inversion.refiner(self, options, number))

    def _tune(self, portraits: Sequence[Portrait], options: MixOptions) -> Tuning | None:
        """Tune one copy of the model to all the photos, None if that is not asked for."""
        tune = inversion.tuner(self, options, "tuning to both faces" if len(portraits) > 1 else "tuning to the face")
        if tune is None:
            return None
        pixels = np.concatenate([images.to_pixels(portrait.crop.image) for portrait in portraits])
        return tune(pixels, np.stack([portrait.w_plus for portrait in portraits]))


def is_photo(source: object) -> bool:
    """Tell a photo from a code: by the suffix of a file, by the type of what is in memory (uint8 is a photo)."""
    if isinstance(source, (str, os.PathLike)):
        return Path(source).suffix.lower() in images.SUFFIXES
    return isinstance(source, PIL.Image.Image) or (isinstance(source, np.ndarray) and source.dtype == np.uint8)
