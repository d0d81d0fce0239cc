"""PaddleGAN's `preprocess` section: its steps as validated settings that are also pure functions of (image, rng).

Resize, crops, flip, Transpose and Normalize compute what Paddle's transforms of these names compute on arrays. They are
written anew because those import Paddle into every worker process and draw from Python's global random numbers.
Convention: sizes are [height, width]; images are (H, W, 3) until Transpose, which makes them (3, H, W).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext import config
from ppgan_ext.errors import InputError
from ppgan_ext.types import Image

KEY = "A"  # PaddleGAN's name of the only image of a SingleDataset

_INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 16384


def _size(value: object) -> int | tuple[int, int]:
    """Accept a number of pixels, or a height and a width."""
    if _is_side(value):
        return value  # type: ignore[return-value]
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_side, value)):
        return value[0], value[1]
    raise ValueError("expected a number of pixels, or [height, width]")


def _three(value: object) -> tuple[float, float, float]:
    """Accept a number for all channels, or one for each."""
    items: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value] * 3
    if len(items) != 3 or not all(isinstance(item, (int, float)) and np.isfinite(item) for item in items):
        raise ValueError("expected a number, or one for each of the three channels")
    return float(items[0]), float(items[1]), float(items[2])


Size: TypeAlias = Annotated[int | tuple[int, int], pydantic.BeforeValidator(_size)]
Channels: TypeAlias = Annotated[tuple[float, float, float], pydantic.BeforeValidator(_three)]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class _Transform(_Block):
    """Base of the transforms; ``keys`` is Paddle's, and without effect where there is one image."""

    keys: list[str] | None = None

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return the transformed image; the given one stays as it is."""
        raise NotImplementedError


class Resize(_Transform):
    """Resize to [height, width]; a single number is the new length of the shorter side.

    As in PaddleGAN, "nearest", "bilinear", "bicubic" and "lanczos" take single pixels where they shrink, which leaves
    jagged edges; "area" averages.
    """

    name: Literal["Resize"]
    size: Size
    interpolation: Literal["nearest", "bilinear", "bicubic", "area", "lanczos"] = "bilinear"

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return (height, width, 3)."""
        height, width = image.shape[:2]
        if isinstance(self.size, tuple):
            new_height, new_width = self.size
        elif width < height:
            new_height, new_width = int(self.size * height / width), self.size
        else:
            new_height, new_width = self.size, int(self.size * width / height)
        if (new_height, new_width) == (height, width):
            return image
        return cv2.resize(image, (new_width, new_height), interpolation=_INTERPOLATIONS[self.interpolation])


class RandomCrop(_Transform):
    """Cut [height, width] out at a random place; a single number is a square's side."""

    name: Literal["RandomCrop"]
    size: Size

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return (height, width, 3); raises InputError where the image is smaller."""
        height, width = _room(image, self.size, "RandomCrop")
        top = int(rng.integers(image.shape[0] - height + 1))
        left = int(rng.integers(image.shape[1] - width + 1))
        return image[top : top + height, left : left + width]


class CenterCrop(_Transform):
    """Cut [height, width] out of the middle; a single number is a square's side."""

    name: Literal["CenterCrop"]
    size: Size

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return (height, width, 3); raises InputError where the image is smaller."""
        height, width = _room(image, self.size, "CenterCrop")
        # Paddle rounds halves to even numbers, as Python does.
        top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
        return image[top : top + height, left : left + width]


class RandomHorizontalFlip(_Transform):
    """Mirror left and right with a probability."""

    name: Literal["RandomHorizontalFlip"]
    prob: float = pydantic.Field(0.5, ge=0.0, le=1.0)

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return the image or its mirror image."""
        return image[:, ::-1] if rng.random() < self.prob else image


class Transpose(_Transform):
    """Put the colours first: (H, W, 3) to (3, H, W)."""

    name: Literal["Transpose"]
    order: tuple[Literal[2], Literal[0], Literal[1]] = (2, 0, 1)

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return (3, H, W)."""
        return image.transpose(self.order)


class Normalize(_Transform):
    """Subtract a mean and divide by a deviation, one number each or one for each channel."""

    name: Literal["Normalize"]
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    data_format: Literal["CHW", "HWC"] = "CHW"
    to_rgb: Literal[False] = False  # images are RGB here; Paddle's own switch mirrors them after Transpose

    @pydantic.field_validator("std")
    @classmethod
    def _is_not_zero(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if 0.0 in value:
            raise ValueError("must not be zero")
        return value

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Return float32 of the same shape."""
        shape = (3, 1, 1) if self.data_format == "CHW" else (1, 1, 3)
        mean, std = (np.array(values, np.float32).reshape(shape) for values in (self.mean, self.std))
        return (image.astype(np.float32) - mean) / std


