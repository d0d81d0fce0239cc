"""LPIPS (arXiv 1801.03924) between photos and their reconstructions."""

from __future__ import annotations

from typing import Literal

import pydantic

from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.distances import DistanceMetric, DistanceOptions
from ppgan_ext.metrics.model_outputs import ModelOutputs, images_to_pixels
from ppgan_ext.metrics.paired_images import PairMetric, PairOptions, mean_figure


class LPIPSOptions(DistanceOptions, PairOptions):
    """Options of :class:`LPIPSMetric`, under PaddleGAN's names.

    Attributes:
        net: "vgg"; the paper's other networks have no weights for Paddle.
        version: "0.1".
        mean: 0.5 for every channel: LPIPS is defined for images in [-1, 1].
        std: as ``mean``.
    """

    net: Literal["vgg"] = "vgg"
    version: Literal["0.1"] = "0.1"
    mean: list[float] | None = None
    std: list[float] | None = None

    @pydantic.field_validator("version", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return str(value) if isinstance(value, float) else value

    @pydantic.field_validator("mean", "std")
    @classmethod
    def _half(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and value != [0.5, 0.5, 0.5]:
            raise ValueError("must be [0.5, 0.5, 0.5]: the distance is defined for images in [-1, 1]")
        return value


class LPIPSMetric(DistanceMetric, PairMetric):
    """Mean perceptual distance of reconstructions: "lpips_vgg16", or "perceptual_<network>" for another network.

    Args:
        options: see :class:`Metric`.
        distance: used instead of the distance of the options.
    """

    Options = LPIPSOptions

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        import paddle

        self.check(outputs)
        distance = self.distance()
        figures, values = Figures(), []
        for photo, copy in self.pairs(outputs, figures, on_progress):
            with paddle.no_grad():
                target = distance.prepare(paddle.to_tensor(images_to_pixels(photo[None])))
                values.append(distance.distance(paddle.to_tensor(images_to_pixels(copy[None])), target).item())
        return mean_figure(figure_name(distance.name), values, figures)


def figure_name(distance: str) -> str:
    """Return the name of a distance's figure; only LPIPS itself is called LPIPS."""
    return distance.replace("-", "_", 1) if distance.startswith("lpips-") else f"perceptual_{distance}"
