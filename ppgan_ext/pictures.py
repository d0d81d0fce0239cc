"""Writing pictures, strips and animations, all of them marked as edited by this software.

The mark is the IPTC digital source type for composites with trained algorithmic media, as XMP in PNG, JPEG and WebP,
and also a plain comment, so that both machines and people can tell an edited photo from a real one.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import PIL.PngImagePlugin

from ppgan_ext.errors import ConfigError, InputError, OutputError
from ppgan_ext.files import atomic_path
from ppgan_ext.images import Photo, resize
from ppgan_ext.picture_decoding import with_opacity
from ppgan_ext.picture_formats import HEAD_BYTES, recognise
from ppgan_ext.types import Image
from ppgan_ext.version import __version__

_NAME = "ppgan_ext "
NOTE = "Edited or made by a neural network"
SOFTWARE = f"{_NAME}{__version__}"
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_EXIF_DESCRIPTION, _EXIF_SOFTWARE = 0x010E, 0x0131


def write_image(path: str | os.PathLike[str], image: Image, software_note: str = NOTE) -> Path:
    """Write an image atomically, with metadata that says that this software edited or made it.

    Args:
        path: ends in .png, .jpg, .jpeg or .webp; JPEG is written at quality 95 without chroma subsampling.
        image: (H, W, 3) RGB uint8.
        software_note: a description of the edit for people who look at the metadata.

    Raises:
        ConfigError: the suffix is not supported.
        OutputError: the file cannot be written.
    """
    return _write(Path(path), image, software_note)


def write_photo(
    path: str | os.PathLike[str],
    image: Image,
    original: Photo,
    software_note: str = NOTE,
    *,
    grey: bool = False,
) -> Path:
    """Write an edited photo as `write_image` does, and in PNG and WebP with the transparency of its original.

    Args:
        path: see `write_image`.
        image: (H, W, 3) RGB uint8, the original's image after an edit.
        original: the photo before.
        software_note: see `write_image`.
        grey: write one channel of colour; the image has three equal ones.
    """
    target = Path(path)
    has_opacity = original.rgba is not None and target.suffix.lower() in (".png", ".webp")
    written = with_opacity(image, original) if has_opacity else image
    if grey:
        written = written[..., [0, 3]] if has_opacity else written[..., 0]
    return _write(target, np.ascontiguousarray(written), software_note)


def made_here(path: str | os.PathLike[str]) -> bool:
    """Return whether a picture's file carries the mark that all writers here leave."""
    try:
        with Path(path).open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = file.read(HEAD_BYTES)
            file.seek(0)
            found = recognise(head, os.fspath(path))
            if found is None:
                return False
            if found.name == "GIF":
                return _has_gif_comment(file)
            picture = found.open(file, os.fspath(path))
            marks = (picture.info.get("Software"), picture.getexif().get(_EXIF_SOFTWARE))
    except Exception:  # noqa: BLE001 - damaged files raise anything; reading them says what is wrong
        return False
    return any(isinstance(mark, str) and mark.startswith(_NAME) for mark in marks)


def encode_png(image: Image, software_note: str = NOTE) -> bytes:
    """Return an image, (H, W, 3) RGB uint8, as the content of a PNG file, marked as `write_image` does."""
    content = io.BytesIO()
    PIL.Image.fromarray(image).save(content, format="PNG", pnginfo=_png_text(software_note), compress_level=4)
    return content.getvalue()


def _png_text(software_note: str) -> PIL.PngImagePlugin.PngInfo:
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("Software", SOFTWARE)
    text.add_itxt("Comment", software_note)
    text.add_itxt("XML:com.adobe.xmp", _xmp(software_note).decode())
    return text


def _write(target: Path, image: npt.NDArray[np.uint8], software_note: str) -> Path:
    """Write (H, W, 3) RGB, (H, W, 4) RGBA, (H, W) grey or (H, W, 2) grey with opacity."""
    picture = PIL.Image.fromarray(image)
    suffix = target.suffix.lower()
    exif = PIL.Image.Exif()
    exif[_EXIF_DESCRIPTION] = software_note
    exif[_EXIF_SOFTWARE] = SOFTWARE
    with atomic_path(target) as temporary:
        if suffix == ".png":
            picture.save(temporary, format="PNG", pnginfo=_png_text(software_note), compress_level=4)
        elif suffix in (".jpg", ".jpeg"):
            picture.save(temporary, format="JPEG", quality=95, subsampling=0, exif=exif, xmp=_xmp(software_note))
        elif suffix == ".webp":
            picture.save(temporary, format="WEBP", lossless=True, exact=True, exif=exif, xmp=_xmp(software_note))
        else:
            raise ConfigError(f"cannot write pictures as '{suffix}'", where=target, cure="Use .png, .jpg or .webp")
    return target


