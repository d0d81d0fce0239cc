"""Measure the model's random samples: FID, KID and PPL, each named after the network it is computed with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.apps.studies.models.held_back import HeldBackFaces
from ppgan_ext.images import grid, to_image
from ppgan_ext.latents.truncation import truncate
from ppgan_ext.metrics import FID, KID, PPL, Figures, Subject
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.metrics.features import FeatureNetwork

NUM_SHOWN, COLUMNS, PSI = 24, 8, 0.7
_SEED = 0
_MAX_PATHS = 10_000

Measurement = tuple[str, Callable[[Callable[[int, int], None]], Figures]]


def make_subject(engine: Engine, faces: HeldBackFaces) -> Subject:
    """Return the subject of the metrics: the model's samples, untruncated, and all faces of the source."""

    def generate(first: int, count: int) -> FloatArray:
        return draw(engine, first, count, 1.0)

    synthesizer = engine.synthesizer
    return Subject(faces.source, generate, generator=synthesizer.generator, size=synthesizer.size)


def draw(engine: Engine, first: int, count: int, psi: float) -> FloatArray:
    """Draw samples first, first + 1, ..., (count, 3, S, S), about [-1, 1]; sample i does not depend on the batch."""
    synthesizer = engine.synthesizer
    numbers = [np.random.default_rng([_SEED, first + i]).standard_normal(synthesizer.style_dim) for i in range(count)]
    w = synthesizer.map(np.stack(numbers).astype(np.float32))
    return synthesizer.render(truncate(w, synthesizer.w_avg, psi, n_latent=synthesizer.n_latent))


def sheet(engine: Engine) -> Image:
    """Draw 24 samples at psi 0.7 as one picture."""
    return grid([to_image(one) for one in draw(engine, 0, NUM_SHOWN, PSI)], COLUMNS)


def measurements(subject: Subject, num: int, crop: str) -> Iterator[Measurement]:
    """Yield the measurements by name, to be run one by one.

    Distances are computed in two feature spaces: the one that `metrics.features.choose` returns, and dlib's, which this
    package only trains with in an identity loss.

    Args:
        subject: the samples and the real faces.
        num: number of samples.
        crop: template of the faces.
    """
    from ppgan_ext.metrics import features

    for network in (features.choose(), identity_features(crop)):
        for metric in (FID({"num": num}, network), KID({"num": num}, network)):
            name = f"{type(metric).__name__} {network.name}"
            yield name, lambda report, metric=metric: metric.compute(subject, report)  # type: ignore[misc]
    yield "PPL", lambda report: PPL({"num": min(num, _MAX_PATHS)}).compute(subject, report)


def identity_features(crop: str) -> FeatureNetwork:
    """Return dlib's descriptor, "dlib-resnet", 128 features: sensitive to identity, little to sharpness."""
    import hashlib

    import paddle

    from ppgan_ext.losses.identity import identity_network
    from ppgan_ext.metrics.features import PixelFeatures
    from ppgan_ext.weights import dlib_models

    network = identity_network("dlib-resnet", template=crop)
    digest = hashlib.sha256(dlib_models.descriptor_file().read_bytes()).hexdigest()

    def apply(pixels: Any) -> paddle.Tensor:
        return network.describe(pixels)

    return PixelFeatures(network.name, network.num_features, digest, apply)
