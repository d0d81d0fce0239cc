"""Reading images, and converting them to network input and back: file formats, EXIF, colour order and value ranges.

Convention: an ``image`` is (H, W, 3) RGB uint8; ``pixels`` are (N, 3, H, W) RGB float32 in [-1, 1].
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import PIL.Image

from ppgan_ext.errors import InputError
from ppgan_ext.picture_decoding import (
    MAX_MEGAPIXELS,
    AnimatedImageWarning,
    Photo,
    decode_file,
    decode_picture,
    decode_stream,
    from_array,
)
from ppgan_ext.picture_formats import SUFFIXES
from ppgan_ext.picture_listing import list_pictures, no_pictures
from ppgan_ext.types import FloatArray, Image

__all__ = [
    "HOW_TO_GIVE", "MAX_MEGAPIXELS", "SUFFIXES", "AnimatedImageWarning", "ImageSource", "Photo", "decode_image",
    "file_content", "from_levels", "grid", "is_content", "list_images", "read_image", "read_photo", "resize",
    "to_image", "to_levels", "to_pixels",
]  # fmt: skip

HOW_TO_GIVE = "Give a path, a PIL image, a uint8 array, or a file's content"

ImageSource: TypeAlias = str | os.PathLike[str] | PIL.Image.Image | Image | bytes | IO[bytes]


def read_image(source: ImageSource) -> Image:
    """Read an image as upright RGB.

    EXIF rotation is applied, colours with an embedded profile are converted to sRGB, transparency is blended onto
    white, 16-bit values are scaled to 8 bits, and the first frame of an animation is used (with a warning). The content
    of a file decides about its format, see `picture_formats`.

    Args:
        source: a path, a PIL image, a uint8 array (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, or the content of a file:
            bytes, or a file opened in binary mode, which is read from its beginning. Web addresses are not opened.

    Returns:
        (H, W, 3) RGB uint8, owned by the caller.

    Raises:
        InputError: the file is missing, not an image, damaged, or larger than ``MAX_MEGAPIXELS``.
    """
    return read_photo(source).image


def read_photo(source: ImageSource) -> Photo:
    """Read an image together with its transparency; see `read_image`."""
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, PIL.Image.Image):
        return decode_picture(source, "the given PIL image")
    if is_content(source):
        return decode_stream(io.BytesIO(file_content(source)), "the given file")
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(f"cannot use a {type(source).__name__} as an image", cure=HOW_TO_GIVE)
    if not os.fspath(source).strip():
        raise InputError("the path of a picture is empty", cure="Give a picture; a shell variable may be unset")
    return decode_file(Path(source))


def is_content(source: object) -> bool:
    """Return whether an object is the content of a file: bytes, or an open file."""
    return isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read")


def file_content(source: Any) -> bytes:
    """Return the content of a file that is open or in memory; an open one is read from its beginning if it can be.

    Raises:
        InputError: the file is opened as text, or closed.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    try:
        if source.seekable():
            source.seek(0)
        content = source.read()
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"the given file cannot be read ({error})", cure=HOW_TO_GIVE) from error
    if not isinstance(content, bytes):
        raise InputError("the given file is opened as text", cure="Open it with open(path, 'rb')")
    return content


def decode_image(data: bytes, where: object) -> Image:
    """Decode the content of an image file, exactly as `read_image` does.

    Args:
        data: the content of the file.
        where: the file's name for error messages.

    Returns:
        (H, W, 3) RGB uint8, owned by the caller.

    Raises:
        InputError: not an image, damaged, or larger than ``MAX_MEGAPIXELS``.
    """
    return decode_stream(io.BytesIO(data), where).image


def to_pixels(image: Image) -> FloatArray:
    """Convert an image to network input.

    Args:
        image: (H, W, 3) RGB uint8.

    Returns:
        (1, 3, H, W) float32 in [-1, 1]; 0 becomes -1, 255 becomes 1.
    """
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(127.5) - np.float32(1)


def to_image(pixels: FloatArray) -> Image:
    """Convert network output to an image: clip to [-1, 1], scale to 0-255, round.

    Args:
        pixels: (3, H, W) or (1, 3, H, W).

    Returns:
        (H, W, 3) RGB uint8.
    """
    if pixels.ndim == 4:
        if pixels.shape[0] != 1:
            raise ValueError(f"to_image takes one image, got a batch of {pixels.shape[0]}")
        pixels = pixels[0]
    return np.ascontiguousarray(np.rint(_to_range(pixels)).astype(np.uint8))


def to_levels(pixels: FloatArray) -> FloatArray:
    """Convert network output (3, H, W) to unrounded levels: (H, W, 3) float32 in 0-255."""
    return np.ascontiguousarray(_to_range(pixels), dtype=np.float32)


def from_levels(levels: FloatArray) -> Image:
    """Round (H, W, 3) values on the scale of 0 to 255 to an image; values beyond it are clipped."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _to_range(pixels: FloatArray) -> FloatArray:
    return (np.clip(pixels, -1.0, 1.0).transpose(1, 2, 0) + 1.0) * 127.5


def resize(image: Image, size: tuple[int, int]) -> Image:
    """Resize (H, W, 3) to ``(width, height)`` with Lanczos, which low-passes before downscaling."""
    if (image.shape[1], image.shape[0]) == size:
        return image.copy()
    return np.array(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.LANCZOS))


def list_images(folder: str | os.PathLike[str], recursive: bool = False) -> list[Path]:
    """List the images in a folder, sorted by name, without hidden files; see `picture_listing.list_pictures`.

    Raises:
        InputError: the folder is missing or contains no images.
    """
    root = Path(folder)
    listing = list_pictures(root, recursive)
    if not listing.names:
        raise no_pictures(root, listing.left_out)
    return [root / name for name in listing.names]


def grid(images: Sequence[Image], num_columns: int) -> Image:
    """Tile images of one size, (H, W, 3) each, row by row; unused tiles at the end stay white."""
    if not images:
        raise ValueError("grid needs at least one image")
    height, width = images[0].shape[:2]
    num_rows = -(-len(images) // num_columns)
    canvas = np.full((num_rows * height, num_columns * width, 3), 255, np.uint8)
    for i, image in enumerate(images):
        if image.shape != images[0].shape:
            raise ValueError(f"image {i} has shape {image.shape}, the first has {images[0].shape}")
        row, column = divmod(i, num_columns)
        canvas[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    return canvas
