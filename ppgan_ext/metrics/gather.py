"""Features of a subject's real and generated images: computed once, kept where they are small enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.metrics import reference
from ppgan_ext.metrics.base import Progress
from ppgan_ext.metrics.moments import Moments, MomentSums, moments_of
from ppgan_ext.metrics.subject import Images, Subject
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.metrics.features import FeatureNetwork

# Features up to this size stay in the subject for the next metric: 60,000 images of 2048 numbers.
KEPT_BYTES = 512 * 2**20


def num_real(subject: Subject, num: int | None = None) -> int:
    """How many real images are compared: all, or at most ``num``."""
    length = len(subject.need("real", "this"))
    return length if num is None else min(num, length)


class Gatherer:
    """Gathers features for one metric.

    Args:
        subject: whose images.
        network: what to see in them.
        batch_size: images in one pass.
        progress: advanced by one for each image.

    Attributes:
        notes: what was left out.
    """

    def __init__(self, subject: Subject, network: FeatureNetwork, batch_size: int, progress: Progress) -> None:
        self._subject = subject
        self._network = network
        self._batch_size = batch_size
        self._progress = progress
        self.notes: list[str] = []

    def generated(self, num: int) -> FloatArray:
        """Features of samples 0 to num - 1, (num, F) float32."""
        key = ("generated", self._network.name, self._network.weights_hash, num)
        return self._array(key, num, lambda: self._subject.generated(num, self._batch_size))

    def generated_moments(self, num: int) -> Moments:
        """Moments of the features of samples 0 to num - 1."""
        if self._fits(num):
            return moments_of(self.generated(num))
        return self._stream(self._subject.generated(num, self._batch_size))

    def real(self, num: int | None = None) -> FloatArray:
        """Features of real images, (N, F) float32: all, or at most ``num`` spread evenly; from the cache if there."""
        width = self._network.num_features

        def compute() -> reference.Arrays:
            return {"features": self._real_array(num)}

        before = self._progress.done
        shapes = {"features": (None, width)}
        arrays = reference.remembered(self._key("features", num), compute, shapes)
        self._catch_up(before, num_real(self._subject, num), len(arrays["features"]))
        return arrays["features"]

    def real_moments(self) -> Moments:
        """Moments of the features of all real images, from the cache if there."""
        width = self._network.num_features

        def compute() -> reference.Arrays:
            if self._fits(num_real(self._subject)):
                found = moments_of(self._real_array(None))
            else:
                found = self._stream(self._subject.real_batches(None, self._batch_size, self.notes))
            return {"count": np.array(found.count), "mean": found.mean, "covariance": found.covariance}

        before = self._progress.done
        shapes = {"count": (), "mean": (width,), "covariance": (width, width)}
        arrays = reference.remembered(self._key("moments", None), compute, shapes)
        self._catch_up(before, num_real(self._subject), int(arrays["count"]))
        return Moments(int(arrays["count"]), arrays["mean"], arrays["covariance"])

    def _real_array(self, num: int | None) -> FloatArray:
        key = ("real", self._network.name, self._network.weights_hash, num_real(self._subject, num))
        return self._array(key, key[-1], lambda: self._subject.real_batches(num, self._batch_size, self.notes))

    def _array(self, key: tuple, num: int, batches: Callable[[], Iterable[Images]]) -> FloatArray:
        kept = self._subject.kept
        if key in kept:
            self._progress.advance(num)
            return kept[key]
        parts = []
        for images in batches():
            parts.append(self._extract(images).astype(np.float32))
            self._progress.advance(len(images))
        features = np.concatenate(parts)
        if self._fits(num):
            kept[key] = features
        return features

    def _stream(self, batches: Iterable[Images]) -> Moments:
        sums = MomentSums(self._network.num_features)
        for images in batches:
            sums.add(self._extract(images))
            self._progress.advance(len(images))
        return sums.moments()

    def _extract(self, images: Images) -> FloatArray:
        features = self._network.extract(images)
        if not np.isfinite(features).all():
            raise InputError(f"{self._network.name} gave features that are not finite", where="images")
        return features

    def _fits(self, num: int) -> bool:
        return num * self._network.num_features * 4 <= KEPT_BYTES

    def _key(self, kind: str, num: int | None) -> dict[str, Any] | None:
        kept = self._subject.kept
        if ("identity",) not in kept:
            kept["identity",] = reference.identity(self._subject)
        if kept["identity",] is None:
            return None
        return {
            "kind": kind,
            "network": self._network.name,
            "weights": self._network.weights_hash,
            "images": kept["identity",],
            "size": self._subject.side(),
            "count": num_real(self._subject, num),
        }

    def _catch_up(self, before: int, num: int, found: int) -> None:
        """Count the images that the cache, or their fault, spared us; say again what a cached set lacks."""
        self._progress.advance(before + num - self._progress.done)
        if found < num and not self.notes:
            self.notes.append(f"{num - found} of {num} real images left out, as they cannot be read")
