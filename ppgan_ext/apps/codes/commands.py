"""The commands on latent codes: ``ppgan-ext encode``, ``fit``, ``mix`` and ``generate``."""

from __future__ import annotations

from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import open_photos, report_made, run_and_report
from ppgan_ext.errors import ConfigError


def run_encode(options: EncodeOptions) -> int:
    """Run ``ppgan-ext encode`` and return the exit code."""
    from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor

    photos = open_photos(options.input_image, options.recursive, options.output_path)
    with Bars(quiet=photos.is_batch) as bars:
        predictor = Pixel2Style2PixelPredictor.from_options(options, bars)
        return run_and_report(
            photos, lambda job: predictor.encode(job, options), before_batch=predictor.check_before_batch
        )


def run_fit(options: FitOptions) -> int:
    """Run ``ppgan-ext fit`` and return the exit code."""
    from ppgan_ext.apps.codes.fit import StyleGANv2FittingPredictor

    photos = open_photos(options.input_image, options.recursive, options.output_path)
    with Bars(quiet=photos.is_batch) as bars:
        predictor = StyleGANv2FittingPredictor.from_options(options, bars)
        return run_and_report(
            photos, lambda job: predictor.fit(job, options), before_batch=predictor.check_before_batch
        )


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
