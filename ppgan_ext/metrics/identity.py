"""Does a reconstruction show the same person? Distance of dlib's face descriptors."""

from __future__ import annotations

import numpy as np

from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.pairs import PairMetric
from ppgan_ext.metrics.subject import Subject

NETWORK = "dlib-resnet29"


class IdentitySimilarity(PairMetric):
    """How far apart the people in photos and reconstructions are.

    ``identity_distance_<network>``: mean Euclidean distance of the descriptors, where a face is found in both images.
    ``identity_same_<network>``: share of the photos with a face whose reconstruction is within 0.6, where dlib sees one
    person; a reconstruction without a face is not. ``identity_lost_<network>``: number of photos with a face in
    whose reconstruction none is found. Photos without a face are left out and noted.
    """

    def compute(self, subject: Subject, on_progress: OnProgress | None = None) -> Figures:
        """Measure; see :meth:`Metric.compute`."""
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
            figures[f"identity_distance_{NETWORK}"] = float(np.mean(distances))
        if distances or lost:
            same = sum(distance < SAME_PERSON for distance in distances)
            figures[f"identity_same_{NETWORK}"] = same / (len(distances) + lost)
        figures[f"identity_lost_{NETWORK}"] = float(lost)
        return figures


def note_missing(figures: Figures, faceless: int, with_face: int) -> None:
    """Say in how many photos no face was found, if in any."""
    if faceless:
        figures.notes.append(
            f"no face was found in {faceless} of {faceless + with_face} real images; they do not count"
        )
