"""The commands on latent codes: ``ppgan-ext encode``, ``fit``, ``mix`` and ``generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import BatchWork, open_photos, report_made
from ppgan_ext.apps.shares.run import run_command
from ppgan_ext.errors import ConfigError

if TYPE_CHECKING:
    from ppgan_ext.apps.predictor import Progress


def run_encode(options: EncodeOptions) -> int:
    """Run ``ppgan-ext encode`` and return the exit code."""
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    return run_command(photos, open_encode, options, workers=options.workers)


def open_encode(options: EncodeOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext encode`` does with a photo."""
    from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor

    predictor = Pixel2Style2PixelPredictor.from_options(options, progress)
    return BatchWork(lambda job: predictor.encode(job, options), check=predictor.check_before_batch)


def run_fit(options: FitOptions) -> int:
    """Run ``ppgan-ext fit`` and return the exit code."""
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    return run_command(photos, open_fit, options, workers=options.workers)


def open_fit(options: FitOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext fit`` does with a photo."""
    from ppgan_ext.apps.codes.fit import StyleGANv2FittingPredictor

    predictor = StyleGANv2FittingPredictor.from_options(options, progress)
    return BatchWork(lambda job: predictor.fit(job, options), check=predictor.check_before_batch)


def run_mix(options: MixOptions) -> int:
    """Run ``ppgan-ext mix`` and return the exit code.

    Raises:
        ConfigError: a code is missing.
    """
    from ppgan_ext.apps.codes.mix import StyleGANv2MixingPredictor

    missing = [f"--{name}" for name in ("latent1", "latent2") if getattr(options, name) is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} is missing", cure="Give two codes (.npy) or photos")
    with Bars() as bars:
        predictor = StyleGANv2MixingPredictor.from_options(options, bars)
        return report_made(predictor.mix(options.latent1, options.latent2, options))


def run_generate(options: GenerateOptions) -> int:
    """Run ``ppgan-ext generate`` and return the exit code."""
    from ppgan_ext.apps.codes.generate import StyleGANv2Predictor

    with Bars() as bars:
        return report_made(StyleGANv2Predictor.from_options(options, bars).generate(options))
