"""The animation that passes through the variants of a photo and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.apps.films import FRAMES_BETWEEN_STOPS, LONGEST_SIDE
from ppgan_ext.apps.photo.plan import PhotoEdit
from ppgan_ext.apps.photo.result_images import paste_faces, shrink
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.latents.walks import between
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine


def draw_frames(
    engine: Engine, edit: PhotoEdit, kinds: Sequence[str], blend: str, progress: Progress
) -> list[list[Image]]:
    """Draw the frames of animations through all variants of a photo, the unedited photo included, and back.

    Each code is rendered once for all of them.

    Args:
        engine: the model.
        edit: the photo, its faces and their edited codes; the frames are smaller than it, see `LONGEST_SIDE`.
        kinds: "gif", "mp4" or both.
        blend: how faces are pasted.
        progress: called for each code.

    Returns:
        The frames of each kind.
    """
    small = [shrink(edit.photo, edit.faces, LONGEST_SIDE[kind]) for kind in kinds]
    stops = [(edited.variant.position, [code.w_plus for code in edited.codes]) for edited in edit.edited]
    path = list(between(animation_stops([face.w_plus for face in edit.faces], stops), FRAMES_BETWEEN_STOPS))
    years = [(edited.variant.position, [np.float32(code.years) for code in edited.codes]) for edited in edit.edited]
    years_path = between(animation_stops([np.float32(0.0) for _ in edit.faces], years), FRAMES_BETWEEN_STOPS)
    films: list[list[Image]] = [[] for _ in kinds]
    for done, (codes, added) in enumerate(zip(path, years_path, strict=True)):
        progress(f"drawing the {'/'.join(kinds).upper()}", done, len(path))
        drawn = [face.draw(engine, code) for face, code in zip(edit.faces, codes, strict=True)]
        for (photo, faces), frames in zip(small, films, strict=True):
            pasted = paste_faces(photo, faces, drawn, blend)
            frames.append(edit.plan.complete(pasted, photo, faces, [float(value) for value in added]))
    return [frames + frames[-2:0:-1] for frames in films]


def animation_stops(
    original: Sequence[FloatArray], edited: Iterable[tuple[float, Sequence[FloatArray]]]
) -> list[list[FloatArray]]:
    """Order the codes that an animation passes through.

    Args:
        original: the code of each face before any edit; a stop at position 0, unless ``edited`` has one there.
        edited: for each variant its position, and the code of each face.
    """
    stops = [(position, list(codes)) for position, codes in edited]
    if all(position != 0.0 for position, _ in stops):
        stops.append((0.0, list(original)))
    return [codes for _, codes in sorted(stops, key=lambda stop: stop[0])]
