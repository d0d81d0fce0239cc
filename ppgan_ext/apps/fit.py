"""Find the latent code of a face by optimisation: PaddleGAN's StyleGANv2FittingPredictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ppgan_ext import images
from ppgan_ext.apps.base import Predictor
from ppgan_ext.apps.batch import BatchResult, Job, is_batch
from ppgan_ext.apps.options import FitOptions
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image


class FittingResult(NamedTuple):
    """The face that was fitted, what the fitted code draws, both (S, S, 3) RGB uint8, and the code, (n_latent, 512)."""

    src: Image
    dst: Image
    latent: FloatArray


class StyleGANv2FittingPredictor(Predictor):
    """Fits a code to a face."""

    def run(
        self,
        image: ImageSource | Sequence[ImageSource],
        need_align: bool = False,
        start_lr: float = 0.1,
        final_lr: float = 0.025,
        latent_level: Sequence[int] | None = None,
        step: int = 100,
        mse_weight: float = 1,
        pre_latent: str | None = None,
    ) -> FittingResult | BatchResult[FittingResult]:
        """."""
        raise NotImplementedError
