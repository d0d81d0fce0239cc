"""What may be opened as a picture, and by which decoder: content decides, and nothing that a file does escapes."""

from __future__ import annotations

import base64
import importlib.util
import io
import os
import stat
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import PIL.PngImagePlugin
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.images import read_image, read_photo
from ppgan_ext.picture_decoding import with_opacity
from ppgan_ext.picture_formats import FORMATS, HEAD_BYTES, SUFFIXES, recognise
from ppgan_ext.png_chunks import without_texts

ROOT = Path(__file__).resolve().parent.parent
# 24 x 16 pixels: a green line above, red at the left, blue at the right; written by pillow-heif.
TINY_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAb1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAAB4QABAAAAAAAAAF4AAgAAAAACPwABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAA"
    "ABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAGAAAAAEAAAAQAAAAAf///9gAAAAC////0AAAAAIAAAAQcG"
    "l4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAGmlyZWYAAAAAAAAADmNkc2MAAgABAAEAAACKbWRhdAAAAFooAa8JyG+GFiLN"
    "fA2eE7F+T1kHs3mzF2b2gGH6+82uFLnZk1bsmLqWUwhY4xx3CJnjbiCo0vR2IRlCvQUG05AQfHA2TCZXxP5rsX4uJ5r8z6EiDvHf72lADMgAAA"
    "AGRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAA="
)


def lopsided(height=6, width=8):
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def encoded(kind, picture=None, **settings):
    buffer = io.BytesIO()
    (picture or PIL.Image.fromarray(lopsided(40, 56))).save(buffer, kind, **settings)
    return buffer.getvalue()


WRITTEN = {
    "JPEG": lambda: encoded("JPEG"),
    "PNG": lambda: encoded("PNG"),
    "WEBP": lambda: encoded("WEBP"),
    "TIFF": lambda: encoded("TIFF"),
    "GIF": lambda: encoded("GIF"),
    "BMP": lambda: encoded("BMP"),
    "PPM": lambda: encoded("PPM"),
    "AVIF": lambda: encoded("AVIF"),
    "HEIF": lambda: TINY_HEIC,
}


def test_every_format_is_tried():
    assert set(WRITTEN) == {entry.name for entry in FORMATS}
    assert not [suffix for suffix in SUFFIXES if suffix != suffix.lower() or suffix[0] != "."]


@pytest.mark.parametrize("name", WRITTEN)
def test_content_decides_whatever_the_name_is(name, tmp_path):
    if name == "HEIF" and importlib.util.find_spec("pi_heif") is None:
        pytest.skip("pi-heif is not installed here")
    data = WRITTEN[name]()
    assert recognise(data[:HEAD_BYTES]).name == name
    images = []
    for file in ("a.jpg", "a.png", "b.txt", "c"):
        (tmp_path / file).write_bytes(data)
        images.append(read_image(tmp_path / file))
    assert all(np.array_equal(image, images[0]) for image in images)
    assert images[0].shape == ((16, 24, 3) if name == "HEIF" else (40, 56, 3))
    if name == "HEIF":
        assert [int(images[0][y, x].argmax()) for y, x in ((1, 12), (10, 3), (10, 20))] == [1, 0, 2]


def test_a_missing_decoder_is_told_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(InputError, match=r"photo: is a HEIF picture, for which a decoder is missing\. .*pi-heif"):
        read(TINY_HEIC, "photo")


def read(data, where="it"):
    from ppgan_ext.images import decode_image

    return decode_image(data, where)


OTHERS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "icon": encoded("ICO"),
    "JPEG 2000": encoded("JPEG2000"),
    "PDF": b"%PDF-1.7\n",
    "text that begins like a BMP": b"BMW, Audi and Volkswagen: a list of cars",
    "text that begins like a PPM": b"P3 will be decided tomorrow",
    "Windows metafile": b"\xd7\xcd\xc6\x9a" + bytes(60),
    "numbers": b"\x93NUMPY\x01\x00" + bytes(100),
}


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"holiday\.jpg: is empty"):
        read_image(tmp_path / "holiday.jpg")


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_opened(name, tmp_path):
    assert recognise(OTHERS[name][:HEAD_BYTES]) is None
    for file in ("holiday.jpg", "holiday.eps"):
        (tmp_path / file).write_bytes(OTHERS[name])
        with pytest.raises(InputError, match=r"holiday\.\w+: is not a picture in a format that can be read"):
            read_image(tmp_path / file)


