"""PaddleGAN's `preprocess` section: steps that turn a sample's pictures, {key: image}, into arrays for networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext import config
from ppgan_ext.data.transform_table import AnyTransform
from ppgan_ext.data.transforms import Layout, Transform
from ppgan_ext.errors import InputError
from ppgan_ext.option_types import Block
from ppgan_ext.types import Image

Arrays: TypeAlias = dict[str, npt.NDArray]


class PreprocessStep(Block):
    """A step of `preprocess`, which replaces or adds images of a sample."""

    def check(self, layouts: dict[str, Layout]) -> None:
        """Check that the step can follow the steps before it.

        Args:
            layouts: key -> layout of the image before this step; updated to the layouts after it.

        Raises:
            ValueError: the step is out of place.
        """
        raise NotImplementedError

    def run(self, images: Arrays, rng: np.random.Generator, shared_draws: bool) -> Arrays:
        """Return the sample's images after this step; see `Pipeline`."""
        raise NotImplementedError


class LoadImageFromFile(PreprocessStep):
    """Load the picture of a key, as BGR with ``to_rgb: False``. PaddleGAN's other options have no effect."""

    name: Literal["LoadImageFromFile"]
    key: str
    to_rgb: bool = True
    flag: int = -1
    backend: str | None = None
    save_original_img: bool = False

    def check(self, layouts: dict[str, Layout]) -> None:
        """Add the key; raises ValueError if it was loaded before."""
        if self.key in layouts:
            raise ValueError(f"LoadImageFromFile must appear only once for the key '{self.key}'")
        layouts[self.key] = "HWC"

    def run(self, images: Arrays, rng: np.random.Generator, shared_draws: bool) -> Arrays:
        """Return the images, that of this step's key as RGB or BGR."""
        return images if self.to_rgb else {**images, self.key: images[self.key][:, :, ::-1]}


class SplitPairedImage(PreprocessStep):
    """Cut a picture that shows a pair side by side into its left half, A, and its right half, B.

    Both halves have the same width: of an odd number of columns, the last is left out.
    """

    name: Literal["SplitPairedImage"]
    key: str
    paired_keys: tuple[str, str] = ("A", "B")

    def check(self, layouts: dict[str, Layout]) -> None:
        """Replace the key by those of the halves.

        Raises:
            ValueError: the key is not loaded, or the halves have one name.
        """
        if self.key not in layouts:
            raise ValueError(f"SplitPairedImage reads '{self.key}'; put a LoadImageFromFile with that key before it")
        if layouts[self.key] != "HWC":
            raise ValueError("SplitPairedImage must come before Transpose")
        if len(set(self.paired_keys)) < 2:
            raise ValueError("paired_keys must be two names, such as [A, B]")
        layouts |= dict.fromkeys(self.paired_keys, layouts.pop(self.key))

    def run(self, images: Arrays, rng: np.random.Generator, shared_draws: bool) -> Arrays:
        """Return the images, with two halves in place of the pair.

        Raises:
            InputError: the picture is narrower than two pixels.
        """
        images = dict(images)
        pair = images.pop(self.key)
        half = pair.shape[1] // 2
        if not half:
            raise InputError("is one pixel wide, so it shows no pair", cure="Join pairs with tools/prepare_pairs.py")
        left, right = self.paired_keys
        return images | {left: pair[:, :half], right: pair[:, half : 2 * half]}


