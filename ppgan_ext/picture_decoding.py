"""Decode a picture's file to upright RGB, in strips: beside Pillow's picture and the result, no second copy is made.

Nothing that a file can make a decoder raise leaves this module, except as `InputError`. Metadata never decides about
pixels: orientation, colour profile and texts that are damaged or too long are ignored.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageCms
import PIL.ImageFile

from ppgan_ext.errors import InputError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.picture_formats import FORMATS, HEAD_BYTES, PictureFormat, recognise
from ppgan_ext.png_chunks import without_texts
from ppgan_ext.types import FloatArray, Image

MAX_MEGAPIXELS = 200.0
"""Largest picture that is read, if Pillow's own limit (``PIL.Image.MAX_IMAGE_PIXELS``) lets it through."""

_STRIP_PIXELS = 2**21
_ORIENTATION = 0x0112  # EXIF tag
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")


Result = TypeVar("Result")


class AnimatedImageWarning(UserWarning):
    """An image is animated, or has several pages; only the first is used."""


class Photo(NamedTuple):
    """A picture as it is worked on, and what is needed to write it with its transparency.

    Attributes:
        image: (H, W, 3) RGB uint8, upright, sRGB; transparent places are blended onto white.
        rgba: (H, W, 4) RGB and opacity before blending; None if the picture is opaque.
    """

    image: Image
    rgba: npt.NDArray[np.uint8] | None = None


def decode_file(path: Path) -> Photo:
    """Decode a file.

    Raises:
        InputError: it is missing, no picture, damaged, or too large.
    """
    try:
        with path.open("rb") as file:
            return decode_stream(file, path)
    except FileNotFoundError as error:
        raise InputError("no such file", where=path, cure=cure_of_missing(path)) from error
    except IsADirectoryError as error:
        raise InputError("is a folder, not a picture", where=path, cure="Name the pictures in it one by one") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read ({reason})", where=path, cure="Check the path and its permissions") from error


def picture_size(path: Path) -> tuple[int, int]:
    """Return width and height of a picture as its header states them; no pixel is decoded.

    Raises:
        InputError: it is missing, no picture, or its header is damaged.
    """

    def look() -> tuple[int, int]:
        with path.open("rb") as file:
            found = recognise(file.read(HEAD_BYTES), path.name)
            if found is None:
                raise _no_picture(path)
            file.seek(0)
            with _without_warnings():
                return found.open(file, str(path)).size

    return _guarded(look, path)


def decode_stream(file: IO[bytes], where: object) -> Photo:
    """Decode the content of a file, whatever its name is.

    Args:
        file: at its beginning; a pipe is read into memory.
        where: its name, for error messages.

    Raises:
        InputError: no picture, damaged, or too large.
    """
    if not file.seekable():
        file = io.BytesIO(file.read())
    head = file.read(HEAD_BYTES)
    if not head:
        raise InputError("is empty", where=where, cure="Save or download it again")
    file.seek(0)
    found = recognise(head, str(where))
    if found is None:
        raise _no_picture(where)
    return _guarded(lambda: _open(found, file, where), where)


def decode_picture(picture: PIL.Image.Image, where: object) -> Photo:
    """Convert a PIL image; one that is animated is set to its first frame.

    Raises:
        InputError: too large, damaged, or lazily opened in a format that this package does not read.
    """
    names = [entry.name for entry in FORMATS] + ["MPO", "DIB", "BMP"]
    if isinstance(picture, PIL.ImageFile.ImageFile) and picture.format not in names:
        cure = "Give its pixels: picture.convert('RGB')"
        raise InputError(f"is a {picture.format} file, which is not opened here", where=where, cure=cure)
    return _guarded(lambda: _convert(picture, where, picture.info.get("icc_profile")), where)


def from_array(array: Image) -> Photo:
    """Convert a uint8 array (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; the result is a copy.

    Raises:
        InputError: another type or shape, or too large.
    """
    if array.dtype != np.uint8:
        raise InputError(
            f"an image array must be uint8, got {array.dtype}",
            cure="Scale it to 0-255 and convert it with .astype('uint8')",
        )
    planes = array[:, :, None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3, 4) or array.size == 0:
        raise InputError(
            f"an image array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}",
            cure="Put the colour axis last",
        )
    check_size(planes.shape[1], planes.shape[0], "the given array")
    if planes.shape[2] == 4:
        return _blended(np.array(planes))
    return Photo(np.array(np.broadcast_to(planes, (*planes.shape[:2], 3))))