Transform: TypeAlias = Annotated[
    Resize | RandomCrop | CenterCrop | RandomHorizontalFlip | Transpose | Normalize,
    pydantic.Field(discriminator="name"),
]


class LoadImageFromFile(_Block):
    """Read the picture; ``to_rgb: False`` gives BGR. The other keys are PaddleGAN's, and without effect."""

    name: Literal["LoadImageFromFile"]
    key: Literal["A"]
    to_rgb: bool = True
    flag: int = -1
    backend: str | None = None
    save_original_img: bool = False


class Transforms(_Block):
    """A list of transforms for the image that was read."""

    name: Literal["Transforms"]
    input_keys: tuple[Literal["A"]]
    output_keys: tuple[Literal["A"]] | None = None
    pipeline: list[Transform]


Step: TypeAlias = Annotated[LoadImageFromFile | Transforms, pydantic.Field(discriminator="name")]


class Pipeline:
    """From a picture to a sample.

    Args:
        steps: the validated steps of `preprocess`.

    Raises:
        ValueError: the steps do not give (3, H, W) in this order.
    """

    def __init__(self, steps: Sequence[LoadImageFromFile | Transforms]) -> None:
        if not steps or not isinstance(steps[0], LoadImageFromFile):
            raise ValueError("must begin with LoadImageFromFile")
        transforms: list[_Transform] = []
        for step in steps[1:]:
            if not isinstance(step, Transforms):
                raise ValueError("LoadImageFromFile must stand once, at the beginning")
            transforms += step.pipeline
        _check_layout(transforms)
        self._is_rgb = steps[0].to_rgb
        self._transforms = transforms

    def __call__(self, image: Image, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
        """Give ``{"A": (3, H, W) float32}`` of an image (H, W, 3) RGB uint8.

        Raises:
            InputError: the image is too small for a crop.
        """
        result: npt.NDArray = image if self._is_rgb else image[:, :, ::-1]
        for transform in self._transforms:
            result = transform(result, rng)
        return {KEY: np.ascontiguousarray(result, dtype=np.float32)}


class _Preprocess(_Block):
    preprocess: list[Step]


def build_pipeline(preprocess: Sequence[Mapping[str, Any]]) -> Pipeline:
    """Build a pipeline from what stands under `preprocess` in a YAML file.

    Raises:
        ConfigError: lists every unknown step, key and value, with the nearest right name.
    """
    options, mistakes = config.validate(_Preprocess, {"preprocess": list(preprocess)}, {}, None)
    config.refuse(mistakes)
    assert options is not None
    try:
        return Pipeline(options.preprocess)
    except ValueError as error:
        config.refuse([f"preprocess: {error}"])
        raise


def _check_layout(transforms: Sequence[_Transform]) -> None:
    """Refuse an order of transforms in which one would take rows for colours."""
    layout = "HWC"
    for transform in transforms:
        name = type(transform).__name__
        if isinstance(transform, Transpose):
            if layout == "CHW":
                raise ValueError("Transpose must stand only once")
            layout = "CHW"
        elif isinstance(transform, Normalize):
            if transform.data_format != layout:
                place = "before" if layout == "CHW" else "after"
                raise ValueError(f"Normalize with data_format {transform.data_format} must stand {place} Transpose")
        elif layout == "CHW":
            raise ValueError(f"{name} must stand before Transpose")
    if layout != "CHW":
        raise ValueError("Transpose is missing: networks take the colours first")


def _room(image: npt.NDArray, size: int | tuple[int, int], name: str) -> tuple[int, int]:
    """Return the height and width to cut out, if the image has them."""
    height, width = (size, size) if isinstance(size, int) else size
    if image.shape[0] < height or image.shape[1] < width:
        raise InputError(
            f"has {image.shape[1]} x {image.shape[0]} pixels where {name} cuts out {width} x {height}",
            cure="Put a Resize before it, or leave the file out",
        )
    return height, width
