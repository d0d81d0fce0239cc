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
# Width of the person's face over that of the photo's, below which the result is seen to be softer than the photo around
# it: portraits of 1024 pixels, and the same person's at 1/2 (sharp), 1/3, 1/4 and 1/8 of that.
_SMALL = 0.4
_CURE = "try a photo of the person without glasses, from the front and in the light and pose of --photo"


def fusion_notes(
    faces: Sequence[FusedFace], identity: float = 1.0, widths: Sequence[tuple[float, float]] = ()
) -> list[str]:
    """Return a line for each thing that a user should know about the faces of a fusion.

    Args:
        faces: of one photo.
        identity: share of the person's face that was asked for.
        widths: for each face its width in the photo and that of the person's in theirs, in pixels; none if unknown.
    """
    notes = []
    for number, face in enumerate(faces, start=1):
        name = f"face {number}: " if len(faces) > 1 else ""
        of_face = [*_notes_on(face, identity), *(_note_on_size(*pair) for pair in widths[number - 1 : number])]
        notes += [f"{name}{note}" for note in of_face if note]
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


def _note_on_size(in_photo: float, of_person: float) -> str:
    """Say that the person's face has too few pixels for the place of the photo's; nothing if it has enough."""
    if of_person >= _SMALL * in_photo:
        return ""
    return (
        f"the person's face is small, {of_person:.0f} pixels wide where the photo's has {in_photo:.0f}, so the result "
        "is soft: take a larger photo of the person"
    )


def _unlike(face: FusedFace) -> str:
    """Say that a fused face does not look like the person; nothing if it does."""
    if face.identity_to_target >= face.identity_to_source:
        return "it looks more like the photo's own face than like the person"
    return "it looks like neither of the two people" if face.identity_to_target >= SAME_PERSON else ""
