"""PaddleGAN's image transforms: validated options that are also pure functions of an image and a random generator.

They compute what Paddle's transforms of the same names compute on arrays. Paddle's own would import Paddle into every
worker process and draw from Python's global random numbers. Here are those that move pixels; those that change their
values are in `colour_transforms`, and all of them in `transform_table`.
Convention: sizes are [height, width]; images are (H, W, C), with one channel if grey, until Transpose makes them
(C, H, W).
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import pydantic

from ppgan_ext.errors import InputError
from ppgan_ext.option_types import Block

Layout: TypeAlias = Literal["HWC", "CHW"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "area", "lanczos"]

_INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
_ATTEMPTS = 10  # to find a part that lies inside, as in Paddle
_ANTIALIASED = {
    "nearest": PIL.Image.Resampling.NEAREST,
    "bilinear": PIL.Image.Resampling.BILINEAR,
    "bicubic": PIL.Image.Resampling.BICUBIC,
    "area": PIL.Image.Resampling.BOX,
    "lanczos": PIL.Image.Resampling.LANCZOS,
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


Size: TypeAlias = Annotated[int | tuple[int, int], pydantic.BeforeValidator(_size)]
Probability: TypeAlias = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]


class Transform(Block):
    """Base of the transforms. Drawing random parameters and applying them are separate, so images can share a draw.

    Attributes:
        keys: Paddle's: the kind of each input by position, "image"; inputs beyond the list stay unchanged. It has no
            effect if there is only one input.
        is_random: whether the result depends on a draw.
        shares_draws: whether one draw serves all inputs even where the data set draws for each.
    """

    is_random: ClassVar[bool] = False
    shares_draws: ClassVar[bool] = False
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
    edges; "area" averages. With ``antialias`` the filter widens as the picture shrinks, as in Pillow and torchvision.
    None is the same as False, and leaves saved configurations as they were before the option existed.
    """

    name: Literal["Resize"]
    size: Size
    interpolation: Interpolation = "bilinear"
    antialias: bool | None = None

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (height, width, C)."""
        height, width = image.shape[:2]
        if isinstance(self.size, tuple):
            shape = self.size
        elif width < height:
            shape = int(self.size * height / width), self.size
        else:
            shape = self.size, int(self.size * width / height)
        return resized(image, shape, self.interpolation, self.antialias)


class ResizeToScale(Transform):
    """Make both sides multiples of ``scale`` by shrinking them, and enlarge sides below ``size``, [width, height].

    The sizes are drawn from the first input, as in PaddleGAN, so a pair stays a pair.
    """

    shares_draws: ClassVar[bool] = True
    name: Literal["ResizeToScale"]
    size: Size
    scale: Annotated[int, pydantic.Field(ge=1, le=4096)]
    interpolation: Interpolation = "bilinear"
    antialias: bool | None = None

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the height and width that an image of this shape gets; nothing is random."""
        smallest = (self.size, self.size) if isinstance(self.size, int) else (self.size[1], self.size[0])
        sides = [
            least if side < least else max(side - side % self.scale, 1)
            for side, least in zip(shape[:2], smallest, strict=True)
        ]
        return sides[0], sides[1]

    def apply(self, image: npt.NDArray, parameters: tuple[int, int]) -> npt.NDArray:
        """Return (height, width, C)."""
        return resized(image, parameters, self.interpolation, self.antialias)


class RandomCrop(Transform):
    """Cut out [height, width] at a random position; a single number is a square's side."""

    is_random: ClassVar[bool] = True
    name: Literal["RandomCrop"]
    size: Size

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, int]:
        """Draw (top, left); raises InputError if the image is smaller than the crop."""
        height, width = _crop_size(shape, self.size, "RandomCrop")
        top = int(rng.integers(shape[0] - height + 1))
        left = int(rng.integers(shape[1] - width + 1))
        return top, left

    def apply(self, image: npt.NDArray, parameters: tuple[int, int]) -> npt.NDArray:
        """Return (height, width, C), cut out at (top, left)."""
        height, width = _crop_size(image.shape, self.size, "RandomCrop")
        top, left = parameters
        return image[top : top + height, left : left + width]


