"""What is measured: real images, and a model as functions from numbers to images.

Convention: sample i is the same image whatever the batch it is asked for in. Images are compared as 8-bit pictures, as
they would be stored, at the subject's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext import images as pictures
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, 3) RGB
MAX_NUM = 50_000
"""Number of generated images in published figures."""


class RealImages(Protocol):
    """Numbered pictures, as the sources of ``ppgan_ext.data``."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def name(self, index: int) -> str:
        """Name a picture, for messages."""
        ...

    def read(self, index: int) -> Image:
        """Read a picture, (H, W, 3) RGB uint8; a damaged one is an InputError."""
        ...


class Samples(Protocol):
    """Numbered training samples, as the datasets of ``ppgan_ext.data``: pictures that a pipeline has prepared."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def name(self, index: int) -> str:
        """Name a sample, for messages."""
        ...

    def sample(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Return the sample, its image as pixels (3, H, W) in [-1, 1] under "A"."""
        ...


@dataclass(eq=False)
class Subject:
    """What is measured.

    Attributes:
        real: real images. Those of a source are cut to their central square and resized; those of a dataset come as
            its pipeline makes them, its randomness seeded by the number of the image.
        generate: (first, count) -> pixels (count, 3, S, S) of samples first, first + 1, ...
        reconstruct: pixels (n, 3, S, S) -> their reconstructions, the same shape.
        generator: for path lengths; a network with ``mapping`` and ``render``.
        size: S, side of all images compared; None takes it from the generator, or else from ``generate``.
        kept: results that several metrics share, such as features of the generated images; empty it to forget them.
    """

    real: RealImages | Samples | None = None
    generate: Callable[[int, int], FloatArray | paddle.Tensor] | None = None
    reconstruct: Callable[[FloatArray], FloatArray | paddle.Tensor] | None = None
    generator: StyleGANv2Generator | None = None
    size: int | None = None
    kept: dict[tuple, Any] = field(default_factory=dict, repr=False)

    def need(self, attribute: str, figure: str) -> Any:
        """Return an attribute that a figure cannot do without.

        Raises:
            ConfigError: the subject does not have it.
            InputError: the real images are none.
        """
        value = getattr(self, attribute)
        if value is None:
            missing, cure = _MISSING[attribute]
            raise ConfigError(f"{figure} needs {missing}, and there is none", where="metrics", cure=cure)
        if attribute == "real" and not len(value):
            raise InputError(f"{figure} needs real images, and the set is empty", where="metrics")
        return value

    def side(self) -> int:
        """Return the side of the images compared.

        Raises:
            ConfigError: nothing tells it.
        """
        if self.size is None:
            if self.generator is not None:
                self.size = int(self.generator.size)
            elif self.generate is not None:
                self.size = int(self.generate(0, 1).shape[-1])
            else:
                raise ConfigError("the side of the images is not known", where="Subject", cure="Give it a size")
        return self.size

    def count(self, num: int | None) -> int:
        """Settle how many images to generate: ``num``, or as many as there are real ones, at most 50,000."""
        if num is not None:
            return num
        return min(MAX_NUM, MAX_NUM if self.real is None else len(self.real))

    def real_image(self, index: int) -> Image:
        """Return real image ``index``, (S, S, 3) RGB uint8.

        Raises:
            InputError: it cannot be read, or the dataset makes images of another size.
        """
        real, side = self.need("real", "this"), self.side()
        if hasattr(real, "read"):
            return square(real.read(index), side)
        sample = real.sample(index, np.random.default_rng([_SAMPLE_SEED, index]))
        image = pictures.to_image(np.asarray(sample["A"], np.float32))
        if image.shape != (side, side, 3):
            what = f"is {image.shape[1]}x{image.shape[0]} pixels after the dataset's transforms, {side}x{side} expected"
            raise InputError(what, where=real.name(index), cure="Add a resize to the dataset's pipeline")
        return image

    def real_batches(self, num: int | None, batch_size: int, notes: list[str]) -> Iterator[Images]:
        """Yield real images, at most ``num`` spread evenly over the set; what cannot be read is left out and noted.

        Args:
            num: None for all.
            batch_size: images at a time, (n, S, S, 3); the last ones may be fewer.
            notes: takes one line if images were left out.

        Raises:
            InputError: not one image can be read.
        """
        batch: list[Image] = []
        failures: list[InputError] = []
        indices = spread(len(self.need("real", "this")), num)
        for index in indices:
            try:
                batch.append(self.real_image(index))
            except InputError as error:
                failures.append(error)
            if len(batch) == batch_size:
                yield np.stack(batch)
                batch = []
        if len(failures) == len(indices):
            raise failures[0]
        if failures:
            notes.append(f"{len(failures)} of {len(indices)} real images left out, the first because: {failures[0]}")
        if batch:
            yield np.stack(batch)

    def generated(self, num: int, batch_size: int) -> Iterator[Images]:
        """Yield samples 0 to num - 1 in batches, (n, S, S, 3).

        Raises:
            ConfigError: nothing to generate with.
            InputError: the generator made another number or size of images.
        """
        generate, side = self.need("generate", "this"), self.side()
        for first in range(0, num, batch_size):
            count = min(batch_size, num - first)
            pixels = as_array(generate(first, count))
            if pixels.shape != (count, 3, side, side):
                raise InputError(f"expected ({count}, 3, {side}, {side}), got {pixels.shape}", where="generated images")
            yield to_images(pixels)


_SAMPLE_SEED = 0
_MISSING = {
    "real": ("real images", "Give the test set, dataset.test"),
    "generate": ("a model that generates", "Leave it out for this model"),
    "reconstruct": ("a model that reconstructs photos", "Leave it out for this model"),
    "generator": ("a StyleGAN2 generator", "Leave it out for this model"),
}


def spread(length: int, num: int | None) -> list[int]:
    """Choose ``num`` of ``length`` indices, evenly spread; all where ``num`` is None or larger.

    Example:
        >>> spread(10, 4)
        [0, 2, 5, 7]
    """
    if num is None or num >= length:
        return list(range(length))
    return [i * length // num for i in range(num)]


def as_array(pixels: FloatArray | paddle.Tensor) -> FloatArray:
    """Return pixels as a NumPy array, float32."""
    array = pixels if isinstance(pixels, np.ndarray) else pixels.numpy()
    return np.asarray(array, np.float32)


def to_images(pixels: FloatArray) -> Images:
    """Turn pixels (N, 3, H, W) in [-1, 1] into images (N, H, W, 3) uint8."""
    return np.stack([pictures.to_image(one) for one in pixels])


def to_pixels(images: Images) -> FloatArray:
    """Turn images (N, H, W, 3) uint8 into pixels (N, 3, H, W) float32 in [-1, 1]."""
    return np.concatenate([pictures.to_pixels(one) for one in images])
