"""Predictors under PaddleGAN's names, and the command line.

Names are loaded when they are used, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppgan_ext.apps.age import AgeEditingPredictor
    from ppgan_ext.apps.edit import StyleGANv2EditingPredictor
    from ppgan_ext.apps.encode import Pixel2Style2PixelPredictor
    from ppgan_ext.apps.fit import StyleGANv2FittingPredictor
    from ppgan_ext.apps.fuse import FaceFusionPredictor
    from ppgan_ext.apps.generate import StyleGANv2Predictor
    from ppgan_ext.apps.mix import StyleGANv2MixingPredictor

__all__ = [
    "AgeEditingPredictor",
    "FaceFusionPredictor",
    "Pixel2Style2PixelPredictor",
    "StyleGANv2EditingPredictor",
    "StyleGANv2FittingPredictor",
    "StyleGANv2MixingPredictor",
    "StyleGANv2Predictor",
]

_MODULES = {
    "AgeEditingPredictor": "age",
    "FaceFusionPredictor": "fuse",
    "Pixel2Style2PixelPredictor": "encode",
    "StyleGANv2EditingPredictor": "edit",
    "StyleGANv2FittingPredictor": "fit",
    "StyleGANv2MixingPredictor": "mix",
    "StyleGANv2Predictor": "generate",
}


def __getattr__(name: str) -> Any:
    """Import a predictor's module when the predictor is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
