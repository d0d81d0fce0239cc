"""How results show themselves: a line of text, a picture in notebooks, and `show` and `save`."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import PIL.ImageShow

from ppgan_ext import pictures
from ppgan_ext.errors import OutputError
from ppgan_ext.file_names import printable
from ppgan_ext.images import resize
from ppgan_ext.types import Face, Image, Pose

_LONGEST_SIDE = 1024  # of the picture in a notebook, pixels
_THUMBNAIL_SIDE, _MAX_THUMBNAILS = 160, 12
_MAX_ITEMS, _MAX_TEXT = 6, 60


class ShownResult:
    """Base of the results of predictors, beside the named tuple of its fields.

    In a notebook a result appears as a picture; its text names sizes and figures, not pixels.

    Attributes:
        note: what `save` writes into the picture's metadata.
    """

    __slots__ = ()
    note: ClassVar[str] = pictures.NOTE

    @property
    def image(self) -> Image:
        """The result itself, (H, W, 3) RGB uint8."""
        raise NotImplementedError

    def overview(self) -> Image:
        """Return the picture that notebooks show, (H, W, 3) RGB uint8: the result, beside what it was made of."""
        return self.image

    def show(self) -> None:
        """Open the overview in this system's viewer; in a notebook it appears below the cell.

        Raises:
            OutputError: there is no viewer, as on a server.
        """
        if not PIL.ImageShow.show(PIL.Image.fromarray(self.overview()), title=type(self).__name__):
            raise OutputError("there is no program here to show pictures", cure="Write it with .save('result.png')")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `image` as .png, .jpg or .webp, marked as edited, without the photo's transparency; return the path.

        Raises:
            ConfigError: another suffix.
            OutputError: the file cannot be written.
        """
        return pictures.write_image(path, self.image, self.note)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={describe(getattr(self, name))}" for name in getattr(self, "_fields", ()))
        return f"{type(self).__name__}({fields})"

    def _repr_png_(self) -> bytes:
        return pictures.encode_png(_shrunk(self.overview(), _LONGEST_SIDE), self.note)


def describe(value: Any) -> str:
    """Describe a value in some twenty characters: the size of a picture or an array, not its contents.

    Example:
        >>> describe([np.zeros((2, 3, 3), np.uint8)] * 4), describe(np.zeros((12, 512), np.float32)), describe(0.123456)
        ('[4 x image 3x2]', 'float32 (12, 512)', '0.123')
    """
    if isinstance(value, np.ndarray):
        if value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] == 3:
            return f"image {value.shape[1]}x{value.shape[0]}"
        return f"{value.dtype} {value.shape}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Pose):
        return f"yaw {value.yaw_degrees:+.0f} pitch {value.pitch_degrees:+.0f} roll {value.roll_degrees:+.0f}"
    if isinstance(value, Face):
        return f"face {value.box.width:.0f}x{value.box.height:.0f}"
    if isinstance(value, ShownResult):
        return type(value).__name__
    if isinstance(value, Mapping):
        return f"{{{_listed(str(name) for name in value)}}}"
    if isinstance(value, (list, tuple)):
        return _describe_items([describe(item) for item in value])
    text = repr(value)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."


def describe_batch(results: Sequence[Any], failures: Iterable[tuple[str, str]]) -> str:
    """Describe the results of a batch and each failure, a pair of the input's name and its error, one to a line."""
    failed = list(failures)
    lines = [f"  failed: {name}: {error}" for name, error in failed]
    kind = f", each {type(results[0]).__name__}" if results else ""
    counts = f"{len(results)} of {len(results) + len(failed)} done, {len(failed)} failed"
    return printable_lines([f"<BatchResult: {counts}{kind}>", *lines])


def batch_as_html(results: Sequence[Any], failures: Iterable[tuple[str, str]]) -> str:
    """Return the same as HTML, with a thumbnail of each of the first results."""
    first, *lines = describe_batch(results, failures).splitlines()
    tiles = "".join(_thumbnail(result) for result in results[:_MAX_THUMBNAILS] if isinstance(result, ShownResult))
    more = f"<p>and {len(results) - _MAX_THUMBNAILS} more</p>" if len(results) > _MAX_THUMBNAILS else ""
    failed = "".join(f"<li>{html.escape(line.strip())}</li>" for line in lines)
    return f"<p>{html.escape(first.strip('<>'))}</p>{tiles}{more}" + (f"<ul>{failed}</ul>" if failed else "")


def printable_lines(lines: Iterable[str]) -> str:
    """Join lines, each made printable."""
    return "\n".join(printable(line) for line in lines)


def _thumbnail(result: ShownResult) -> str:
    data = base64.b64encode(pictures.encode_png(_shrunk(result.image, _THUMBNAIL_SIDE), result.note)).decode()
    return f'<img src="data:image/png;base64,{data}" style="margin: 2px">'


def _shrunk(image: Image, longest: int) -> Image:
    height, width = image.shape[:2]
    factor = min(1.0, longest / max(height, width))
    return resize(image, (max(1, round(width * factor)), max(1, round(height * factor))))


def _describe_items(items: list[str]) -> str:
    if len(items) > 1 and len(set(items)) == 1:
        return f"[{len(items)} x {items[0]}]"
    return f"[{_listed(items)}]"


def _listed(items: Iterable[str]) -> str:
    words = list(items)
    more = [f"and {len(words) - _MAX_ITEMS} more"] if len(words) > _MAX_ITEMS else []
    return ", ".join([*words[:_MAX_ITEMS], *more])
