"""All transforms that a pipeline may contain, as one type distinguished by ``name``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import pydantic

from ppgan_ext.data.colour_transforms import Add, Grayscale, Normalize, PairedColorJitter, PairedToTensor, ToTensor
from ppgan_ext.data.transforms import (
    CenterCrop,
    PairedRandomCrop,
    PairedRandomHorizontalFlip,
    PairedRandomTransposeHW,
    PairedRandomVerticalFlip,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCropProb,
    RandomVerticalFlip,
    Resize,
    ResizeToScale,
    Transpose,
)

AnyTransform: TypeAlias = Annotated[
    Resize
    | ResizeToScale
    | RandomCrop
    | PairedRandomCrop
    | CenterCrop
    | RandomResizedCropProb
    | RandomHorizontalFlip
    | PairedRandomHorizontalFlip
    | RandomVerticalFlip
    | PairedRandomVerticalFlip
    | PairedRandomTransposeHW
    | PairedColorJitter
    | Add
    | Grayscale
    | Transpose
    | ToTensor
    | PairedToTensor
    | Normalize,
    pydantic.Field(discriminator="name"),
]