def check_size(width: int, height: int, where: object) -> None:
    """Refuse a picture of more than `MAX_MEGAPIXELS`.

    Raises:
        InputError: it has more, or no pixels at all.
    """
    if width < 1 or height < 1:
        raise InputError("has no pixels", where=where, cure="Save or copy it again")
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise _too_large(where, MAX_MEGAPIXELS)


def strips(height: int, width: int) -> Iterator[slice]:
    """Yield the rows of strips of about 2 million pixels, from the top."""
    rows = max(1, _STRIP_PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def _guarded(work: Callable[[], Result], where: object) -> Result:
    """Run a decoder; whatever it raises becomes an `InputError` that names the file."""
    try:
        return work()
    except InputError as error:
        raise InputError(error.what, where=error.where or where, cure=error.cure) from error
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(where, min(MAX_MEGAPIXELS, 2e-6 * (PIL.Image.MAX_IMAGE_PIXELS or np.inf))) from error
    except MemoryError as error:
        raise InputError("there is not enough memory to read it", where=where, cure="Scale it down first") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"cannot be read as a picture ({reason})", where=where, cure="Save or copy it again"
        ) from error


def _open(found: PictureFormat, file: IO[bytes], where: object) -> Photo:
    """Open a file by its one decoder and convert it."""
    try:
        with _without_warnings():
            picture = found.open(file, str(where))
        return _convert(picture, where, picture.info.get("icc_profile"))
    except ValueError:
        if found.name != "PNG":
            raise
    # Pillow refuses a PNG file for long texts or a large profile. Without these, its pixels can be read.
    file.seek(0)
    data, profile = without_texts(file.read())
    with _without_warnings():
        picture = found.open(io.BytesIO(data), str(where))
    return _convert(picture, where, profile)


def _convert(picture: PIL.Image.Image, where: object, profile: bytes | None) -> Photo:
    """Decode an opened picture's first frame to upright RGB."""
    check_size(*picture.size, where)
    with _without_warnings():
        if picture.format in _ANIMATED or picture.format == "TIFF":
            with contextlib.suppress(EOFError):
                picture.seek(0)
        picture.load()
        check_size(*picture.size, where)  # some decoders know the size only now
        orientation = _orientation(picture)
        photo = _Strips(picture, orientation, profile).read()
    _warn_of_frames(picture, where)
    return photo


class _Strips:
    """Converts a loaded picture strip by strip.

    Args:
        picture: of any mode.
        orientation: EXIF's, 1 to 8.
        profile: its colour profile.
    """

    def __init__(self, picture: PIL.Image.Image, orientation: int, profile: bytes | None) -> None:
        self._picture = picture
        self._orientation = orientation
        self._has_alpha = picture.mode in _WITH_ALPHA or (
            "transparency" in picture.info and picture.mode in ("1", "L", "P", "RGB")
        )
        is_number = picture.mode.startswith("I") or picture.mode == "F"
        self._top = _top(picture) if is_number else None
        self._transform = None if is_number else _make_transform(picture, profile, self._has_alpha)

    def read(self) -> Photo:
        """Return the whole picture."""
        width, height = self._picture.size
        turned = self._orientation >= 5
        shape = (width, height) if turned else (height, width)
        result = np.empty((*shape, 4 if self._has_alpha else 3), np.uint8)
        stored = _as_stored(result, self._orientation)
        for rows in strips(height, width):
            self._convert(self._picture.crop((0, rows.start, width, rows.stop)), stored[rows])
        return _blended(result) if self._has_alpha else Photo(result)

    def _convert(self, strip: PIL.Image.Image, out: npt.NDArray[np.uint8]) -> None:
        if self._top is not None:
            values = np.nan_to_num(np.asarray(strip, np.float32), posinf=self._top, neginf=0.0)
            out[:] = np.clip(np.rint(values * (255.0 / self._top)), 0, 255)[..., None]
            return
        if self._has_alpha:
            strip = strip.convert("LA") if strip.mode == "La" else strip
            strip = strip.convert("RGBA")
            out[..., 3] = np.asarray(strip.getchannel("A"))
            strip = strip.convert("RGB")
        elif strip.mode not in ("RGB", "CMYK", "L"):
            strip = strip.convert("RGB")
        if self._transform is not None:
            strip = PIL.ImageCms.applyTransform(strip, self._transform) or strip
        out[..., :3] = np.asarray(strip.convert("RGB"))


