"""A batch of 60 files of which every third is odd: the rest is done, each failure named, twice the same."""

from __future__ import annotations

import io
import os
import re
import shlex
import struct
import sys

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.command_line import main
from ppgan_ext.apps.predictor import Predictor
from tests.reference.toy_engine import PlainDistance
from tests.test_picture_formats import TINY_HEIC, chunk

NUM_FILES = 60


def encoded(kind, picture, **settings):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def noise(seed, size=(40, 36)):
    return PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def png_header(width, height):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def odd_inputs():
    """Name -> content of files that fail, and of files that must not."""
    jpeg, png = encoded("JPEG", noise(1)), encoded("PNG", noise(2))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 30
    failing = {
        "photo003.jpg": b"%!PS-Adobe-3.0\nshowpage\n",
        "photo006.jpg": jpeg[: len(jpeg) // 2],
        "photo009.png": b"hello",
        "photo012.jpg": b"",
        "photo015.png": png_header(20_000, 20_000) + png[33:],
        "photo018.png": png[:60] + b"\xff" * 40 + png[100:],
        "photo021.tif": encoded("TIFF", noise(3))[:200],
        "photo024.heic": TINY_HEIC[:120],
        "photo027.avif": encoded("AVIF", noise(4))[:-300],
        "photo030.gif": b"GIF89a\x05\0\x05\0\0\0\0;",
        "photo033_\udcff\x1b[2J.jpg": b"no picture",
        "photo036.webp": encoded("WEBP", noise(5))[:70],
    }
    fine = {
        "photo039.jpg": jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:],
        "photo042.png": png[:33] + b"".join(chunk(b"tEXt", b"A\0" + bytes(900_000)) for _ in range(3)) + png[33:],
        "photo045_\udcfe.jpg": jpeg,
        "photo048_" + "n" * 241 + ".jpg": jpeg,
        "photo051.jpg": encoded("MPO", noise(6), save_all=True, append_images=[noise(7)]),
        "photo054": png,
    }
    return failing, fine


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
def test_every_third_of_60_files_is_odd(engine, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Predictor, "engine", engine)
    monkeypatch.setattr(Predictor, "perceptual", PlainDistance())
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    failing, fine = odd_inputs()
    for name, data in {**failing, **fine}.items():
        (folder / name).write_bytes(data)
    (folder / "photo057.jpg").mkdir()
    (folder / "photo060.jpg").symlink_to(folder / "photo060.jpg")
    failing |= {"photo057.jpg": b"", "photo060.jpg": b""}
    for number in range(1, NUM_FILES + 1):
        if number % 3:
            noise(number).save(folder / f"photo{number:03d}.jpg")
    assert len(os.listdir(folder)) == NUM_FILES
    words = shlex.split(f"fit --step 1 --output_path {out} --input_image {folder}")
    reports = []
    for _ in range(2):
        assert main(words) == 1
        printed = capsys.readouterr()
        *errors, summary = (line for line in printed.err.splitlines() if not re.match(r"[^:/]+: \d+ of \d+", line))
        reports.append(errors)
        assert summary.startswith(f"{NUM_FILES - len(failing)} of {NUM_FILES} photos done, {len(failing)} failed")
        assert len(errors) == len(failing) and all(line.startswith("error: ") for line in errors)
        for name in failing:
            shown = name.replace("\udcff", "\\xff").replace("\x1b", "\\x1b")
            assert any(shown in line for line in errors), name
        assert "unexpected" not in printed.err
        assert all(line.isprintable() for text in printed for line in text.splitlines())
        results = [path for path in out.rglob("*") if path.is_file()]
        of_files = [line for line in printed.out.splitlines() if line.startswith(str(out))]
        assert len(results) == 3 * (NUM_FILES - len(failing)) == len(of_files)
        (remark,) = (line for line in printed.out.splitlines() if line not in of_files)
        assert "--need_align" in remark  # told once of all
    assert reports[0] == reports[1]
    assert f"replaced {len(results)} files of an earlier run: {out}" in summary
    assert summary.endswith(f", and {len(results) - 3} more")
