"""Whether the images of the data sets fit the networks, checked before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ppgan_ext.errors import ConfigError

if TYPE_CHECKING:
    from ppgan_ext.networks.network_options import NetworkOptions
    from ppgan_ext.training.samples import SampleSets
    from ppgan_ext.training.settings import Settings

PAIRS = ("PairedDataset",)
TWO_DOMAINS = ("PairedDataset", "UnpairedDataset")


def dataset_problems(settings: Settings, names: tuple[str, ...]) -> Iterator[str]:
    """Yield a mistake for each data set of a kind that the family cannot use.

    Args:
        settings: the whole configuration.
        names: the kinds that it can use.
    """
    for part in ("train", "test"):
        block = getattr(settings.dataset, part)
        if block is not None and block.name not in names:
            yield f"dataset.{part}.name: {block.name} has no images of A and B; choose {' or '.join(names)}"


def check_images(
    samples: SampleSets, channels: Mapping[str, int], networks: Mapping[str, list[NetworkOptions]]
) -> None:
    """Check channels and sizes of the first training image and the first test image of each domain.

    Args:
        samples: the data sets.
        channels: domain -> the number of channels that the networks expect.
        networks: domain -> the options of the networks that see its images.

    Raises:
        ConfigError: they do not fit; the message names the cure, or the nearest two sizes.
        InputError: no image can be read.
    """
    for training in (True, False):
        for key, expected in channels.items():
            (image,) = samples.first(1, training=training, key=key)
            where = f"dataset.{'train' if training else 'test'}, images of {key}"
            _check_channels(image.shape[0], expected, where)
            for options in networks.get(key, []):
                _check_size(options, image.shape[1:], where)


def _check_channels(found: int, expected: int, where: str) -> None:
    if found == expected:
        return
    plural = "channel" if found == 1 else "channels"
    if expected == 1:
        cure = "Add {name: Grayscale} to the pipeline, or set the networks' channels to 3"
    else:
        cure = f"Set the networks' input_nc and output_nc to {found}, or leave Grayscale out"
    raise ConfigError(f"{found} {plural} where the networks expect {expected}", where=where, cure=cure)


def _check_size(options: Any, shape: tuple[int, ...], where: str) -> None:
    try:
        options.check_image_size(*shape)
    except ConfigError as error:
        raise ConfigError(error.what, where=where, cure=f"{error.cure}; change Resize and RandomCrop") from error
