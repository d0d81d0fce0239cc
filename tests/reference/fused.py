"""One photo's face put on another's, as `ppgan-ext fuse --method warp` does it."""

from __future__ import annotations

import numpy as np

from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.faces.swap.sides import Portrait, see_person
from ppgan_ext.faces.swap.warp_method import finish_face, plan_face


def fuse(
    photo: np.ndarray,
    landmarks: np.ndarray,
    other: np.ndarray,
    other_landmarks: np.ndarray,
    *,
    identity: float = 1.0,
    shape: float = 1.0,
    skin: str = "source",
) -> Fusion:
    """Put the face of ``other`` on that of ``photo``; the pose is not corrected."""
    plan = plan_face(Portrait(photo, landmarks), see_person(Portrait(other, other_landmarks)), identity * shape)
    return finish_face(plan, identity=identity, skin=skin)