def test_postscript_starts_no_program(tmp_path):
    """Pillow would look for ``gs`` on PATH."""
    witness, program = tmp_path / "was_started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {witness}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "holiday.jpg").write_bytes(OTHERS["PostScript"])
    code = (
        "import sys, PIL.Image\n"
        "from ppgan_ext.errors import InputError\n"
        "from ppgan_ext.images import read_image\n"
        "for source in (sys.argv[1], PIL.Image.open(sys.argv[1])):\n"
        "    try:\n        read_image(source)\n        sys.exit(3)\n"
        "    except InputError:\n        pass\n"
    )
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "holiday.jpg")], env=env, check=True)
    assert not witness.exists()


def test_a_camera_raw_is_not_read_as_its_thumbnail(tmp_path):
    for name in ("a.nef", "b.DNG"):
        (tmp_path / name).write_bytes(WRITTEN["TIFF"]())
        with pytest.raises(InputError, match="format that can be read"):
            read_image(tmp_path / name)


# Damage


def damaged(data, rng):
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 12))):
        changed[int(rng.integers(0, min(len(changed), 600)))] = int(rng.integers(0, 256))
    return bytes(changed[: int(rng.integers(len(changed) // 2, len(changed) + 1))])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "HEIF"])
def test_damage_of_any_kind_is_an_input_error(name):
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x829A] = 6, "maker", (1, 60)
    settings = {"exif": exif} if name in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF") else {}
    if name == "GIF":
        settings = {"save_all": True, "append_images": [PIL.Image.new("RGB", (56, 40), "red")]}
    data = encoded(name, **settings)
    rng = np.random.default_rng(len(name))
    num_read = 0
    for _ in range(250):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                num_read += read(damaged(data, rng)).ndim == 3
            except InputError as error:
                assert error.cure and "\n" not in str(error)
    assert num_read < 250


def test_memory_and_recursion_end_as_input_errors(monkeypatch):
    data = WRITTEN["PNG"]()
    for error, message in (
        (MemoryError(), "not enough memory"),
        (RecursionError("deep"), "deep"),
        (OSError(), "OSErr"),
    ):

        def load(self, error=error):
            raise error

        monkeypatch.setattr(PIL.PngImagePlugin.PngImageFile, "load", load)
        with pytest.raises(InputError, match=message):
            read(data)


def test_damage_of_later_frames_does_not_matter():
    frames = [PIL.Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    data = encoded("GIF", frames[0], save_all=True, append_images=frames[1:])
    second = data.rindex(b"\x21\xf9")
    image = read(data[: second + 1])
    assert image.shape == (20, 30, 3) and image[0, 0, 0] > 200


# Metadata never decides about pixels


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_convention_orientation_is_that_of_exif(kind, orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    settings = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = encoded(kind, PIL.Image.fromarray(lopsided()), exif=exif, **settings)
    expected = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))))
    assert np.array_equal(read(data), expected)
    assert expected.shape == ((8, 6, 3) if 5 <= orientation <= 8 else (6, 8, 3))


def test_damaged_exif_is_ignored():
    plain = encoded("JPEG")
    for exif in (b"Exif\0\0MM\0*\0\0\0\x08\0\x05", b"Exif\0\0II*\0" + b"\xff" * 40, b"Exif\0\0"):
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        assert np.array_equal(read(plain[:2] + segment + plain[2:]), read(plain))


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_long_texts_and_profiles_do_not_keep_a_png_from_being_read(tmp_path):
    plain = encoded("PNG", PIL.Image.fromarray(lopsided()))
    profile = bytes(2_000_000)
    for kind, content in {
        b"zTXt": b"Comment\0\0" + zlib.compress(bytes(3_000_000)),
        b"iTXt": b"XML\0\1\0\0\0" + zlib.compress(bytes(3_000_000)),
        b"iCCP": b"profile\0\0" + zlib.compress(profile),
    }.items():
        data = plain[:33] + chunk(kind, content) + plain[33:]
        with pytest.raises(ValueError, match="MAX_TEXT_CHUNK"):
            PIL.Image.open(io.BytesIO(data))
        assert np.array_equal(read(data), lopsided()), kind
    many = b"".join(chunk(b"tEXt", b"Comment\0" + bytes(900_000)) for _ in range(80))
    for at in (33, len(plain) - 12):  # before and after the pixels
        assert np.array_equal(read(plain[:at] + many + plain[at:]), lopsided())


def test_a_profile_that_is_too_long_for_pillow_still_counts():
    from tests.test_images import red_and_blue_swapped

    padded = bytearray(red_and_blue_swapped() + bytes(2_000_000))
    padded[:4] = struct.pack(">I", len(padded))
    plain = encoded("PNG", PIL.Image.new("RGB", (2, 2), (200, 100, 50)))
    data = plain[:33] + chunk(b"iCCP", b"swapped\0\0" + zlib.compress(bytes(padded))) + plain[33:]
    assert without_texts(data) == (plain, bytes(padded))
    assert np.abs(read(data)[0, 0].astype(int) - [50, 100, 200]).max() <= 2


def test_a_phones_photo_with_a_depth_map_is_not_animated(tmp_path):
    first, second = (PIL.Image.new("RGB", (32, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    with PIL.Image.open(tmp_path / "a.jpg") as picture:
        assert picture.n_frames == 2
    assert read_image(tmp_path / "a.jpg")[0, 0, 0] > 200  # a warning would be an error here


def test_pages_are_called_pages(tmp_path):
    first, second = (PIL.Image.new("RGB", (32, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    with pytest.warns(UserWarning, match=r"a\.tif: has several pages; only the first is used"):
        assert read_image(tmp_path / "a.tif")[0, 0, 0] == 255


# Values, strips and sizes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 257 * 100, 65535]], np.uint16), [0, 100, 255]),
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),
        (np.array([[0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 100, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[-5, np.nan, np.inf, 200]], np.float32), [0, 0, 255, 200]),
    ],
)
def test_numbers_are_scaled_by_the_largest(values, expected, tmp_path):
    PIL.Image.fromarray(values).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif")[0, :, 1].tolist() == expected


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16", "CMYK"])
def test_strips_change_nothing(mode, monkeypatch):
    picture = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 11, 3), dtype=np.uint8))
    picture = PIL.Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257) if ";" in mode else (
        picture.convert(mode)
    )  # fmt: skip
    if mode == "RGBA":
        picture.putalpha(PIL.Image.linear_gradient("L").resize(picture.size))
    whole = read_photo(picture)
    monkeypatch.setattr("ppgan_ext.picture_decoding._STRIP_PIXELS", 40)
    in_strips = read_photo(picture)
    assert np.array_equal(whole.image, in_strips.image)
    assert (whole.rgba is None) == (mode != "RGBA")
    if mode == "RGBA":
        assert np.array_equal(whole.rgba, np.asarray(picture)) and np.array_equal(in_strips.rgba, whole.rgba)


def test_the_limit_told_is_the_one_applied(monkeypatch):
    data = encoded("PNG", PIL.Image.new("1", (1200, 1000)))
    assert read(data).shape == (1000, 1200, 3)
    monkeypatch.setattr("ppgan_ext.picture_decoding.MAX_MEGAPIXELS", 1.0)
    with pytest.raises(InputError, match="has more than 1 megapixels"):
        read(data)
    monkeypatch.setattr("ppgan_ext.picture_decoding.MAX_MEGAPIXELS", 200.0)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100_000)  # Pillow's own: WebP files are held to it
    webp = encoded("WEBP", PIL.Image.new("L", (1200, 1000)))
    with pytest.raises(InputError, match="has more than"):
        read(webp)