class Transforms(PreprocessStep):
    """Transforms that are applied one after another to the images of ``input_keys``.

    The results replace the inputs. As in PaddleGAN, they are stored under ``output_keys`` too, if given.
    """

    name: Literal["Transforms"]
    input_keys: Annotated[tuple[str, ...], pydantic.Field(min_length=1)]
    output_keys: tuple[str, ...] | None = None
    pipeline: list[AnyTransform]

    def check(self, layouts: dict[str, Layout]) -> None:
        """Follow the layouts through all transforms.

        Raises:
            ValueError: a key is not loaded, or a transform is out of place or does not name its inputs.
        """
        for key in self.input_keys:
            if key not in layouts:
                raise ValueError(f"Transforms reads the key '{key}'; put a LoadImageFromFile with that key before it")
        if self.output_keys is not None and len(self.output_keys) != len(self.input_keys):
            raise ValueError(f"output_keys must have {len(self.input_keys)} entries, as many as input_keys")
        for transform in self.pipeline:
            for key in self._keys_of(transform):
                layouts[key] = transform.layout_after(layouts[key])
        layouts.update(self._outputs(layouts))

    def run(self, images: Arrays, rng: np.random.Generator, shared_draws: bool) -> Arrays:
        """Return the images, those of this step's keys transformed."""
        images = dict(images)
        for transform in self.pipeline:
            inputs = {key: images[key] for key in self._keys_of(transform)}
            images |= _transform_all(transform, inputs, rng, shared_draws)
        return images | self._outputs(images)

    def _keys_of(self, transform: Transform) -> tuple[str, ...]:
        """Return the input keys that a transform changes; raises ValueError if its ``keys`` do not determine them."""
        if len(self.input_keys) == 1:
            return self.input_keys
        kinds = transform.keys
        if not kinds or set(kinds) != {"image"}:
            # Paddle's default, [image], transforms the first input alone, which is hardly what a pair needs.
            entries, inputs = ", ".join("image" for _ in self.input_keys), " and ".join(self.input_keys)
            name = type(transform).__name__
            raise ValueError(f"{name} needs 'keys: [{entries}]' for {inputs}; images beyond the list stay unchanged")
        return self.input_keys[: len(kinds)]

    def _outputs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return output key -> value of the input key."""
        return dict(zip(self.output_keys or (), [values[key] for key in self.input_keys], strict=False))


AnyStep: TypeAlias = Annotated[LoadImageFromFile | SplitPairedImage | Transforms, pydantic.Field(discriminator="name")]


class Pipeline:
    """Turns the pictures of a sample into arrays for networks.

    Args:
        steps: the validated steps of `preprocess`.

    Attributes:
        loaded: the keys of the pictures that it needs.
        keys: the keys of the arrays that it makes.

    Raises:
        ValueError: the steps, in this order, do not make (C, H, W) of every image.
    """

    def __init__(self, steps: Sequence[PreprocessStep]) -> None:
        if not steps or not isinstance(steps[0], LoadImageFromFile):
            raise ValueError("must begin with LoadImageFromFile")
        layouts: dict[str, Layout] = {}
        for step in steps:
            step.check(layouts)
        for key, layout in layouts.items():
            if layout != "CHW":
                raise ValueError(f"Transpose is missing for '{key}': networks expect the colours first")
        self._steps = tuple(steps)
        self.keys = tuple(layouts)
        self.loaded = tuple(step.key for step in steps if isinstance(step, LoadImageFromFile))

    def __call__(
        self, images: Mapping[str, Image], rng: np.random.Generator, *, shared_draws: bool = False
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Run all steps.

        Args:
            images: key of a LoadImageFromFile -> (H, W, 3) RGB uint8, or (H, W, 1) grey.
            rng: source of the random parameters, drawn transform by transform and, within a transform, key by key.
            shared_draws: one draw of a random transform serves all its inputs, as pairs need; else each has its own.

        Returns:
            Key -> (C, H, W) float32, contiguous.

        Raises:
            InputError: an image is too small for a crop, or images that share a draw differ in size.
        """
        arrays: Arrays = dict(images)
        for step in self._steps:
            arrays = step.run(arrays, rng, shared_draws)
        return {key: np.ascontiguousarray(arrays[key], dtype=np.float32) for key in self.keys}


def build_pipeline(preprocess: Sequence[Mapping[str, Any] | PreprocessStep], step: Any = AnyStep) -> Pipeline:
    """Build a pipeline from the `preprocess` section of a YAML file.

    Args:
        preprocess: mappings as in the file; validated steps among them are used as they are.
        step: type of the steps that a data set accepts, a union distinguished by ``name``.

    Raises:
        ConfigError: lists every unknown step, key and value, with the nearest right name.
    """
    fields: dict[str, Any] = {"preprocess": (list.__class_getitem__(step), ...)}
    model: Any = pydantic.create_model("Preprocess", __base__=Block, **fields)
    options, mistakes = config.validate(model, {"preprocess": list(preprocess)}, {}, None)
    config.refuse(mistakes)
    assert options is not None
    try:
        return Pipeline(options.preprocess)
    except ValueError as error:
        config.refuse([f"preprocess: {error}"])
        raise


def fixed_transforms(steps: Sequence[PreprocessStep], key: str) -> list[dict[str, Any]]:
    """Return the transforms of a key's image that draw nothing at random, as in a YAML file.

    Applied to a single picture, they do what a test set does to its images.

    Args:
        steps: the validated steps of `preprocess`.
        key: of the image.
    """
    transforms = []
    for step in steps:
        if isinstance(step, Transforms) and key in step.input_keys:
            kept = [item for item in step.pipeline if key in step._keys_of(item) and not item.is_random]
            transforms += [item.model_dump(mode="json", exclude_none=True, exclude={"keys"}) for item in kept]
    return transforms


def _transform_all(transform: Transform, images: Arrays, rng: np.random.Generator, shared_draws: bool) -> Arrays:
    """Apply one transform to several images, with one draw for all or one for each."""
    if not shared_draws and not transform.shares_draws:
        return {key: transform(image, rng) for key, image in images.items()}
    first = next(iter(images.values()))
    parameters = transform.draw(rng, first.shape)
    if parameters is not None:
        _check_one_size(transform, images)
    return {key: transform.apply(image, parameters) for key, image in images.items()}


def _check_one_size(transform: Transform, images: Arrays) -> None:
    (first, shape), *others = [(key, image.shape[:2]) for key, image in images.items()]
    for key, (height, width) in others:
        if (height, width) != shape:
            name = type(transform).__name__
            what = f"'{first}' has {shape[1]} x {shape[0]} pixels and '{key}' {width} x {height}; {name} needs one size"
            raise InputError(what, cure=f"Put a Resize to [height, width] before {name}")
