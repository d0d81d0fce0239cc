"""Pairs of real images and their reconstructions, and of the faces in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np
from pydantic import Field

from ppgan_ext.metrics.base import Figures, Metric, MetricOptions, OnProgress, Progress
from ppgan_ext.metrics.model_outputs import Images, ModelOutputs, transform_images
from ppgan_ext.types import Face, Image

# Reconstructions up to this size stay in the outputs' cache for the next metric: 1,000 images of 295 px.
MAX_CACHED_BYTES = 256 * 2**20

_T = TypeVar("_T")


class PairOptions(MetricOptions):
    """Options of the metrics that compare photos with their reconstructions.

    Attributes:
        num: the most real images used, spread evenly over the set; None for all.
    """

    num: int | None = Field(1000, ge=1)


class PairMetric(Metric):
    """A metric on photos and their reconstructions."""

    Options: ClassVar[type[MetricOptions]] = PairOptions

    def check(self, outputs: ModelOutputs) -> None:
        """Refuse outputs without reconstructions or real images; see :meth:`Metric.check`."""
        name = type(self).__name__
        if _has_targets(outputs):
            outputs.require_translation(name, next(iter(outputs.translate)))
            return
        outputs.require("reconstruct", name)
        outputs.require_real(name)

    def pairs(self, outputs: ModelOutputs, figures: Figures, on_progress: OnProgress | None) -> Iterator[ImagePair]:
        """Yield each real image with its reconstruction; of a model of pairs, each target with its output.

        Reconstructions are cached if they are few, so that several metrics cost one pass of the model.

        Args:
            outputs: the model's outputs and the real images.
            figures: a note is added if images were left out.
            on_progress: see :meth:`Metric.compute`.

        Raises:
            ConfigError: there is no ``reconstruct``, or no real images.
            InputError: a reconstruction has another size, or no image can be read.
        """
        self.check(outputs)
        if _has_targets(outputs):
            yield from self._targets(outputs, figures, on_progress)
            return
        reconstruct = outputs.require("reconstruct", type(self).__name__)
        progress = Progress(outputs.num_real(self.options.num), on_progress)
        key, position = ("reconstructions", progress.total), 0
        cached: list[Image] | None = outputs.cache.get(key)
        made: list[Image] = []
        for real in outputs.real_batches(self.options.num, self.options.batch_size, figures.notes):
            if cached is None:
                copies: Sequence[Image] | Images = transform_images(reconstruct, real, "reconstructions")
            else:
                copies = cached[position : position + len(real)]
            position += len(real)
            for photo, copy in zip(real, copies, strict=True):
                yield ImagePair(photo, copy)
                progress.advance()
            if cached is None and position * copies[0].nbytes <= MAX_CACHED_BYTES:
                made.extend(copies)
        if len(made) == position:
            outputs.cache[key] = made
        progress.advance(progress.total - progress.done)

    def _targets(self, outputs: ModelOutputs, figures: Figures, on_progress: OnProgress | None) -> Iterator[ImagePair]:
        """Yield each target with the translation of its partner; see `pairs`."""
        name = next(iter(outputs.translate))
        source, target = outputs.require_translation(type(self).__name__, name)
        progress = Progress(outputs.num_real(self.options.num, source), on_progress)
        # A file that cannot be read is missing in both domains, so the batches stay aligned.
        sources = outputs.real_batches(self.options.num, self.options.batch_size, figures.notes, source)
        targets = outputs.real_batches(self.options.num, self.options.batch_size, [], target)
        for inputs, real in zip(sources, targets, strict=True):
            for photo, copy in zip(real, transform_images(outputs.translate[name], inputs, name), strict=True):
                yield ImagePair(photo, copy)
                progress.advance()
        progress.advance(progress.total - progress.done)

    def face_pairs(self, outputs: ModelOutputs, figures: Figures, on_progress: OnProgress | None) -> Iterator[FacePair]:
        """Yield each real image with its reconstruction and the largest face in each.

        The faces are cached, so that several metrics detect them once. See :meth:`pairs` for the arguments.
        """
        from ppgan_ext.faces.detect import find_faces

        self.check(outputs)
        key = ("faces", outputs.num_real(self.options.num))
        cached, detected = outputs.cache.get(key), []
        for index, (photo, copy) in enumerate(self.pairs(outputs, figures, on_progress)):
            if cached is None:
                face = next(iter(find_faces(photo)), None)
                # Without a face in the photo there is nothing to compare a face in the reconstruction with.
                face_in_copy = None if face is None else next(iter(find_faces(copy)), None)
                detected.append((face, face_in_copy))
            else:
                face, face_in_copy = cached[index]
            yield FacePair(photo, copy, face, face_in_copy)
        if cached is None:
            outputs.cache[key] = detected

    def compare_faces(
        self, outputs: ModelOutputs, figures: Figures, on_progress: OnProgress | None,
        compare: Callable[[Image, Face, Image, Face], _T],
    ) -> tuple[list[_T], int]:  # fmt: skip
        """Compare the faces of all pairs that have one in both images.

        Args:
            outputs: the model's outputs and the real images.
            figures: a note is added on the photos without a face.
            on_progress: see :meth:`Metric.compute`.
            compare: called with a photo, its face, its reconstruction and the face in it.

        Returns:
            The results of ``compare``, and the number of photos with a face whose reconstruction has none.
        """
        results, num_faceless, num_lost = [], 0, 0
        for photo, copy, face, face_in_copy in self.face_pairs(outputs, figures, on_progress):
            if face is None:
                num_faceless += 1
            elif face_in_copy is None:
                num_lost += 1
            else:
                results.append(compare(photo, face, copy, face_in_copy))
        if num_faceless:
            total = num_faceless + len(results) + num_lost
            figures.notes.append(f"no face was found in {num_faceless} of {total} real images; they do not count")
        return results, num_lost


def _has_targets(outputs: ModelOutputs) -> bool:
    """Return whether a model's translations are compared with their targets, since it learns from pairs."""
    return outputs.reconstruct is None and outputs.paired and bool(outputs.translate)


class ImagePair(NamedTuple):
    """A real image and its reconstruction, (S, S, 3) RGB uint8 both."""

    photo: Image
    copy: Image


class FacePair(NamedTuple):
    """A real image and its reconstruction, and the largest face in each or None."""

    photo: Image
    copy: Image
    face: Face | None
    face_in_copy: Face | None


def mean_figure(name: str, values: list[float], figures: Figures) -> Figures:
    """Add the mean of one value per image to the figures, and return them."""
    figures[name] = float(np.mean(values))
    return figures
