"""Heads to train with: the largest face of each photo, its person, hair and beard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from augment import Head, Map
from masks import beard_mask, hair_mask

from ppgan_ext.faces.ageing.head_patch import HeadPatch, head_patch
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.images import read_image


def read_heads(folder: Path, person_of: Callable[[HeadPatch], Map]) -> list[Head]:
    """Read the largest face of each photo, with its hints where `hints.json` has any.

    Args:
        folder: the photos.
        person_of: says how likely each pixel of a patch shows a person, (240, 192) in [0, 1].
    """
    hints = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))
    heads = []
    for path in sorted(folder.iterdir()):
        faces = find_faces(image := read_image(path))
        if not faces:
            continue
        patch, hint = head_patch(image, faces[0].landmarks), hints.get(path.stem, {})
        person = person_of(patch)
        hair, beard = hair_mask(patch, person, hint), beard_mask(patch.landmarks, hint.get("beard", {}))
        heads.append(Head(patch, person, hair, beard, hint.get("headwear", False)))
    return heads
