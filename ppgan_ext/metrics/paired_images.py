"""Real images beside their reconstructions, and the faces found in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from ppgan_ext.errors import InputError
from ppgan_ext.metrics.base import Figures, Metric, MetricOptions, OnProgress, Progress
from ppgan_ext.metrics.gather import num_real
from ppgan_ext.metrics.subject import Images, Subject, as_array, to_images, to_pixels
from ppgan_ext.types import Face, FloatArray, Image

# Reconstructions up to this size stay in the subject for the next metric: 1,000 images of 295 px.
KEPT_BYTES = 256 * 2**20


class PairOptions(MetricOptions):
    """Options of the metrics that compare photos with their reconstructions.

    Attributes:
        num: the most real images that are used, spread evenly over the set; None for all.
    """

    num: int | None = Field(1000, ge=1)


class PairMetric(Metric):
    """A metric on photos and their reconstructions."""

    Options: ClassVar[type[MetricOptions]] = PairOptions

    def check(self, subject: Subject) -> None:
        """Refuse a subject that lacks what pairs need.

        Raises:
            ConfigError: nothing to reconstruct with, or no real images.
            InputError: the real images are none.
        """
        for part in ("reconstruct", "real"):
            subject.need(part, type(self).__name__)

    def pairs(self, subject: Subject, figures: Figures, on_progress: OnProgress | None) -> Iterator[ImagePair]:
        """Yield each real image and its reconstruction.

        Reconstructions are kept in the subject while they are few, so that several metrics cost one pass of the model.

        Args:
            subject: whose images.
            figures: takes notes of what was left out.
            on_progress: see :meth:`Metric.compute`.

        Raises:
            ConfigError: nothing to reconstruct with, or no real images.
            InputError: a reconstruction of another size, or no image that can be read.
        """
        self.check(subject)
        reconstruct = subject.need("reconstruct", type(self).__name__)
        progress = Progress(num_real(subject, self.options.num), on_progress)
        key, position = ("reconstructions", progress.total), 0
        kept: list[Image] | None = subject.kept.get(key)
        made: list[Image] = []
        for real in subject.real_batches(self.options.num, self.options.batch_size, figures.notes):
            ours = _reconstructed(reconstruct, real) if kept is None else kept[position : position + len(real)]
            position += len(real)
            for photo, copy in zip(real, ours, strict=True):
                yield ImagePair(photo, copy)
                progress.advance()
            if kept is None and position * ours[0].nbytes <= KEPT_BYTES:
                made.extend(ours)
        if len(made) == position:
            subject.kept[key] = made
        progress.advance(progress.total - progress.done)

    def face_pairs(self, subject: Subject, figures: Figures, on_progress: OnProgress | None) -> Iterator[FacePair]:
        """Yield each real image and its reconstruction, with the largest face found in either.

        Where faces are is kept in the subject, so that several metrics look for them once.
        """
        from ppgan_ext.faces.detect import find_faces

        self.check(subject)
        key = ("faces", num_real(subject, self.options.num))
        kept, found = subject.kept.get(key), []
        for index, (photo, copy) in enumerate(self.pairs(subject, figures, on_progress)):
            if kept is None:
                face = next(iter(find_faces(photo)), None)
                # Without a face in the photo there is nothing to compare the reconstruction's with.
                again = None if face is None else next(iter(find_faces(copy)), None)
                found.append((face, again))
            else:
                face, again = kept[index]
            yield FacePair(photo, copy, face, again)
        if kept is None:
            subject.kept[key] = found


class ImagePair(NamedTuple):
    """A real image and its reconstruction, (S, S, 3) RGB uint8 both."""

    photo: Image
    copy: Image


class FacePair(NamedTuple):
    """A real image and its reconstruction, and the largest face in each; None where there is none."""

    photo: Image
    copy: Image
    face: Face | None
    face_in_copy: Face | None


def _reconstructed(reconstruct: Callable[[FloatArray], FloatArray], real: Images) -> Images:
    pixels = to_pixels(real)
    found = as_array(reconstruct(pixels))
    if found.shape != pixels.shape:
        raise InputError(f"expected {pixels.shape}, got {found.shape}", where="reconstructions")
    return to_images(found)


def mean_figure(name: str, values: list[float], figures: Figures) -> Figures:
    """Add the mean of one value per image."""
    figures[name] = float(np.mean(values))
    return figures
