"""Reading images, and converting them to network input and back: file formats, EXIF, colour order and value ranges.

Convention: an ``image`` is (H, W, 3) RGB uint8; ``pixels`` are (N, 3, H, W) RGB float32 in [-1, 1].
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps

from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray, Image

ImageSource: TypeAlias = str | os.PathLike[str] | PIL.Image.Image | Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
MAX_MEGAPIXELS = 200.0


class AnimatedImageWarning(UserWarning):
    """An image is animated; only its first frame is used."""


def read_image(source: ImageSource) -> Image:
    """Read an image as upright RGB.

    EXIF rotation is applied, colours with an embedded profile are converted to sRGB, transparency is blended onto
    white, 16-bit values are scaled to 8 bits, and the first frame of an animation is used (with a warning).

    Args:
        source: a path, a PIL image, or a uint8 array (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.

    Returns:
        (H, W, 3) RGB uint8, owned by the caller.

    Raises:
        InputError: the file is missing, not an image, truncated, or larger than ``MAX_MEGAPIXELS``.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, PIL.Image.Image):
        return _from_pil(source, "the given PIL image")
    path = Path(source)
    if path.is_dir():
        raise InputError("is a folder, not a picture", where=path, cure="Name the pictures in it one by one")
    return _open(path, path)


def decode_image(data: bytes, where: object) -> Image:
    """Decode the content of an image file, exactly as `read_image` does.

    Args:
        data: the content of the file.
        where: the file's name for error messages.

    Returns:
        (H, W, 3) RGB uint8, owned by the caller.

    Raises:
        InputError: not an image, truncated, or larger than ``MAX_MEGAPIXELS``.
    """
    return _open(io.BytesIO(data), where)


def _open(file: Path | io.BytesIO, where: object) -> Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(file) as opened:
                return _from_pil(opened, where)
    except FileNotFoundError as error:
        raise InputError("no such file", where=where, cure="Check the path") from error
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(where) from error
    except PIL.UnidentifiedImageError as error:
        cure = "Convert it to JPEG or PNG"
        raise InputError("is not a picture in a format that can be read", where=where, cure=cure) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"cannot be read as a picture ({error})", where=where, cure="Save or copy it again") from error


def _from_array(array: Image) -> Image:
    if array.dtype != np.uint8:
        raise InputError(
            f"an image array must be uint8, got {array.dtype}",
            cure="Scale it to 0-255 and convert it with .astype('uint8')",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or array.size == 0:
        raise InputError(
            f"an image array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}",
            cure="Put the colour axis last",
        )
    return _from_pil(PIL.Image.fromarray(np.ascontiguousarray(array)), "the given array")


def _from_pil(picture: PIL.Image.Image, where: object) -> Image:
    if picture.width * picture.height > MAX_MEGAPIXELS * 1e6:
        raise _too_large(where)
    if getattr(picture, "n_frames", 1) > 1 and getattr(picture, "is_animated", False):
        warnings.warn(f"{where}: animated; only the first frame is used", AnimatedImageWarning, stacklevel=3)
        picture.seek(0)
    profile = picture.info.get("icc_profile")
    upright = PIL.ImageOps.exif_transpose(picture)
    return np.array(_to_srgb(_to_eight_bits(upright), profile))


def _to_eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Convert any mode to RGB, except CMYK and L: a colour profile may still apply to those."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture).astype(np.float64)
        top = 65535.0 if picture.mode.startswith("I") and values.max() > 255 else 255.0
        picture = PIL.Image.fromarray(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", with_alpha.size, (255, 255, 255, 255))
        return PIL.Image.alpha_composite(white, with_alpha).convert("RGB")
    return picture if picture.mode in ("RGB", "CMYK", "L") else picture.convert("RGB")


def _to_srgb(picture: PIL.Image.Image, profile: bytes | None) -> PIL.Image.Image:
    if profile:
        # A damaged or unusual profile is no reason to reject a photo; its values are then assumed to be sRGB.
        with contextlib.suppress(PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError):
            own = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in PIL.ImageCms.getProfileDescription(own).lower():
                converted = PIL.ImageCms.profileToProfile(
                    picture, own, PIL.ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if converted is not None:
                    return converted
    return picture.convert("RGB")


def _too_large(where: object) -> InputError:
    return InputError(f"has more than {MAX_MEGAPIXELS:.0f} megapixels", where=where, cure="Scale it down first")


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


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """List the images directly in a folder, sorted by name, without hidden files.

    Raises:
        InputError: the folder is missing or contains no images.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError("no such folder", where=root, cure="Check the path")
    paths = sorted(
        p for p in root.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    if not paths:
        suffixes = ", ".join(sorted(SUFFIXES))
        raise InputError("contains no pictures", where=root, cure=f"Put files ending in {suffixes} there")
    return paths


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