# Transparency


def test_opacity_returns_with_the_edit():
    rng = np.random.default_rng(1)
    rgba = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    rgba[:5, :, 3], rgba[5:10, :, 3] = 0, 255
    photo = read_photo(rgba)
    assert np.array_equal(with_opacity(photo.image.copy(), photo), rgba)  # nothing edited: all bits
    edited = photo.image.copy()
    edited[8:14, 10:20] = np.clip(edited[8:14, 10:20].astype(int) - 20, 0, 255)
    result = with_opacity(edited, photo)
    changed = (edited != photo.image).any(axis=2)
    assert np.array_equal(result[~changed], rgba[~changed])
    assert np.array_equal(result[..., 3], rgba[..., 3])
    strong = changed & (rgba[..., 3] > 128) & (edited > 255 - rgba[..., 3:].astype(int) + 2).all(axis=2)
    shown = read_photo(result).image
    assert strong.sum() > 20 and np.abs(shown[strong].astype(int) - edited[strong]).max() <= 2


def test_an_opaque_picture_has_no_opacity():
    rgba = np.full((4, 5, 4), 255, np.uint8)
    assert read_photo(rgba).rgba is None
    palette = PIL.Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30])
    palette.info["transparency"] = 0
    assert read_photo(palette).rgba[0, 0].tolist() == [10, 20, 30, 0]