class CenterCrop(Transform):
    """Cut out [height, width] at the centre; a single number is a square's side."""

    name: Literal["CenterCrop"]
    size: Size

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (height, width, C); raises InputError if the image is smaller than the crop."""
        height, width = _crop_size(image.shape, self.size, "CenterCrop")
        # Paddle rounds halves to even numbers, as Python does.
        top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
        return image[top : top + height, left : left + width]


class PairedRandomCrop(RandomCrop):
    """RandomCrop at one position for all inputs."""

    shares_draws: ClassVar[bool] = True
    name: Literal["PairedRandomCrop"]  # type: ignore[assignment]


class RandomResizedCropProb(Transform):
    """With a probability, cut out a part of random area and aspect ratio, and resize it to [height, width].

    Attributes:
        scale: the part's share of the area, at least and at most.
        ratio: its width divided by its height, at least and at most.
        prob: probability; other images stay as they are, so ``size`` should be the size they have.
    """

    is_random: ClassVar[bool] = True
    name: Literal["RandomResizedCropProb"]
    prob: Probability
    size: Size
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: Interpolation = "bilinear"
    antialias: bool | None = None

    @pydantic.field_validator("scale", "ratio")
    @classmethod
    def _is_a_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("expected [least, most], both above 0")
        return value

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
        """Draw (top, left, height, width) of the part; None if the image stays as it is."""
        if rng.random() >= self.prob:
            return None
        height, width = shape[:2]
        for _ in range(_ATTEMPTS):
            area = height * width * rng.uniform(*self.scale)
            ratio = math.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            part_height, part_width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < part_height <= height and 0 < part_width <= width:
                top, left = rng.integers(height - part_height + 1), rng.integers(width - part_width + 1)
                return int(top), int(left), part_height, part_width
        side = min(height, width)
        return (height - side) // 2, (width - side) // 2, side, side

    def apply(self, image: npt.NDArray, parameters: tuple[int, int, int, int] | None) -> npt.NDArray:
        """Return the part as (height, width, C), or the image."""
        if parameters is None:
            return image
        top, left, height, width = parameters
        shape = (self.size, self.size) if isinstance(self.size, int) else self.size
        part = image[top : top + height, left : left + width]
        return resized(part, shape, self.interpolation, self.antialias)


class _RandomTurn(Transform):
    """Base of the transforms that do something to an image with a probability."""

    is_random: ClassVar[bool] = True
    prob: Probability = 0.5

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> bool:
        """Draw whether to do it."""
        return rng.random() < self.prob


class RandomHorizontalFlip(_RandomTurn):
    """Mirror left and right with a probability."""

    name: Literal["RandomHorizontalFlip"]

    def apply(self, image: npt.NDArray, parameters: bool) -> npt.NDArray:
        """Return the mirror image, or the image itself if the draw was False."""
        return image[:, ::-1] if parameters else image


class RandomVerticalFlip(_RandomTurn):
    """Mirror top and bottom with a probability."""

    name: Literal["RandomVerticalFlip"]

    def apply(self, image: npt.NDArray, parameters: bool) -> npt.NDArray:
        """Return the mirror image, or the image itself if the draw was False."""
        return image[::-1] if parameters else image


class PairedRandomHorizontalFlip(RandomHorizontalFlip):
    """RandomHorizontalFlip with one coin for all inputs."""

    shares_draws: ClassVar[bool] = True
    name: Literal["PairedRandomHorizontalFlip"]  # type: ignore[assignment]


class PairedRandomVerticalFlip(RandomVerticalFlip):
    """RandomVerticalFlip with one coin for all inputs."""

    shares_draws: ClassVar[bool] = True
    name: Literal["PairedRandomVerticalFlip"]  # type: ignore[assignment]


class PairedRandomTransposeHW(_RandomTurn):
    """Swap rows and columns with a probability, with one coin for all inputs."""

    shares_draws: ClassVar[bool] = True
    name: Literal["PairedRandomTransposeHW"]

    def apply(self, image: npt.NDArray, parameters: bool) -> npt.NDArray:
        """Return (W, H, C), or the image itself if the draw was False."""
        return image.transpose(1, 0, 2) if parameters else image


class Transpose(Transform):
    """Move the colours to the front: (H, W, C) to (C, H, W)."""

    name: Literal["Transpose"]
    order: tuple[Literal[2], Literal[0], Literal[1]] = (2, 0, 1)

    def layout_after(self, layout: Layout) -> Layout:
        """Return "CHW"; raises ValueError if the image already has it."""
        if layout == "CHW":
            raise ValueError("Transpose must appear only once")
        return "CHW"

    def apply(self, image: npt.NDArray, parameters: None) -> npt.NDArray:
        """Return (C, H, W)."""
        return image.transpose(self.order)


def resized(
    image: npt.NDArray, shape: tuple[int, int], interpolation: Interpolation, antialias: bool | None = None
) -> npt.NDArray:
    """Resize an image (H, W, C) to (height, width, C); see `Resize`."""
    height, width = shape
    if image.shape[:2] == shape:
        return image
    if antialias:
        channels = [PIL.Image.fromarray(np.ascontiguousarray(image[:, :, c])) for c in range(image.shape[2])]
        made = [np.asarray(channel.resize((width, height), _ANTIALIASED[interpolation])) for channel in channels]
        return np.stack(made, axis=2)
    result = cv2.resize(image, (width, height), interpolation=_INTERPOLATIONS[interpolation])
    return np.asarray(result).reshape(height, width, image.shape[2])  # OpenCV drops the axis of a single channel


def _crop_size(shape: tuple[int, ...], size: int | tuple[int, int], name: str) -> tuple[int, int]:
    """Return a crop's height and width; raises InputError if an image of this shape is smaller."""
    height, width = (size, size) if isinstance(size, int) else size
    if shape[0] < height or shape[1] < width:
        raise InputError(
            f"has {shape[1]} x {shape[0]} pixels where {name} cuts out {width} x {height}",
            cure="Put a Resize before it, or leave the file out",
        )
    return height, width
