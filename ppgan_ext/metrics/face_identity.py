"""Does a reconstruction show the same person? Distance of face descriptors, by dlib's network or by ArcFace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pydantic

from ppgan_ext.metrics.base import Figures, LocalFile, MetricOptions, OnProgress
from ppgan_ext.metrics.paired_images import PairMetric, PairOptions, mean_figure
from ppgan_ext.metrics.subject import Subject, to_pixels

if TYPE_CHECKING:
    from ppgan_ext.losses.identity import IdentityDistance

DLIB: Literal["dlib-resnet"] = "dlib-resnet"
ARCFACE: Literal["arcface-ir-se50"] = "arcface-ir-se50"


class IdentityOptions(PairOptions):
    """Options of :class:`IdentitySimilarity`.

    Attributes:
        network: "dlib-resnet", which comes with the package face_recognition_models, or "arcface-ir-se50".
        template: how the images are aligned, "tight" or "ffhq", for ArcFace, which finds no landmarks.
        weight_path: local file of ArcFace, PaddleGAN's ``model_ir_se50.pdparams`` or PyTorch's.
    """

    network: Literal["dlib-resnet", "arcface-ir-se50"] = DLIB
    template: Literal["tight", "ffhq"] = "tight"
    weight_path: LocalFile = None

    @pydantic.model_validator(mode="after")
    def _file_of_arcface(self) -> IdentityOptions:
        if self.weight_path is not None and self.network != ARCFACE:
            raise ValueError(f"weight_path is {ARCFACE}'s; choose that network, or leave it out")
        return self


class IdentitySimilarity(PairMetric):
    """How much alike the people in photos and reconstructions are.

    With dlib's network, which aligns each face by the landmarks found in it:

    * ``identity_distance_dlib-resnet``: mean Euclidean distance of the descriptors, where a face is found in both;
    * ``identity_same_dlib-resnet``: share of the photos with a face whose reconstruction is within 0.6, where dlib sees
      one person; a reconstruction without a face is not;
    * ``identity_lost_dlib-resnet``: number of photos with a face in whose reconstruction none is found.

    Photos without a face are left out and noted. With ArcFace, which sees a fixed part of each aligned image:
    ``identity_cosine_arcface-ir-se50``, the mean cosine of the descriptors, as in the papers on pSp and its kin.

    Args:
        options: see :class:`Metric`.
        network: takes the place of ArcFace's.
    """

    Options = IdentityOptions

    def __init__(
        self, options: MetricOptions | Mapping[str, Any] | None = None, network: IdentityDistance | None = None
    ) -> None:
        super().__init__(options)
        self._network = network

    def prepare(self) -> None:
        """Load ArcFace if it is asked for; see :meth:`Metric.prepare`."""
        if self.options.network == ARCFACE:
            self.network()

    def network(self) -> IdentityDistance:
        """Return ArcFace, loaded when first asked for."""
        if self._network is None:
            from ppgan_ext.losses.identity import identity_network

            options = self.options
            self._network = identity_network(options.network, options.weight_path, template=options.template)
        return self._network

    def compute(self, subject: Subject, on_progress: OnProgress | None = None) -> Figures:
        """Measure; see :meth:`Metric.compute`."""
        if self.options.network == DLIB:
            return self._by_landmarks(subject, on_progress)
        return self._by_crops(subject, on_progress)

    def _by_landmarks(self, subject: Subject, on_progress: OnProgress | None) -> Figures:
        from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor

        figures, distances, faceless, lost = Figures(), [], 0, 0
        for photo, copy, face, again in self.face_pairs(subject, figures, on_progress):
            if face is None:
                faceless += 1
            elif again is None:
                lost += 1
            else:
                distances.append(np.linalg.norm(face_descriptor(photo, face) - face_descriptor(copy, again)))
        note_missing(figures, faceless, len(distances) + lost)
        if distances:
            figures[f"identity_distance_{DLIB}"] = float(np.mean(distances))
        if distances or lost:
            same = sum(distance < SAME_PERSON for distance in distances)
            figures[f"identity_same_{DLIB}"] = same / (len(distances) + lost)
        figures[f"identity_lost_{DLIB}"] = float(lost)
        return figures

    def _by_crops(self, subject: Subject, on_progress: OnProgress | None) -> Figures:
        import paddle

        self.check(subject)
        network = self.network()
        figures, cosines = Figures(), []
        for photo, copy in self.pairs(subject, figures, on_progress):
            target, ours = (paddle.to_tensor(to_pixels(image[None])) for image in (photo, copy))
            with paddle.no_grad():
                cosines.append(1 - network.distance(ours, network.prepare(target)).item())
        return mean_figure(f"identity_cosine_{ARCFACE}", cosines, figures)


def note_missing(figures: Figures, faceless: int, with_face: int) -> None:
    """Say in how many photos no face was found, if in any."""
    if faceless:
        figures.notes.append(
            f"no face was found in {faceless} of {faceless + with_face} real images; they do not count"
        )
