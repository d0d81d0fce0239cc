"""What metrics measure: a model's outputs, as functions that return images, beside real images by domain.

Convention: sample i is the same image whatever the batch size. Images are compared as 8-bit RGB, as they would be
stored, at one size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.images import to_image, to_pixels
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.networks.stylegan2 import StyleGANv2Generator

Images: TypeAlias = npt.NDArray[np.uint8]  # (N, H, W, 3) RGB
RealSet: TypeAlias = Union["RealImages", "Samples"]
Generate: TypeAlias = "Callable[[int, int], FloatArray | paddle.Tensor]"
Transform: TypeAlias = "Callable[[FloatArray], FloatArray | paddle.Tensor]"

DEFAULT_DOMAIN = "A"
MAX_NUM = 50_000
"""Number of generated images in published figures."""


class RealImages(Protocol):
    """Numbered images, such as the sources of ``ppgan_ext.data``."""

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def name(self, index: int) -> str:
        """Return the name of an image, for messages."""
        ...

    def read(self, index: int) -> Image:
        """Read an image, (H, W, 3) RGB uint8; raise InputError if it is damaged."""
        ...


class Samples(Protocol):
    """Numbered training samples, such as the datasets of ``ppgan_ext.data``: images after a pipeline."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def name(self, index: int) -> str:
        """Return the name of a sample, for messages."""
        ...

    def sample(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        """Return a sample: pixels (3 or 1, H, W) in [-1, 1] under the name of each domain, "A" at least."""
        ...


@dataclass(eq=False)
class ModelOutputs:
    """The outputs of a model, and the real images that they are compared with.

    Pixels are (n, 3, S, S) RGB in [-1, 1]. The functions receive them as float32 arrays and return floating-point
    arrays or tensors; whole numbers, and values on the scale of 0 to 255, are refused.

    Attributes:
        real: real images by domain, as in ``{"A": horses, "B": zebras}``; a single set is domain "A". Images of a
            source are cut to their central square and resized. Samples of a dataset are used as its pipeline returns
            them, with a generator seeded by the number of the image: the domain's own entry, else "A".
        generate: (first, count) -> pixels (count, 3, S, S) of samples first, first + 1, ...
        reconstruct: pixels -> their reconstructions, of the same shape.
        generator: a network with ``mapping`` and ``render``, for path lengths.
        size: S, side of all images compared; None takes it from the generator, or else from ``generate``.
        translate: translations by name: "a2b" maps pixels of domain "A" to their translations into domain "B", of the
            same shape.
        paired: image i of every domain shows the same thing, so a translation of it has a known target.
        class_of: number of a sample -> the class that it was asked to show; None: samples have no class.
        cache: results that several metrics share, such as features of the generated images. Clear it, or make a new
            object, when the weights have changed.
    """

    real: RealSet | Mapping[str, RealSet] | None = None
    generate: Generate | None = None
    reconstruct: Transform | None = None
    generator: StyleGANv2Generator | None = None
    size: int | None = None
    translate: Mapping[str, Transform] = field(default_factory=dict)
    paired: bool = False
    class_of: Callable[[int], int] | None = None
    cache: dict[tuple, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        real = {} if self.real is None else self.real
        self._domains: dict[str, RealSet] = dict(real) if isinstance(real, Mapping) else {DEFAULT_DOMAIN: real}

    def require(self, attribute: str, metric: str) -> Any:
        """Return ``generate``, ``reconstruct`` or ``generator``, which a metric cannot do without.

        Raises:
            ConfigError: it is None.
        """
        value = getattr(self, attribute)
        if value is None:
            raise ConfigError(f"{metric} needs {_NEEDS[attribute]}", where="metrics", cure=_LEAVE_OUT)
        return value

    def require_real(self, metric: str, domain: str = DEFAULT_DOMAIN) -> RealSet:
        """Return the real images of a domain.

        Raises:
            ConfigError: there are none; with the nearest domain.
            InputError: the set is empty.
        """
        if not self._domains:
            what = f"{metric} needs real images, and none are given"
            raise ConfigError(what, where="metrics", cure="Give the test set, dataset.test")
        if domain not in self._domains:
            what = f"{metric} needs real images of domain '{domain}', and none are given"
            raise ConfigError(what, where="domain", cure=nearest(domain, self._domains))
        images = self._domains[domain]
        if not len(images):
            what = f"{metric} needs {self._named(domain)}, and the set is empty"
            raise InputError(what, where="metrics", cure="Put images there")
        return images

    def require_translation(self, metric: str, name: str) -> tuple[str, str]:
        """Return the domain that a translation starts from and the domain that it leads to.

        Raises:
            ConfigError: there is no such translation, with the nearest one; or one of its domains has no real images.
            InputError: one of its domains is empty.
        """
        if not self.translate:
            raise ConfigError(f"{metric} needs a model that translates images", where="translation", cure=_LEAVE_OUT)
        if name not in self.translate:
            cure = nearest(name, self.translate)
            raise ConfigError(f"{metric}: there is no translation '{name}'", where="translation", cure=cure)
        pairs = {f"{source}2{target}".lower(): (source, target) for source in self._domains for target in self._domains}
        if name.lower() not in pairs:
            domains = ", ".join(sorted(self._domains)) or "none"
            what = f"{metric} needs real images of both domains of '{name}', and those given are: {domains}"
            raise ConfigError(what, where="translation", cure="Give a test set of both domains")
        for domain in pairs[name.lower()]:
            self.require_real(metric, domain)
        return pairs[name.lower()]

    def side(self) -> int:
        """Return S, the side of the images compared.

        Raises:
            ConfigError: neither the size nor a generator is given.
        """
        if self.size is None:
            if self.generator is not None:
                self.size = int(self.generator.size)
            elif self.generate is not None:
                self.size = int(self.generate(0, 1).shape[-1])
            else:
                raise ConfigError("the side of the images is unknown", where="ModelOutputs", cure="Give a size")
        return self.size

    def num_real(self, num: int | None = None, domain: str = DEFAULT_DOMAIN) -> int:
        """Return how many real images of a domain are compared: all, or at most ``num``."""
        length = len(self.require_real("this metric", domain))
        return length if num is None else min(num, length)

    def num_fakes(self, num: int | None, *, domain: str = DEFAULT_DOMAIN, translation: str | None = None) -> int:
        """Return how many images to make: ``num``, or as many as there are real ones, at most 50,000.

        Args:
            num: as an option of the metric.
            domain: domain of the real images that samples are compared with.
            translation: counts the images that this translation starts from instead, of which there may be fewer than
                ``num``.
        """
        if translation is None:
            return min(MAX_NUM, self.num_real(None, domain)) if num is None else num
        source, _ = self.require_translation("this metric", translation)
        return self.num_real(MAX_NUM if num is None else num, source)

    def real_image(self, index: int, domain: str = DEFAULT_DOMAIN) -> Image:
        """Return real image ``index`` of a domain, (S, S, 3) RGB uint8.

        Raises:
            InputError: it cannot be read, or the dataset's images have another size.
        """
        real, side = self.require_real("this metric", domain), self.side()
        if hasattr(real, "read"):
            return square(_checked_image(real.read(index), real.name(index)), side)
        sample = real.sample(index, np.random.default_rng([_SAMPLE_SEED, index]))
        pixels = np.asarray(sample[domain if domain in sample else DEFAULT_DOMAIN])
        if len(pixels) == 1:  # grey
            pixels = np.repeat(pixels, 3, axis=0)
        image = to_image(checked_pixels(pixels, real.name(index)))
        if image.shape != (side, side, 3):
            what = f"is {image.shape[1]}x{image.shape[0]} pixels after the dataset's transforms, {side}x{side} expected"
            raise InputError(what, where=real.name(index), cure="Add a resize to the dataset's pipeline")
        return image

    def real_batches(
        self, num: int | None, batch_size: int, notes: list[str], domain: str = DEFAULT_DOMAIN
    ) -> Iterator[Images]:
        """Yield real images, at most ``num`` spread evenly over the set; unreadable ones are left out and noted.

        Args:
            num: None for all.
            batch_size: images in a batch, (n, S, S, 3); the last batch may be smaller.
            notes: a line is appended if images were left out.
            domain: of the images.

        Raises:
            InputError: no image can be read.
        """
        batch: list[Image] = []
        failures: list[InputError] = []
        indices = spread(len(self.require_real("this metric", domain)), num)
        for index in indices:
            try:
                batch.append(self.real_image(index, domain))
            except InputError as error:
                failures.append(error)
            if len(batch) == batch_size:
                yield np.stack(batch)
                batch = []
        if len(failures) == len(indices):
            raise failures[0]
        if failures:
            notes.append(f"{self.left_out(len(failures), len(indices), domain)}, the first because: {failures[0]}")
        if batch:
            yield np.stack(batch)

    def fake_batches(
        self, num: int, batch_size: int, notes: list[str], translation: str | None = None
    ) -> Iterator[Images]:
        """Yield samples 0 to num - 1, or the translations of ``num`` real images, in batches (n, S, S, 3).

        Args:
            num: number of samples, or most translations: those of unreadable images are left out.
            batch_size: images in a batch.
            notes: a line is appended if real images were left out.
            translation: None yields samples.

        Raises:
            ConfigError: the model cannot generate or translate.
            InputError: the model returned another number or size of images.
        """
        if translation is None:
            yield from self._samples(num, batch_size)
            return
        source, _ = self.require_translation("this metric", translation)
        for images in self.real_batches(num, batch_size, notes, source):
            yield transform_images(self.translate[translation], images, f"translation {translation}")

    def left_out(self, num: int, total: int, domain: str = DEFAULT_DOMAIN) -> str:
        """Return the beginning of a note about real images that were left out."""
        return f"{num} of {total} {self._named(domain)} left out"

    def _samples(self, num: int, batch_size: int) -> Iterator[Images]:
        generate, side = self.require("generate", "this metric"), self.side()
        for first in range(0, num, batch_size):
            count = min(batch_size, num - first)
            pixels = _as_array(generate(first, count), "generated images")
            if pixels.shape != (count, 3, side, side):
                raise InputError(
                    f"expected ({count}, 3, {side}, {side}), got {pixels.shape}",
                    where="generated images",
                    cure="Correct the model's generate function or the size",
                )
            yield pixels_to_images(pixels)

    def _named(self, domain: str) -> str:
        return "real images" if list(self._domains) == [DEFAULT_DOMAIN] else f"real images of domain {domain}"


_SAMPLE_SEED = 0
_LARGEST_MEAN = 3.0  # of the magnitude of pixels: an untrained network's outputs may have a deviation of 1 or 2
_LEAVE_OUT = "Leave the metric out for this model"
_NEEDS = {
    "generate": "a model that generates images",
    "reconstruct": "a model that reconstructs photos",
    "generator": "a StyleGAN2 generator",
}


def spread(length: int, num: int | None) -> list[int]:
    """Return ``num`` of ``length`` indices, evenly spread; all of them if ``num`` is None or larger.

    Example:
        >>> spread(10, 4)
        [0, 2, 5, 7]
    """
    if num is None or num >= length:
        return list(range(length))
    return [i * length // num for i in range(num)]


def transform_images(transform: Transform, images: Images, where: str) -> Images:
    """Apply a function of pixels to images (N, H, W, 3) uint8 and return its images, of the same shape.

    Raises:
        InputError: the function returned another number or size of images.
    """
    pixels = images_to_pixels(images)
    transformed = _as_array(transform(pixels), where)
    if transformed.shape != pixels.shape:
        what = f"expected {pixels.shape}, got {transformed.shape}"
        raise InputError(what, where=where, cure="The model must return one image of the same size for each")
    return pixels_to_images(transformed)


def pixels_to_images(pixels: FloatArray) -> Images:
    """Convert pixels (N, 3, H, W) in [-1, 1] to images (N, H, W, 3) uint8."""
    return np.stack([to_image(one) for one in pixels])


def images_to_pixels(images: Images) -> FloatArray:
    """Convert images (N, H, W, 3) uint8 to pixels (N, 3, H, W) float32 in [-1, 1]."""
    return np.concatenate([to_pixels(one) for one in images])


def checked_pixels(pixels: FloatArray, where: str) -> FloatArray:
    """Return pixels, of any shape, as float32.

    Outputs of a network may lie somewhat beyond [-1, 1]; of a scale of 0 to 255 nearly all values do, far beyond.

    Raises:
        InputError: whole numbers, as in images of 0 to 255; values on that scale; NaN or infinity.
    """
    cure = "Give pixels in [-1, 1]; images.to_pixels converts an image"
    if pixels.dtype.kind != "f":
        what = f"expected floating-point pixels in [-1, 1], got {pixels.dtype}"
        raise InputError(what, where=where, cure=cure)
    if not np.isfinite(pixels).all():
        raise InputError("pixels are not finite", where=where, cure="Check the model's weights")
    if pixels.size and np.abs(pixels).mean() > _LARGEST_MEAN:
        what = f"expected pixels in [-1, 1], got values from {pixels.min():.3g} to {pixels.max():.3g}"
        raise InputError(what, where=where, cure=cure)
    return np.asarray(pixels, np.float32)


def _checked_image(image: Image, where: str) -> Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"expected an image (H, W, 3) uint8, got {image.shape} {image.dtype}"
        raise InputError(what, where=where, cure="Return 8-bit RGB, the colour axis last")
    return image


def _as_array(pixels: FloatArray | paddle.Tensor, where: str) -> FloatArray:
    return checked_pixels(pixels if isinstance(pixels, np.ndarray) else pixels.numpy(), where)
