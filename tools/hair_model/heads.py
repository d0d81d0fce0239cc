"""Heads to train with: the largest face of each photo, what the teachers say of it, and what the hints correct."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from augment import Head, Map

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.head_patch import EYES, HeadPatch, head_patch
from ppgan_ext.images import read_image

HINTS = Path(__file__).with_name("hints.json")


def read_heads(
    photos: Iterable[Path],
    person_of: Callable[[HeadPatch], Map],
    hair_of: Callable[[npt.NDArray, npt.NDArray], Map],
) -> list[Head]:
    """Read the largest face of each photo, with its hints where `hints.json` has any.

    Args:
        photos: their files.
        person_of: says of a patch how likely each pixel shows a person, (240, 192) in [0, 1].
        hair_of: says of a photo (H, W, 3) and landmarks (68, 2) how likely each pixel of the patch shows hair of the
            head, (240, 192) in [0, 1].
    """
    hints = json.loads(HINTS.read_text(encoding="utf-8"))
    heads = []
    for path in photos:
        faces = find_faces(image := read_image(path))
        if not faces:
            continue
        landmarks, hint = faces[0].landmarks, hints.get(path.stem, {})
        patch = head_patch(image, landmarks)
        hair = corrected(hair_of(image, landmarks) * patch.inside, hint)
        # The outline is often a little inside of the hair.
        heads.append(Head(patch, np.maximum(person_of(patch), hair), hair, hint.get("headwear", False)))
    return heads


def read_folders(
    folders: Iterable[Path],
    person_of: Callable[[HeadPatch], Map],
    hair_of: Callable[[npt.NDArray, npt.NDArray], Map],
    leave_out: Collection[str] = (),
) -> list[list[Head]]:
    """Read the photos of each folder, see `read_heads`, but those of some names."""
    return [
        read_heads([path for path in sorted(folder.iterdir()) if path.name not in leave_out], person_of, hair_of)
        for folder in folders
    ]


def corrected(hair: Map, hint: dict) -> Map:
    """Drop what a hint says is not hair: all of a bald or covered head, or what is outside of some polygons.

    Polygons are in distances of the eyes from the patch's top left corner.
    """
    if hint.get("bare_or_covered"):
        return np.zeros_like(hair)
    if "only_within" not in hint:
        return hair
    drawn = np.zeros(hair.shape, np.float32)
    for polygon in hint["only_within"]:
        cv2.fillPoly(drawn, [np.int32(np.asarray(polygon) * EYES)], 1.0)
    return hair * drawn
