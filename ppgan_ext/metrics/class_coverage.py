"""Which classes generated images show: how many of them appear, how evenly, and whether they are those asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics.base import Figures, Metric, MetricOptions, OnProgress, Progress
from ppgan_ext.metrics.fid import frechet_distance
from ppgan_ext.metrics.model_outputs import Images, ModelOutputs, spread
from ppgan_ext.metrics.moments import Moments, MomentSums

if TYPE_CHECKING:
    from ppgan_ext.metrics.small_classifier import SmallClassifier

NETWORK = "small-classifier"
_HELD_OUT = 0.1  # share of the real images on which the classifier itself is measured
_FAIR_SHARE = 0.25  # a class counts as covered from this part of the share that it would have if all were equal
_UNSURE = 0.9
_FEWEST = 20


class _Trained(NamedTuple):
    """A classifier, its accuracy on real images held out, and the moments of its features of all real images."""

    classifier: SmallClassifier
    accuracy: float
    real: Moments


class ClassCoverageOptions(MetricOptions):
    """Options of :class:`ClassCoverage`.

    Attributes:
        num: number of generated images.
        num_train: the most real images that the classifier is trained on.
        epochs: passes over them.
        seed: of the classifier's weights and of the order of its training.
    """

    num: int = Field(1000, ge=_FEWEST)
    num_train: int = Field(10_000, ge=_FEWEST)
    epochs: int = Field(4, ge=1)
    seed: int = Field(0, ge=0, le=2**32 - 1)


class ClassCoverage(Metric):
    """Coverage of the classes of labelled data, by a small network that is trained on the real images.

    Figures: "class_coverage_<network>", the share of classes that at least a quarter of their fair share of the images
    show; "class_evenness_<network>", exp(entropy of the classes) divided by their number; "fid_<network>", the Frechet
    distance of the network's features between these images and the real ones, which digits need, since networks of
    photos do not know them; of a model that is asked for classes, "class_accuracy_<network>", the share of images that
    show the class asked for; and "classifier_accuracy_<network>", of the network itself on real images that it has not
    seen. The network, and so the scale of the distance, depends on the real images, `num_train`, `epochs` and `seed`.
    """

    Options = ClassCoverageOptions

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._trained_for: tuple[int, _Trained] | None = None

    def check(self, outputs: ModelOutputs) -> None:
        """Refuse outputs without samples, or real images without labels; see :meth:`Metric.check`."""
        outputs.require("generate", "ClassCoverage")
        real = outputs.require_real("ClassCoverage")
        if getattr(real, "labels", None) is None:
            cure = "Use a CommonVisionDataset with labels, or leave the metric out"
            raise ConfigError("ClassCoverage needs real images with classes", where="metrics", cure=cure)
        if len(real) < _FEWEST:
            what = f"ClassCoverage needs at least {_FEWEST} real images, and there are {len(real)}"
            raise InputError(what, where="metrics", cure="Give more")

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        self.check(outputs)
        options, figures = self.options, Figures()
        classifier, accuracy, real = self._trained(outputs, figures)
        progress = Progress(options.num, on_progress)
        shown, sums = [], MomentSums(classifier.num_features)
        for images in outputs.fake_batches(options.num, options.batch_size, figures.notes):
            grey = _grey(images)
            shown.append(classifier.classify(grey))
            sums.add(classifier.features(grey))
            progress.advance(len(images))
        classes = np.concatenate(shown)
        shares = np.bincount(classes, minlength=classifier.num_classes) / len(classes)
        covered = float((shares >= _FAIR_SHARE / classifier.num_classes).mean())
        present = shares[shares > 0]
        figures[f"class_coverage_{NETWORK}"] = covered
        figures[f"class_evenness_{NETWORK}"] = float(np.exp(-(present * np.log(present)).sum()) / len(shares))
        figures[f"fid_{NETWORK}"] = frechet_distance(real, sums.moments())
        if outputs.class_of is not None:
            asked = np.array([outputs.class_of(index) for index in range(len(classes))])
            figures[f"class_accuracy_{NETWORK}"] = float((classes == asked).mean())
        figures[f"classifier_accuracy_{NETWORK}"] = accuracy
        figures.notes.append(f"classes of {len(classes)} generated images")
        if accuracy < _UNSURE:
            figures.notes.append(f"the classifier is right on {accuracy:.0%} of real images only; do not trust it")
        return figures

    def _trained(self, outputs: ModelOutputs, figures: Figures) -> _Trained:
        """Return the classifier of the real images, trained on the first call."""
        from ppgan_ext.metrics.small_classifier import SmallClassifier

        real: Any = outputs.require_real("ClassCoverage")
        if self._trained_for is not None and self._trained_for[0] == id(real):
            return self._trained_for[1]
        indices = spread(len(real), self.options.num_train)
        images, labels = _read(outputs, indices, np.asarray(real.labels), figures)
        order = np.random.default_rng(self.options.seed).permutation(len(images))
        num_held_out = max(1, round(_HELD_OUT * len(images)))
        held_out, used = order[:num_held_out], order[num_held_out:]
        num_classes = int(np.asarray(real.labels).max()) + 1
        classifier = SmallClassifier(num_classes, self.options.seed)
        classifier.train(images[used], labels[used], self.options.epochs, self.options.seed)
        accuracy = float((classifier.classify(images[held_out]) == labels[held_out]).mean())
        sums = MomentSums(classifier.num_features)
        sums.add(classifier.features(images))
        trained = _Trained(classifier, accuracy, sums.moments())
        self._trained_for = id(real), trained
        return trained


def _read(
    outputs: ModelOutputs, indices: list[int], labels: npt.NDArray, figures: Figures
) -> tuple[npt.NDArray[np.uint8], npt.NDArray]:
    """Read real images as grey ones (N, S, S) with their labels (N,); unreadable ones are left out and noted."""
    images, kept = [], []
    for index in indices:
        try:
            images.append(_grey(outputs.real_image(index)[None])[0])
            kept.append(index)
        except InputError:
            continue
    if len(kept) < len(indices):
        figures.notes.append(f"{outputs.left_out(len(indices) - len(kept), len(indices))}, as they cannot be read")
    return np.stack(images), labels[kept]


def _grey(images: Images) -> npt.NDArray[np.uint8]:
    """Average the colours of images (N, S, S, 3), (N, S, S)."""
    return np.rint(images.mean(axis=3)).astype(np.uint8)
