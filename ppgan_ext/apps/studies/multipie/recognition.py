"""Describe pictures with a face network and match them, the nearest in the gallery first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.multipie.options import RecognitionOptions
from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.errors import InputError
from ppgan_ext.images import to_pixels
from ppgan_ext.metrics.rank1 import Measure, rank1_hits
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.losses.identity import IdentityDistance

_BATCH_SIZE = 32


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of pictures.

    Attributes:
        indices: index in their source of each picture that could be read.
        rows: (len(indices), F) float64.
        bad: name -> why the picture could not be read.
    """

    indices: list[int]
    rows: FloatArray
    bad: dict[str, str]


class Recogniser:
    """The face network and the distance that the options choose.

    Attributes:
        measure: the distance of descriptors, "euclidean" or "cosine".
    """

    def __init__(self, options: RecognitionOptions, progress: Progress = no_progress) -> None:
        from ppgan_ext.losses.identity import identity_network

        template = None if options.crop == "chip" else options.crop
        self._network = identity_network(options.network, options.weight_path, template=template)
        self._progress = progress
        default: Measure = "euclidean" if options.network == "dlib-resnet" else "cosine"
        self.measure: Measure = options.measure or default

    def describe(self, source: ImageSource, indices: Sequence[int], task: str) -> Descriptors:
        """Describe pictures of a source, each at its own size; ``task`` names the work in the progress.

        Raises:
            InputError: a picture is not square.
        """
        kept: list[int] = []
        rows: list[FloatArray] = []
        bad: dict[str, str] = {}
        for first in range(0, len(indices), _BATCH_SIZE):
            self._progress(task, first, len(indices))
            images = []
            for index in indices[first : first + _BATCH_SIZE]:
                try:
                    images.append((index, source.read(index)))
                except BadFileError as error:
                    bad[source.name(index)] = error.what
            for _, group in itertools.groupby(images, key=lambda item: item[1].shape):
                numbers, alike = zip(*group, strict=True)
                pixels = np.concatenate([to_pixels(image) for image in alike])
                rows.append(_compute_descriptors(self._network, pixels, source.name(numbers[0])))
                kept += numbers
        shape = (0, self._network.num_features)
        return Descriptors(kept, np.concatenate([np.zeros(shape), *rows]), bad)

    def describe_synthesised(
        self, probes: Sequence[int], source: ImageSource, index_of: Mapping[int, int]
    ) -> Descriptors:
        """Describe the pictures synthesised from the probes.

        Args:
            probes: the probes.
            source: the synthesised pictures.
            index_of: probe -> index of its picture in ``source``.

        Returns:
            One row per probe; NaN where it has no readable picture.
        """
        indices = [index_of[i] for i in probes if i in index_of]
        descriptors = self.describe(source, indices, "describing the synthesised pictures")
        rows = np.full((len(probes), descriptors.rows.shape[1]), np.nan)
        row_of = {index: row for row, index in enumerate(descriptors.indices)}
        for row, probe in enumerate(probes):
            if (index := index_of.get(probe)) in row_of:
                rows[row] = descriptors.rows[row_of[index]]
        return Descriptors(list(probes), rows, descriptors.bad)

    def hits(
        self, probes: FloatArray, people: npt.NDArray, gallery: FloatArray, gallery_people: npt.NDArray
    ) -> npt.NDArray[np.bool_]:
        """Return which probes are recognised, (P,); see `rank1_hits`."""
        return rank1_hits(probes, people, gallery, gallery_people, self.measure)


def _compute_descriptors(network: IdentityDistance, pixels: FloatArray, name: str) -> FloatArray:
    import paddle

    height, width = pixels.shape[2:]
    if height != width:
        cure = "Align the photos first: tools/prepare_faces.py, see docs/data.md"
        raise InputError(f"is {width} x {height} pixels, not an aligned square", where=name, cure=cure)
    return np.asarray(network.prepare(paddle.to_tensor(pixels)).numpy(), np.float64)
