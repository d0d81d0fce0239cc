"""What the families that translate images share: data, directions, sheets, metrics, and the notes before a run."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle

from ppgan_ext.data.pipeline import fixed_transforms
from ppgan_ext.data.unpaired_dataset import UnpairedDataset
from ppgan_ext.errors import InputError
from ppgan_ext.file_names import clean, folded, shortened, unique
from ppgan_ext.nn.dropout import masks_from
from ppgan_ext.nn.forms import once_form
from ppgan_ext.training.shared.direction import Ends, ends_of
from ppgan_ext.training.shared.evaluation import apply_alone
from ppgan_ext.training.shared.image_checks import check_images
from ppgan_ext.training.shared.memory_estimate import describe_memory
from ppgan_ext.training.shared.sheets import heat_picture, sheet, to_rgb
from ppgan_ext.training.shortage import smaller
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.networks.network_options import NetworkOptions
    from ppgan_ext.training.shared.phases import Shard

_NUM_SHOWN = 4
_MAX_STEM = 200  # bytes of an image's name in that of its translation


class TranslationTask(Task):
    """Training of networks that translate images of one domain into another.

    Attributes:
        passes: every network -> its forward passes whose features are kept at the same time, for the memory estimate.
        paired: whether image i of both domains shows the same thing.
    """

    passes: ClassVar[Mapping[str, int]] = {}
    paired: ClassVar[bool] = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._form = once_form(self.processes.device == "cpu")
        self.ends = ends_of(self.options.direction)

    # ---- what a family says of itself

    @property
    @abc.abstractmethod
    def generators(self) -> dict[str, Ends]:
        """The networks that translate, with the domains of each."""

    @abc.abstractmethod
    def options_of(self, name: str) -> NetworkOptions:
        """Return the options of a network."""

    @abc.abstractmethod
    def columns(self, ends: Ends, photos: paddle.Tensor) -> dict[str, list[Image]]:
        """Return the columns of a sheet, label -> images, for photos (N, C, H, W) of the domain ``ends.source``."""

    # ---- checks and notes

    def check_data(self) -> None:
        """Check the images of both domains against the networks.

        Raises:
            ConfigError: size or channels do not fit.
        """
        if self._samples is None:
            return
        generator = self.options.generator
        channels = {self.ends.source: generator.input_nc, self.ends.target: generator.output_nc}
        networks = [self.options_of(name) for name in self.passes]
        check_images(self._samples, channels, {key: networks for key in channels})

    def notes(self) -> list[str]:
        """Estimate the memory of training; say that pairs are used as if they were none."""
        (photo,) = self.samples.first(1, training=True, key=self.ends.source)
        channels = {name: self.options_of(name).input_nc for name in self.networks}  # type: ignore[attr-defined]
        images = {
            name: from_array(np.zeros((1, count, *photo.shape[1:]), np.float32)) for name, count in channels.items()
        }
        cure = smaller(self.settings)
        memory = describe_memory(self.networks, images, self.passes, self.settings.batch_size, self._form, cure)
        return [memory] if self.paired else [memory, *self._hint_at_pairs()]

    def _hint_at_pairs(self) -> list[str]:
        train, found = self.samples.train, "the data are pairs"
        if isinstance(train, UnpairedDataset):
            if not train.looks_paired:
                return []
            found = "A and B have pictures of the same names: if they show the same things"
        learns = "Pix2PixModel learns more from pairs (tools/prepare_pairs.py joins them)"
        return [f"{found}: {learns} than {self.options.name}"]

    # ---- one iteration

    @contextlib.contextmanager
    def seeded_masks(self, shard: Shard, *names: str) -> Iterator[None]:
        """Return a context in which dropout of these networks draws from the shard's random numbers."""
        with masks_from(shard.generator("dropout"), *(self.networks[name] for name in names)):
            yield

    # ---- applying the networks

    def translated(self, name: str, pixels: paddle.Tensor) -> tuple[FloatArray, ...]:
        """Translate images (N, C, H, W) with a network as after training.

        Returns:
            The translations, (N, C, H, W); of networks with attention also logits (N, 2) and heatmaps (N, 1, h, w).
        """
        parts = apply_alone(self.networks[name], pixels, self.settings.seed)
        return tuple(np.concatenate([part[i].numpy() for part in parts]) for i in range(len(parts[0])))

    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return a sheet for each direction, with a row for each of the first test images."""
        count = self.settings.image_num or _NUM_SHOWN
        sheets = {}
        for ends in self.generators.values():
            photos = np.stack(self.samples.first(count, key=ends.source))
            sheets[f"sheet_{ends.name}"] = sheet(self.columns(ends, from_array(photos)))
        return sheets

    def test_results(self, iteration: int, leave_out: Callable[[InputError], None]) -> Iterator[tuple[str, Image]]:
        """Yield the translation of every test image, named by its direction and the image, such as "a2b_horse"."""
        taken: set[str] = set()
        for name, ends in self.generators.items():
            images = self._test_domain(ends.source)
            for index in range(len(images)):
                try:
                    pixels = images.sample(index, self.random.generator("pictures", index))[ends.source]
                except InputError as error:
                    leave_out(error)
                    continue
                made = self.translated(name, from_array(pixels[None]))[0]
                stem = shortened(clean(Path(images.name(index)).stem), _MAX_STEM)
                own = unique(f"{ends.name}_{stem}", taken)
                taken.add(folded(own))
                yield own, to_rgb(made[0])

    def _test_domain(self, key: str) -> Any:
        """Return the test images of a domain."""
        test = self.samples.test
        return test.domains()[key] if hasattr(test, "domains") else test

    def outputs(self) -> ModelOutputs:
        """Return the translations of every direction, for the metrics."""
        from ppgan_ext.metrics import ModelOutputs

        test = self.samples.test
        real = test.domains() if hasattr(test, "domains") else test
        (photo,) = self.samples.first(1, key=self.ends.source)
        translate = {ends.name: self._translation(name) for name, ends in self.generators.items()}
        return ModelOutputs(real=real, translate=translate, size=photo.shape[2], paired=self.paired)

    def _translation(self, name: str) -> Any:
        num_channels = self.options_of(name).input_nc  # type: ignore[attr-defined]

        def translate(pixels: FloatArray) -> FloatArray:
            if num_channels == 1:  # metrics compare RGB, of which grey images have three equal channels
                pixels = np.ascontiguousarray(pixels[:, :1])
            made = self.translated(name, from_array(np.ascontiguousarray(pixels)))[0]
            return np.repeat(made, 3, axis=1) if made.shape[1] == 1 else made

        return translate

    def translators(self) -> dict[str, dict[str, Any]]:
        """Return direction, options and preprocessing of every generator."""
        dataset = self.settings.dataset.test or self.settings.dataset.train
        steps = getattr(dataset, "preprocess", [])
        return {
            name: {
                "family": self.options.name,
                "direction": ends.name,
                "network": self.options_of(name).model_dump(mode="json"),
                "transforms": fixed_transforms(steps, ends.source),
            }
            for name, ends in self.generators.items()
        }


def rgb_images(pixels: FloatArray) -> list[Image]:
    """Convert pixels (N, C, H, W) to images (H, W, 3)."""
    return [to_rgb(item) for item in pixels]


def heat_pictures(heatmaps: FloatArray, shape: tuple[int, int]) -> list[Image]:
    """Draw heatmaps (N, 1, h, w) as images (height, width, 3)."""
    return [heat_picture(item[0], shape) for item in heatmaps]
