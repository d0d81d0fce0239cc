"""Features of real images and of a model's images: computed once, and cached where they are small enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.metrics import disk_cache
from ppgan_ext.metrics.base import Progress
from ppgan_ext.metrics.model_outputs import DEFAULT_DOMAIN, Images, ModelOutputs
from ppgan_ext.metrics.moments import Moments, MomentSums, moments_of
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.metrics.features import FeatureNetwork

# Features up to this size stay in the outputs' cache for the next metric: 60,000 images of 2048 numbers.
MAX_CACHED_BYTES = 512 * 2**20


class FeatureCollector:
    """Computes features for one metric. F is the number of features of the network.

    Args:
        outputs: the model's outputs and the real images.
        network: computes the features.
        batch_size: images in one pass of the network.
        progress: advanced by one for each image.
        domain: domain of the real images.
        translation: the model's images are these translations; None for its samples.

    Attributes:
        notes: which images were left out.
    """

    def __init__(
        self, outputs: ModelOutputs, network: FeatureNetwork, batch_size: int, progress: Progress, *,
        domain: str = DEFAULT_DOMAIN, translation: str | None = None,
    ) -> None:  # fmt: skip
        self._outputs = outputs
        self._network = network
        self._batch_size = batch_size
        self._progress = progress
        self._domain = domain
        self._translation = translation
        self.notes: list[str] = []

    def fakes(self, num: int) -> FloatArray:
        """Return the features of samples 0 to num - 1, or of translations of ``num`` images, (num, F) float32."""
        before = self._position()
        key = ("fakes", self._translation, self._network.name, self._network.weights_hash, num)
        features = self._array(key, num, lambda: self._fake_batches(num))
        self._catch_up(before, num, len(features), self._fake_domain())
        return features

    def fake_moments(self, num: int) -> Moments:
        """Return the moments of the features of samples 0 to num - 1, or of translations of ``num`` images."""
        if self._fits(num):
            return moments_of(self.fakes(num))
        before = self._position()
        moments = self._stream(self._fake_batches(num))
        self._catch_up(before, num, moments.count, self._fake_domain())
        return moments

    def real(self, num: int | None = None) -> FloatArray:
        """Return the features of real images, (N, F) float32: all, or at most ``num`` spread evenly.

        They are read from the disk cache if they are there.
        """
        width = self._network.num_features

        def compute() -> disk_cache.Arrays:
            return {"features": self._real_array(num)}

        before = self._position()
        shapes = {"features": (None, width)}
        arrays = disk_cache.load_or_compute(self._key("features", num), compute, shapes)
        self._catch_up(before, self._num_real(num), len(arrays["features"]), self._domain)
        return arrays["features"]

    def real_moments(self) -> Moments:
        """Return the moments of the features of all real images, from the disk cache if they are there."""
        width = self._network.num_features

        def compute() -> disk_cache.Arrays:
            if self._fits(self._num_real()):
                moments = moments_of(self._real_array(None))
            else:
                moments = self._stream(self._real_batches(None))
            return {"count": np.array(moments.count), "mean": moments.mean, "covariance": moments.covariance}

        before = self._position()
        shapes = {"count": (), "mean": (width,), "covariance": (width, width)}
        arrays = disk_cache.load_or_compute(self._key("moments", None), compute, shapes)
        self._catch_up(before, self._num_real(), int(arrays["count"]), self._domain)
        return Moments(int(arrays["count"]), arrays["mean"], arrays["covariance"])

    def _num_real(self, num: int | None = None) -> int:
        return self._outputs.num_real(num, self._domain)

    def _real_batches(self, num: int | None) -> Iterable[Images]:
        return self._outputs.real_batches(num, self._batch_size, self.notes, self._domain)

    def _fake_batches(self, num: int) -> Iterable[Images]:
        return self._outputs.fake_batches(num, self._batch_size, self.notes, self._translation)

    def _fake_domain(self) -> str:
        """Return the domain whose unreadable images leave gaps among the model's images."""
        if self._translation is None:
            return self._domain
        return self._outputs.require_translation("this metric", self._translation)[0]

    def _real_array(self, num: int | None) -> FloatArray:
        length = self._num_real(num)
        key = ("real", self._domain, self._network.name, self._network.weights_hash, length)
        return self._array(key, length, lambda: self._real_batches(num))

    def _array(self, key: tuple, num: int, batches: Callable[[], Iterable[Images]]) -> FloatArray:
        cache = self._outputs.cache
        if key in cache:
            self._progress.advance(num)
            return cache[key]
        parts = []
        for images in batches():
            parts.append(self._extract(images).astype(np.float32))
            self._progress.advance(len(images))
        features = np.concatenate(parts)
        if self._fits(num):
            cache[key] = features
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
            raise InputError(
                f"features of {self._network.name} are not finite", where="images", cure="Check the network's weights"
            )
        return features

    def _fits(self, num: int) -> bool:
        return num * self._network.num_features * 4 <= MAX_CACHED_BYTES

    def _key(self, kind: str, num: int | None) -> dict[str, Any] | None:
        cache, name = self._outputs.cache, ("fingerprint", self._domain)
        if name not in cache:
            cache[name] = disk_cache.fingerprint(self._outputs, self._domain)
        if cache[name] is None:
            return None
        return {
            "kind": kind,
            "network": self._network.name,
            "weights": self._network.weights_hash,
            "images": cache[name],
            "size": self._outputs.side(),
            "count": self._num_real(num),
        }

    def _position(self) -> tuple[int, int]:
        return self._progress.done, len(self.notes)

    def _catch_up(self, before: tuple[int, int], num: int, num_present: int, domain: str) -> None:
        """Count images that needed no pass, cached or unreadable ones; repeat the note on what a cached set lacks."""
        num_done, num_notes = before
        self._progress.advance(num_done + num - self._progress.done)
        if num_present < num and len(self.notes) == num_notes:
            self.notes.append(f"{self._outputs.left_out(num - num_present, num, domain)}, as they cannot be read")