def strip(images: Sequence[Image], labels: Sequence[str], height: int = 256) -> Image:
    """Place images side by side, scaled to one height, each with its label underneath.

    Args:
        images: (H, W, 3) RGB uint8 each, of any sizes.
        labels: one per image.
        height: of the images in pixels, without the labels.

    Returns:
        (height + label band, sum of widths and gaps, 3) RGB uint8.
    """
    if len(images) != len(labels) or not images:
        raise ValueError(f"strip needs one label per image, got {len(images)} images and {len(labels)} labels")
    gap, band = 4, max(24, height // 9)
    scaled = [resize(image, (max(1, round(image.shape[1] * height / image.shape[0])), height)) for image in images]
    width = sum(tile.shape[1] for tile in scaled) + gap * (len(scaled) + 1)
    canvas = PIL.Image.new("RGB", (width, height + band + gap), "white")
    draw = PIL.ImageDraw.Draw(canvas)
    left = gap
    for tile, label in zip(scaled, labels, strict=True):
        canvas.paste(PIL.Image.fromarray(tile), (left, gap))
        font = _fitting_font(draw, label, tile.shape[1] - 4, round(band * 0.6))
        draw.text((left + tile.shape[1] / 2, gap + height + band / 2), label, fill=(40, 40, 40), font=font, anchor="mm")
        left += tile.shape[1] + gap
    return np.array(canvas)


def write_animation(
    path: str | os.PathLike[str],
    frames: Iterable[Image],
    fps: float = 12.0,
    software_note: str = "Made by a neural network",
) -> Path:
    """Write frames as a looping .gif or an .mp4 (H.264; sides are made even by repeating the last row or column).

    Args:
        path: ends in .gif or .mp4.
        frames: (H, W, 3) RGB uint8 each, all of one size.
        fps: frames per second, above 0.
        software_note: a description of the edit for people who look at the metadata.

    Raises:
        InputError: there are no frames.
        ConfigError: the suffix is not supported, or ``fps`` is not positive.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise ConfigError(f"cannot write animations as '{suffix}'", where=target, cure="Use .gif or .mp4")
    if fps <= 0:
        cure = "Give a positive number of frames per second"
        raise ConfigError(f"must be above 0, got {fps:g}", where="fps", cure=cure)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InputError("an animation needs at least one frame", where=target, cure="Pass one or more images")
    with atomic_path(target) as temporary:
        if suffix == ".gif":
            _run_ffmpeg(temporary, first, iterator, fps, _GIF_OPTIONS, target)
            _append_gif_comment(temporary, f"{SOFTWARE}: {software_note}")
        else:
            comment = ["-metadata", f"comment={SOFTWARE}: {software_note}"]
            _run_ffmpeg(temporary, _even(first), map(_even, iterator), fps, [*_MP4_OPTIONS, *comment], target)
    return target


# One palette for all frames, and ordered dither, which is constant where the image is: parts that do not move then
# cost nothing. Error diffusion would make the whole frame flicker.
_GIF_OPTIONS = [
    "-filter_complex",
    "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle",
    "-loop",
    "0",
]
_MP4_OPTIONS = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-flags:v", "+bitexact"]


def _run_ffmpeg(
    path: Path, first: Image, rest: Iterable[Image], fps: float, options: Sequence[str], target: Path
) -> None:
    """Let ffmpeg write frames into ``path``, which becomes ``target``."""
    import imageio_ffmpeg  # only animations need it

    height, width = first.shape[:2]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
    command += [*options, "-threads", "1", "-fflags", "+bitexact", f"file:{path}"]  # "run:1/a.mp4" is no protocol
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None and ffmpeg.stderr is not None
        # If ffmpeg stops early, the pipe breaks; its own message, read below, says why.
        with contextlib.suppress(BrokenPipeError):
            for frame in itertools.chain([first], rest):
                ffmpeg.stdin.write(np.ascontiguousarray(frame).tobytes())
            ffmpeg.stdin.close()
        message = ffmpeg.stderr.read().decode(errors="replace").strip()
    if ffmpeg.returncode != 0:
        reason = (message.splitlines() or ["no message"])[-1]
        cure = "Check the free disk space, or write the other format (.gif or .mp4)"
        raise OutputError(f"ffmpeg could not write it ({reason})", where=target, cure=cure)


def _even(frame: Image) -> Image:
    """Make both sides of (H, W, 3) even by repeating the last row or column: H.264 halves the chroma."""
    return np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")


def _has_gif_comment(file: IO[bytes]) -> bool:
    """Return whether a GIF file ends in the comment of `_append_gif_comment`."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - 300))
    return b"\x21\xfe" in (end := file.read()) and _NAME.encode() in end


def _append_gif_comment(path: Path, comment: str) -> None:
    """Insert a comment extension before the trailer (GIF89a, section 24), since ffmpeg writes none."""
    data = path.read_bytes()
    text = comment.encode("ascii", "replace")[:255]
    path.write_bytes(data[:-1] + b"\x21\xfe" + bytes([len(text)]) + text + b"\x00" + data[-1:])


def _fitting_font(
    draw: PIL.ImageDraw.ImageDraw, label: str, width: int, size: int
) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """Return the built-in font at ``size``, or smaller if the label would not fit into ``width``."""
    font = PIL.ImageFont.load_default(size)
    needed = draw.textlength(label, font=font)
    return font if needed <= width else PIL.ImageFont.load_default(max(8.0, size * width / needed))


def _xmp(note: str) -> bytes:
    """Return an XMP packet with the IPTC digital source type."""
    escaped = note.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmp:CreatorTool="{SOFTWARE}" Iptc4xmpExt:DigitalSourceType="{_SOURCE_TYPE}">'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escaped}</rdf:li></rdf:Alt></dc:description>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()
