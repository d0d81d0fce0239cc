"""Editing pictures that are transparent in places.

An edit moves pixels. If transparent places were white while it does, that white would move into the opaque ones, and
show as a bright rim on any other background. So edits work on a picture in which the colours of opaque places continue
beyond their edge; its transparency is put back afterwards.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.picture_decoding import Photo, strips
from ppgan_ext.types import FloatArray, Image

_SIDE = 512  # pixels of the copy's long side on which colours are continued
_REACH = 4.0  # Gaussian by which they are, in pixels of the copy
_ENOUGH = 0.02  # share of opaque pixels around from which a place has their colour and not white
_WHITE = 255.0


def solid_picture(photo: Photo) -> Image:
    """Return the picture to edit: that of an opaque photo, else colours continued beyond the edges of what shows.

    Returns:
        (H, W, 3) RGB uint8. Opaque pixels have their bits; far from any, it is white.
    """
    if photo.rgba is None:
        return photo.image
    result = photo.image.copy()
    height, width = result.shape[:2]
    colours, known = _continued(photo.rgba)
    for rows in strips(height, width):
        opacity = photo.rgba[rows, :, 3]
        if opacity.min(initial=255) == 255:
            continue
        near, there = (_rows_of(values, (height, width), rows) for values in (colours, known))
        beyond = np.float32(_WHITE) + there[..., None] * (near - np.float32(_WHITE))
        weight = opacity[..., None].astype(np.float32) / np.float32(_WHITE)
        drawn = photo.rgba[rows, :, :3] * weight + beyond * (np.float32(1.0) - weight)
        np.copyto(result[rows], np.rint(drawn).astype(np.uint8), where=opacity[..., None] < 255)
    return result


def show_on_white(edited: Image, solid: Image, photo: Photo) -> Image:
    """Return an edited `solid_picture` as `Photo.image` is: blended onto white.

    Args:
        edited: (H, W, 3) RGB uint8, ``solid`` after an edit; an opaque photo's is returned as it is.
        solid: of the photo.
        photo: the photo before.

    Returns:
        (H, W, 3) RGB uint8; where nothing was edited, and where nothing shows, the photo's bits.
    """
    if photo.rgba is None:
        return edited
    result = photo.image.copy()
    for rows in strips(*result.shape[:2]):
        changed = (edited[rows] != solid[rows]).any(axis=2)
        if not changed.any():
            continue
        rgba = photo.rgba[rows][changed].astype(np.float32)
        change = edited[rows][changed].astype(np.float32) - solid[rows][changed]
        weight = rgba[:, 3:] / np.float32(_WHITE)
        colours = np.clip(rgba[:, :3] + change, 0.0, _WHITE)
        result[rows][changed] = np.rint(colours * weight + np.float32(_WHITE) * (1 - weight)).astype(np.uint8)
    return result


def _continued(rgba: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return on a small copy the mean colours of what shows around each place, and how surely anything does, 0 to 1."""
    height, width = rgba.shape[:2]
    shrink = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    # Half transparent pixels often still have the colours of what was cut away.
    weight = np.square(rgba[..., 3].astype(np.float32) / np.float32(_WHITE))[..., None]
    shown = cv2.resize(np.dstack([rgba[..., :3] * weight, weight]), size, interpolation=cv2.INTER_AREA)
    shown = cv2.GaussianBlur(shown, (0, 0), _REACH, borderType=cv2.BORDER_REPLICATE)
    total = shown[..., 3]
    colours = shown[..., :3] / np.maximum(total, np.float32(1e-6))[..., None]
    return np.asarray(colours, np.float32), np.clip(total / np.float32(_ENOUGH), 0.0, 1.0)


def _rows_of(values: FloatArray, shape: tuple[int, int], rows: slice) -> npt.NDArray[np.float32]:
    """Enlarge some rows of a map of the small copy to those of the picture (H, W)."""
    x, y = values.shape[1] / shape[1], values.shape[0] / shape[0]
    matrix = np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, (rows.start + 0.5) * y - 0.5]])
    size = (shape[1], rows.stop - rows.start)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)
