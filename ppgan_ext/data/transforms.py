"""PaddleGAN's image transforms: validated options that are also pure functions of an image and a random generator.

They compute what Paddle's transforms of the same names compute on arrays. Paddle's own would import Paddle into every
worker process and draw from Python's global random numbers.
Convention: sizes are [height, width]; images are (H, W, 3) until Transpose makes them (3, H, W).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext.errors import InputError
from ppgan_ext.option_types import Block

Layout: TypeAlias = Literal["HWC", "CHW"]

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


class Transform(Block):
    """Base of the transforms. Drawing random parameters and applying them are separate, so images can share a draw.

    Attributes:
        keys: Paddle's: the kind of each input by position, "image"; inputs beyond the list stay unchanged. It has no
            effect if there is only one input.
    """

    keys: list[str] | None = None

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Draw the random parameters for an image of this shape; None for a transform that is not random."""
        return None

    def apply(self, image: npt.NDArray, parameters: Any) -> npt.NDArray:
        """Return the transformed image; the input is not modified."""
        raise NotImplementedError

    def layout_after(self, layout: Layout) -> Layout:
        """Return the layout of the result for an image of the given layout.

        Raises:
            ValueError: the transform would take rows for colours.
        """
        if layout == "CHW":
            raise ValueError(f"{type(self).__name__} must come before Transpose")
        return layout

    def __call__(self, image: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
        """Draw and apply."""
        return self.apply(image, self.draw(rng, image.shape))


class Resize(Transform):
    """Resize to [height, width]; a single number is the new length of the shorter side.

    As in PaddleGAN, "nearest", "bilinear", "bicubic" and "lanczos" shrink without antialiasing, which leaves jagged
    edges; "area" averages.
    """

    name: Literal["Resize"]
    size: Size
    interpolation: Literal["nearest", "bilinear", "bicubic", "area", "lanczos"] = "bilinear"

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
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


class RandomCrop(Transform):
    """Cut out [height, width] at a random position; a single number is a square's side."""

    name: Literal["RandomCrop"]
    size: Size

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, int]:
        """Draw (top, left); raises InputError if the image is smaller than the crop."""
        height, width = _crop_size(shape, self.size, "RandomCrop")
        top = int(rng.integers(shape[0] - height + 1))
        left = int(rng.integers(shape[1] - width + 1))
        return top, left

    def apply(self, image: npt.NDArray, parameters: tuple[int, int]) -> npt.NDArray:
        """Return (height, width, 3), cut out at (top, left)."""
        height, width = _crop_size(image.shape, self.size, "RandomCrop")
        top, left = parameters
        return image[top : top + height, left : left + width]


class CenterCrop(Transform):
    """Cut out [height, width] at the centre; a single number is a square's side."""

    name: Literal["CenterCrop"]
    size: Size

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (height, width, 3); raises InputError if the image is smaller than the crop."""
        height, width = _crop_size(image.shape, self.size, "CenterCrop")
        # Paddle rounds halves to even numbers, as Python does.
        top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
        return image[top : top + height, left : left + width]


class RandomHorizontalFlip(Transform):
    """Mirror left and right with a probability."""

    name: Literal["RandomHorizontalFlip"]
    prob: float = pydantic.Field(0.5, ge=0.0, le=1.0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> bool:
        """Draw whether to mirror."""
        return rng.random() < self.prob

    def apply(self, image: npt.NDArray, parameters: bool) -> npt.NDArray:
        """Return the mirror image, or the image itself if the draw was False."""
        return image[:, ::-1] if parameters else image


class Transpose(Transform):
    """Move the colours to the front: (H, W, 3) to (3, H, W)."""

    name: Literal["Transpose"]
    order: tuple[Literal[2], Literal[0], Literal[1]] = (2, 0, 1)

    def layout_after(self, layout: Layout) -> Layout:
        """Return "CHW"; raises ValueError if the image already has it."""
        if layout == "CHW":
            raise ValueError("Transpose must appear only once")
        return "CHW"

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (3, H, W)."""
        return image.transpose(self.order)


class Normalize(Transform):
    """Subtract a mean and divide by a standard deviation, one number each or one for each channel."""

    name: Literal["Normalize"]
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    data_format: Layout = "CHW"
    to_rgb: Literal[False] = False  # images are RGB here; Paddle's own switch mirrors them after Transpose

    @pydantic.field_validator("std")
    @classmethod
    def _is_not_zero(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if 0.0 in value:
            raise ValueError("must not be zero")
        return value

    def layout_after(self, layout: Layout) -> Layout:
        """Return the layout unchanged; raises ValueError if it is not ``data_format``."""
        if self.data_format != layout:
            place = "before" if layout == "CHW" else "after"
            raise ValueError(f"Normalize with data_format {self.data_format} must come {place} Transpose")
        return layout

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return float32 of the same shape."""
        shape = (3, 1, 1) if self.data_format == "CHW" else (1, 1, 3)
        mean, std = (np.array(values, np.float32).reshape(shape) for values in (self.mean, self.std))
        return (image.astype(np.float32) - mean) / std


AnyTransform: TypeAlias = Annotated[
    Resize | RandomCrop | CenterCrop | RandomHorizontalFlip | Transpose | Normalize,
    pydantic.Field(discriminator="name"),
]


def _crop_size(shape: tuple[int, ...], size: int | tuple[int, int], name: str) -> tuple[int, int]:
    """Return a crop's height and width; raises InputError if an image of this shape is smaller."""
    height, width = (size, size) if isinstance(size, int) else size
    if shape[0] < height or shape[1] < width:
        raise InputError(
            f"has {shape[1]} x {shape[0]} pixels where {name} cuts out {width} x {height}",
            cure="Put a Resize before it, or leave the file out",
        )
    return height, width
