"""Predictors under PaddleGAN's names, and the command line.

Predictors are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.lazy_imports import lazy_attributes

if TYPE_CHECKING:
    from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor
    from ppgan_ext.apps.codes.fit import StyleGANv2FittingPredictor
    from ppgan_ext.apps.codes.generate import StyleGANv2Predictor
    from ppgan_ext.apps.codes.mix import StyleGANv2MixingPredictor
    from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor
    from ppgan_ext.apps.photo.age import AgeEditingPredictor
    from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
    from ppgan_ext.apps.translation.cartoon import Photo2CartoonPredictor
    from ppgan_ext.apps.translation.predictor import TranslationPredictor

__all__ = [
    "AgeEditingPredictor",
    "FaceFusionPredictor",
    "Photo2CartoonPredictor",
    "Pixel2Style2PixelPredictor",
    "StyleGANv2EditingPredictor",
    "StyleGANv2FittingPredictor",
    "StyleGANv2MixingPredictor",
    "StyleGANv2Predictor",
    "TranslationPredictor",
]

_MODULES = {
    "AgeEditingPredictor": "photo.age",
    "FaceFusionPredictor": "fusion.predictor",
    "Photo2CartoonPredictor": "translation.cartoon",
    "Pixel2Style2PixelPredictor": "codes.encode",
    "StyleGANv2EditingPredictor": "photo.edit",
    "StyleGANv2FittingPredictor": "codes.fit",
    "StyleGANv2MixingPredictor": "codes.mix",
    "StyleGANv2Predictor": "codes.generate",
    "TranslationPredictor": "translation.predictor",
}

_ABSENT = {
    "StyleGANv2ClipPredictor": "StyleCLIP is not carried over from PaddleGAN. Find directions with "
    "tools/find_directions.py and apply them with StyleGANv2EditingPredictor (ppgan-ext edit)",
}

__getattr__, __dir__ = lazy_attributes(__name__, _MODULES, __all__, _ABSENT)
