"""From edited faces back to the whole photo, and the strip that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ppgan_ext import images, pictures
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.covered import PARTS
from ppgan_ext.faces.paste import paste_back
from ppgan_ext.types import FloatArray, Image

_STRIP_HEIGHT = 256


def paste_faces(photo: Image, faces: Sequence[EncodedFace], edited: Sequence[FloatArray], blend: str) -> Image:
    """Paste an edited face for each face of the photo; pixels outside the faces stay bit-equal.

    Args:
        photo: (H, W, 3) RGB uint8.
        faces: the faces as they were.
        edited: for each of them the edited face, (1, 3, S, S), about [-1, 1].
        blend: "change", "replace" or "seamless", see `paste_back`.
    """
    result = photo
    for face, pixels in zip(faces, edited, strict=True):
        result = paste_back(result, face.crop, face.pixels, pixels, face.face.landmarks, blend, face.before)
    return result


def covered_notes(faces: Sequence[EncodedFace]) -> list[str]:
    """Say of which faces something covers a part, where the photo therefore stays; a line for each part."""
    notes = []
    for face in faces:
        who = f"face {face.face.number}: " if len(faces) > 1 else ""
        notes += [f"{who}{PARTS[part]} covered; the photo stays there" for part in face.before.covered.parts]
    return notes


def shrink(photo: Image, faces: Sequence[EncodedFace], longest: int) -> tuple[Image, list[EncodedFace]]:
    """Scale a photo down to ``longest`` pixels on its long side, and the positions of its faces with it.

    Convention: pixel centres lie at integers, so x in the photo is (x + 0.5) * factor - 0.5 in the small photo.
    """
    height, width = photo.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    factors = np.array([size[0] / width, size[1] / height])
    small_to_photo = np.diag([*(1 / factors), 1.0])
    small_to_photo[:2, 2] = 0.5 / factors - 0.5
    small = []
    for face in faces:
        matrix = face.crop.matrix_photo_to_crop @ small_to_photo
        landmarks = (face.face.landmarks + 0.5) * factors - 0.5
        crop = replace(face.crop, matrix_photo_to_crop=matrix)
        small.append(replace(face, crop=crop, face=replace(face.face, landmarks=landmarks)))
    return images.resize(photo, size), small


def comparison_strip(
    photo: Image, edited: Sequence[Image], faces: Sequence[EncodedFace], labels: Sequence[Sequence[str]]
) -> Image:
    """Draw a labelled row for each face: as in the photo, its reconstruction, then as in each edited photo.

    Args:
        photo: (H, W, 3) RGB uint8.
        edited: for each variant the whole photo.
        faces: the faces.
        labels: for each face the label of its reconstruction, then of each variant.
    """
    rows = []
    for face, face_labels in zip(faces, labels, strict=True):
        before, *after = (
            crop_face(picture, face.face, template=face.crop.template, size=_STRIP_HEIGHT).image
            for picture in (photo, *edited)
        )
        rows.append(pictures.strip([before, face.reconstruction, *after], ["photo", *face_labels], _STRIP_HEIGHT))
    return np.concatenate(rows, axis=0)
