"""The commands ``ppgan-ext translate`` and ``ppgan-ext cartoon``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.reporting import BatchWork, open_photos
from ppgan_ext.apps.shares.run import run_command
from ppgan_ext.apps.translation.options import CartoonOptions, TranslateOptions

if TYPE_CHECKING:
    from ppgan_ext.apps.predictor import Progress


def run_translate(options: TranslateOptions) -> int:
    """Run ``ppgan-ext translate`` and return the exit code."""
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    return run_command(photos, open_translate, options, workers=options.workers, noun="pictures")


def open_translate(options: TranslateOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext translate`` does with a picture."""
    from ppgan_ext.apps.translation.predictor import TranslationPredictor

    predictor = TranslationPredictor.from_options(options, progress)
    return BatchWork(lambda job: predictor.translate(job, options), check=predictor.check_before_batch)


def run_cartoon(options: CartoonOptions) -> int:
    """Run ``ppgan-ext cartoon`` and return the exit code."""
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    return run_command(photos, open_cartoon, options, workers=options.workers)


def open_cartoon(options: CartoonOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext cartoon`` does with a photo."""
    from ppgan_ext.apps.translation.cartoon import Photo2CartoonPredictor

    predictor = Photo2CartoonPredictor.from_options(options, progress)
    return BatchWork(lambda job: predictor.draw(job, options), check=predictor.check_before_batch)