def _make_transform(
    picture: PIL.Image.Image, profile: bytes | None, has_alpha: bool
) -> PIL.ImageCms.ImageCmsTransform | None:
    """Return the conversion from the picture's profile to sRGB; None where there is none to make."""
    if not profile:
        return None
    mode = "RGB" if has_alpha or picture.mode not in ("CMYK", "L") else picture.mode
    # A damaged or unusual profile is no reason to reject a photo; its values are then assumed to be sRGB.
    with contextlib.suppress(PIL.ImageCms.PyCMSError, OSError, ValueError, TypeError):
        own = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" not in PIL.ImageCms.getProfileDescription(own).lower():
            return PIL.ImageCms.buildTransform(own, PIL.ImageCms.createProfile("sRGB"), mode, "RGB")
    return None


def _top(picture: PIL.Image.Image) -> float:
    """Return the value of white in a picture of numbers: by its largest value 1 (only "F"), 255 or 65535."""
    width, height = picture.size
    largest = 0.0
    for rows in strips(height, width):
        values = np.asarray(picture.crop((0, rows.start, width, rows.stop)))
        largest = max(largest, float(np.nanmax(values, initial=0.0, where=np.isfinite(values))))
    if picture.mode == "F" and largest <= 1.0:
        return 1.0
    return 255.0 if largest <= 255.0 else 65535.0


def _orientation(picture: PIL.Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where it is missing, damaged or out of range."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything; the photo is then shown as it is stored
        return 1
    return value if value in range(1, 9) else 1


def _as_stored(upright: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return the view of an upright picture in which its pixels lie as a file of this orientation stores them."""
    view = upright.transpose(1, 0, 2) if orientation >= 5 else upright
    flip_rows, flip_columns = {2: (0, 1), 3: (1, 1), 4: (1, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}.get(
        orientation, (0, 0)
    )
    return view[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def _blended(rgba: npt.NDArray[np.uint8]) -> Photo:
    """Blend (H, W, 4) onto white; a picture that is opaque everywhere has no ``rgba``."""
    height, width = rgba.shape[:2]
    image = np.empty((height, width, 3), np.uint8)
    is_opaque = True
    for rows in strips(height, width):
        opacity = rgba[rows, :, 3:]
        if opacity.min(initial=255) == 255:
            image[rows] = rgba[rows, :, :3]
            continue
        is_opaque = False
        weight = opacity.astype(np.uint16)
        image[rows] = (rgba[rows, :, :3] * weight + 255 * (255 - weight) + 127) // 255
    return Photo(image, None if is_opaque else rgba)


def with_opacity(edited: Image, photo: Photo) -> npt.NDArray[np.uint8]:
    """Give an edited photo the transparency of its original.

    Args:
        edited: (H, W, 3) RGB uint8, the photo's image after an edit.
        photo: the photo; its ``rgba`` is not None.

    Returns:
        (H, W, 4) RGBA: the original's pixels where the edit changed nothing; elsewhere the colours that give ``edited``
        when they are blended onto white, as far as there are such.
    """
    assert photo.rgba is not None
    result = photo.rgba.copy()
    for rows in strips(*edited.shape[:2]):
        changed = (edited[rows] != photo.image[rows]).any(axis=2) & (result[rows, :, 3] > 0)
        if not changed.any():
            continue
        opacity: FloatArray = result[rows, :, 3][changed][:, None].astype(np.float32) / np.float32(255)
        colours = (edited[rows][changed] - np.float32(255) * (1 - opacity)) / opacity
        result[rows][..., :3][changed] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return result


def _warn_of_frames(picture: PIL.Image.Image, where: object) -> None:
    """Warn where a file shows more than its first frame or page. A phone's MPO or HEIC file is one photo."""
    has_more = False
    with contextlib.suppress(Exception), _without_warnings():  # damage in later frames does not matter
        has_more = bool(getattr(picture, "is_animated", False))
    if not has_more or picture.format not in (*_ANIMATED, "TIFF", None):
        return
    what = "has several pages; only the first is used"
    if picture.format != "TIFF":
        what = "animated; only the first frame is used"
    warnings.warn(f"{where}: {what}", AnimatedImageWarning, stacklevel=2)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Pillow's warnings: of damaged metadata, which is ignored, and of sizes, which `check_size` limits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _no_picture(where: object) -> InputError:
    cure = "Convert it to JPEG or PNG"
    return InputError("is not a picture in a format that can be read", where=where, cure=cure)


def _too_large(where: object, megapixels: float) -> InputError:
    return InputError(f"has more than {megapixels:.0f} megapixels", where=where, cure="Scale it down first")
