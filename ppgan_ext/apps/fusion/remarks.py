"""What there is to know about a fused face: whom it looks like, what may break, what covers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppgan_ext.weights.dlib_models import SAME_PERSON

if TYPE_CHECKING:
    from ppgan_ext.apps.fusion.predictor import FusedFace

# Yaw in degrees beyond which a photo's far cheek is a narrow strip: landmarks are unsure of it, and of 4 faces that the
# bundled generator turned to 32 to 38 degrees, 3 had breaks there. Landmarks of a profile tell 40 degrees at most.
_FAR = 32.0
_CURE = "try a photo of the person without glasses, from the front and in the light and pose of --photo"


def fusion_notes(faces: Sequence[FusedFace], identity: float = 1.0) -> list[str]:
    """Return a line for each thing that a user should know about the faces of a fusion.

    Args:
        faces: of one photo.
        identity: share of the person's face that was asked for.
    """
    notes = []
    for number, face in enumerate(faces, start=1):
        name = f"face {number}: " if len(faces) > 1 else ""
        notes += [f"{name}{note}" for note in _notes_on(face, identity)]
    return notes


def _notes_on(face: FusedFace, identity: float) -> list[str]:
    notes = []
    unlike = _unlike(face)
    if unlike:
        notes.append(f"{unlike}: {'raise --identity, or ' if identity < 1.0 else ''}{_CURE}")
    if abs(face.source_pose.yaw_degrees) > _FAR:
        notes.append("the photo's head is turned far, so the cheek behind the nose may break: choose another photo")
    if face.kept_covers:
        notes.append(f"kept over the face, from the photo: {', '.join(face.kept_covers)}")
    if face.dropped_covers:
        notes.append(f"not taken along from the person: {', '.join(face.dropped_covers)}")
    return notes


def _unlike(face: FusedFace) -> str:
    """Say that a fused face does not look like the person; nothing if it does."""
    if face.identity_to_target >= face.identity_to_source:
        return "it looks more like the photo's own face than like the person"
    return "it looks like neither of the two people" if face.identity_to_target >= SAME_PERSON else ""
