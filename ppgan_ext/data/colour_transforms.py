"""PaddleGAN's image transforms that change the values of pixels; see `transforms`.

Convention: images are RGB, uint8 from 0 to 255 until Normalize or ToTensor makes them float32.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext.data.transforms import Layout, Transform
from ppgan_ext.errors import InputError

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV and Pillow weigh the colours
_FULL = 255.0
_MIDDLE = 74.0  # the level that Paddle keeps when it changes the contrast of an array


def _per_channel(value: object) -> tuple[float, ...]:
    """Accept a number for all channels, one in a list, or one for each of three channels."""
    items: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(items) not in (1, 3) or not all(_is_number(item) for item in items):
        raise ValueError("expected a number, or one for each of the three channels")
    return tuple(float(item) for item in items)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


Channels: TypeAlias = Annotated[tuple[float, ...], pydantic.BeforeValidator(_per_channel)]


class Normalize(Transform):
    """Subtract a mean and divide by a standard deviation, one number each or one for each channel."""

    name: Literal["Normalize"]
    mean: Channels = (0.0,)
    std: Channels = (1.0,)
    data_format: Layout = "CHW"
    to_rgb: Literal[False] = False  # images are RGB here; Paddle's own switch mirrors them after Transpose

    @pydantic.field_validator("std")
    @classmethod
    def _is_not_zero(cls, value: tuple[float, ...]) -> tuple[float, ...]:
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
        """Return float32 of the same shape; raises InputError if there are three numbers and another channel count."""
        axis = 0 if self.data_format == "CHW" else 2
        shape = [1, 1, 1]
        shape[axis] = -1
        numbers = {"mean": self.mean, "std": self.std}
        for name, values in numbers.items():
            if len(values) not in (1, image.shape[axis]):
                what = f"Normalize has {len(values)} numbers in {name} for {image.shape[axis]} channel"
                raise InputError(what, cure=f"Write one number, or leave Grayscale out: {name}: [{values[0]:g}]")
        mean, std = (np.array(values, np.float32).reshape(shape) for values in numbers.values())
        return (image.astype(np.float32) - mean) / std


class Grayscale(Transform):
    """Make an image grey, of one channel or of three equal ones."""

    name: Literal["Grayscale"]
    num_output_channels: Literal[1, 3] = 1

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (H, W, 1) or (H, W, 3)."""
        if image.shape[2] == 3:
            grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)[:, :, None]
        else:
            grey = image
        return np.repeat(grey, self.num_output_channels, axis=2)


class ToTensor(Transform):
    """Move the colours to the front and divide by 255, which gives (C, H, W) float32 in [0, 1]."""

    name: Literal["ToTensor"]
    data_format: Literal["CHW"] = "CHW"

    def layout_after(self, layout: Layout) -> Layout:
        """Return "CHW"; raises ValueError if the image already has it."""
        super().layout_after(layout)
        return "CHW"

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (C, H, W) float32."""
        return image.transpose(2, 0, 1).astype(np.float32) / np.float32(_FULL)


class PairedToTensor(ToTensor):
    """ToTensor under PaddleGAN's name for pairs."""

    name: Literal["PairedToTensor"]  # type: ignore[assignment]


class Add(Transform):
    """Add a number, or one for each channel, and clip to 0 to 255."""

    name: Literal["Add"]
    value: Channels

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return uint8 of the same shape; fractions are cut off, as in PaddleGAN."""
        return np.clip(image.astype(np.float32) + np.array(self.value, np.float32), 0, _FULL).astype(np.uint8)


class PairedColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random and in random order, alike for all inputs.

    A number x means factors from 1 - x to 1 + x, for hue shifts from -x to x turns; [least, most] gives them itself.
    """

    is_random: ClassVar[bool] = True
    shares_draws: ClassVar[bool] = True
    name: Literal["PairedColorJitter"]
    brightness: float | tuple[float, float] = 0.0
    contrast: float | tuple[float, float] = 0.0
    saturation: float | tuple[float, float] = 0.0
    hue: float | tuple[float, float] = 0.0

    @pydantic.model_validator(mode="after")
    def _are_ranges(self) -> PairedColorJitter:
        for name, (least, most) in self._ranges().items():
            low, high = (-0.5, 0.5) if name == "hue" else (0.0, np.inf)
            if not low <= least <= most <= high:
                raise ValueError(f"{name} must be a number of at least 0, or [least, most] from {low:g} to {high:g}")
        return self

    def _ranges(self) -> dict[str, tuple[float, float]]:
        """Return the kinds of change with their least and largest value, without those that change nothing."""
        ranges = {}
        for name in ("brightness", "contrast", "saturation", "hue"):
            value, centre = getattr(self, name), 0.0 if name == "hue" else 1.0
            if isinstance(value, tuple):
                ranges[name] = value
            elif value:
                ranges[name] = (max(centre - value, 0.0) if centre else -value, centre + value)
        return ranges

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> list[tuple[str, float]]:
        """Draw the changes in their order."""
        changes = [(name, float(rng.uniform(*limits))) for name, limits in self._ranges().items()]
        return [changes[i] for i in np.argsort(rng.random(len(changes)), kind="stable")]

    def apply(self, image: npt.NDArray, parameters: list[tuple[str, float]]) -> npt.NDArray:
        """Return the changed image, (H, W, C) uint8."""
        for name, amount in parameters:
            image = _turned_hue(image, amount) if name == "hue" else _blended(image, name, amount)
        return image


def _blended(image: npt.NDArray, name: str, factor: float) -> npt.NDArray:
    """Move an image away from black, from one grey level, or from its own grey, as Paddle does with arrays."""
    levels = image.astype(np.float32)
    grey = levels @ np.array(_LUMA, np.float32)[:, None] if image.shape[2] == 3 else levels
    origin = {"brightness": np.float32(0), "contrast": np.float32(_MIDDLE), "saturation": np.rint(grey)}[name]
    return np.clip(origin + (levels - origin) * np.float32(factor), 0, _FULL).astype(np.uint8)


def _turned_hue(image: npt.NDArray, turns: float) -> npt.NDArray:
    """Turn the hue of an RGB image by a part of the circle; grey images have none."""
    if image.shape[2] != 3:
        return image
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV_FULL)
    shift = round(turns * 256) % 256
    hsv[:, :, 0] = (hsv[:, :, 0].astype(np.int32) + shift).astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
