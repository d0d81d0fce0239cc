"""Choose among the faces of a photo: by number, by place, or by a photo of the same person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ppgan_ext.errors import ConfigError, NoFaceError, nearest
from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor
from ppgan_ext.types import Box, Face, FloatArray, Image

# Which of the boxes in the picture is meant: that with the least of these. Left and right are those of the picture.
_PLACES: Mapping[str, Callable[[Box], float]] = {
    "left": lambda box: box.left + box.right,
    "right": lambda box: -(box.left + box.right),
    "top": lambda box: box.top + box.bottom,
    "bottom": lambda box: -(box.top + box.bottom),
}
WORDS = ("all", "largest", *_PLACES)
_STANDS_OUT = 2.0  # width of a face over that of the next, from which the others are bystanders


def choose(faces: Sequence[Face], which: str | int | Sequence[int] = "all") -> list[Face]:
    """Select among the faces of a photo.

    Args:
        faces: the faces as `find_faces` returns them, largest first.
        which: "all", "largest", the outermost in the picture by "left", "right", "top" or "bottom", or one or more
            face numbers as in the numbered preview: 1 is the largest.

    Returns:
        The selected faces, in the order of ``which``, each once.

    Raises:
        NoFaceError: there are no faces, or none with that number.
        ConfigError: ``which`` is invalid.
    """
    if isinstance(which, str) and which not in WORDS:
        raise ConfigError(f"'{which}' does not name a face", cure=f"{nearest(which, WORDS)}, or give numbers from 1 on")
    if not faces:
        raise NoFaceError(
            "no face was found",
            cure="Give a photo in which the face is larger (20 pixels at least), brighter or turned more to the camera",
        )
    if which == "all":
        return list(faces)
    if which == "largest":
        return [faces[0]]
    if isinstance(which, str):
        place = _PLACES[which]
        return [min(faces, key=lambda face: place(face.box))]
    numbers = _numbers(which)
    for number in numbers:
        if not 1 <= number <= len(faces):
            shown = "1 face, numbered 1" if len(faces) == 1 else f"{len(faces)} faces, numbered 1 to {len(faces)}"
            raise NoFaceError(
                f"there is no face {number}; the photo shows {shown}",
                cure="'ppgan-ext age --list_faces' draws the numbers on the photo",
            )
    return [faces[number - 1] for number in dict.fromkeys(numbers)]


def main_face(faces: Sequence[Face]) -> Face | None:
    """Return the face that a photo is of without anybody's saying so: the only one, or one twice as wide as the others.

    Args:
        faces: the faces as `find_faces` returns them, largest first.
    """
    if not faces or (len(faces) > 1 and faces[0].box.width < _STANDS_OUT * faces[1].box.width):
        return None
    return faces[0]


def most_alike(image: Image, faces: Sequence[Face], person: FloatArray) -> Face:
    """Return the face that shows a given person.

    Args:
        image: (H, W, 3) RGB uint8, the photo.
        faces: its faces.
        person: (128,), the descriptor of a face of that person, from `face_descriptor`.

    Raises:
        NoFaceError: there are no faces, or none is near enough to be of that person.
    """
    (face, distance), *_ = sorted(
        ((face, float(np.linalg.norm(face_descriptor(image, face) - person))) for face in choose(faces)),
        key=lambda pair: pair[1],
    )
    if distance >= SAME_PERSON:
        among = "the only face does not show" if len(faces) == 1 else f"none of the {len(faces)} faces shows"
        raise NoFaceError(
            f"{among} the person asked for: the nearest is at a distance of {distance:.2f}, "
            f"and {SAME_PERSON:g} is the limit",
            cure="Give a frontal reference photo, or choose by number as --list_faces shows them",
        )
    return face


def _numbers(which: object) -> list[int]:
    entries = list(which) if isinstance(which, Sequence) else [which]
    numbers = [int(n) for n in entries if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
    if not numbers or len(numbers) != len(entries):
        raise ConfigError(f"{which!r} does not name a face", cure=f"Give {', '.join(WORDS)}, or numbers from 1 on")
    return numbers
