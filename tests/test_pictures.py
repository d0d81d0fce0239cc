"""Written pictures are marked as edited and can be read back."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest

from ppgan_ext.errors import ConfigError, InputError, OutputError
from ppgan_ext.images import read_image, read_photo
from ppgan_ext.pictures import made_here, strip, write_animation, write_image, write_photo


@pytest.fixture
def image() -> np.ndarray:
    ramp = np.linspace(0, 255, 30 * 47).reshape(30, 47)
    return np.stack([ramp, ramp[::-1], ramp.T.reshape(30, 47)], 2).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_every_format_is_marked_as_edited(tmp_path, image, suffix):
    path = write_image(tmp_path / f"a{suffix}", image, software_note='age +20 years <"test">')
    back = read_image(path).astype(int)
    assert np.abs(back - image).mean() < (3 if suffix in (".jpg", ".JPEG") else 1e-9)
    data = path.read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in data
    assert b"age +20 years" in data
    assert b"ppgan_ext" in data
    start, end = data.index(b"<x:xmpmeta"), data.index(b"</x:xmpmeta>") + len(b"</x:xmpmeta>")
    packet = ElementTree.fromstring(data[start:end].decode())
    assert "".join(packet.itertext()) == 'age +20 years <"test">'


def test_same_image_same_bytes(tmp_path, image):
    for suffix in (".png", ".jpg", ".webp"):
        a, b = (write_image(tmp_path / f"{n}{suffix}", image).read_bytes() for n in "ab")
        assert a == b


def test_unknown_format_leaves_nothing(tmp_path, image):
    with pytest.raises(ConfigError, match=r"\.tga"):
        write_image(tmp_path / "a.tga", image)
    with pytest.raises(ConfigError, match=r"\.avi"):
        write_animation(tmp_path / "a.avi", [image])
    assert os.listdir(tmp_path) == []


def test_unwritable_folder_is_named(tmp_path, image):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write_image(tmp_path / "file" / "a.png", image)


def test_strip_scales_to_one_height_and_labels(image):
    result = strip([image, image[:, :20]], ["original", "+20 years"], height=60)
    assert result.shape[1] == 94 + 40 + 3 * 4
    assert result.shape[0] > 60 + 20
    band = result[66:]
    assert band[:, :98].min() < 120, "the first label was drawn"
    assert band[:, 102:].min() < 120, "the second label was drawn"
    with pytest.raises(ValueError, match="one label per image"):
        strip([image], [])


def frames_of(path: Path) -> np.ndarray:
    if path.suffix == ".gif":
        with PIL.Image.open(path) as picture:
            return np.stack([np.asarray(f.convert("RGB")) for f in PIL.ImageSequence.Iterator(picture)])
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1][:, :, ::-1])
    return np.stack(frames)


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_animation_keeps_order_number_and_even_size(tmp_path, suffix):
    frames = [np.full((31, 45, 3), value, np.uint8) for value in (0, 80, 160, 240)]
    path = write_animation(tmp_path / f"a{suffix}", iter(frames), fps=10)
    back = frames_of(path)
    assert len(back) == 4
    assert back.shape[1:3] == ((31, 45) if suffix == ".gif" else (32, 46))
    assert np.abs(back.reshape(4, -1).mean(1) - [0, 80, 160, 240]).max() < 6
    assert b"Made by a neural network" in path.read_bytes()
    again = write_animation(tmp_path / f"b{suffix}", frames, fps=10)
    assert again.read_bytes() == path.read_bytes()


def test_animation_without_frames_or_speed_is_refused(tmp_path, image):
    with pytest.raises(InputError, match="at least one frame"):
        write_animation(tmp_path / "a.gif", [])
    with pytest.raises(ConfigError, match="above 0"):
        write_animation(tmp_path / "a.gif", [image], fps=0)
    assert os.listdir(tmp_path) == []


def test_still_parts_of_a_gif_cost_nothing(tmp_path):
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (120, 160, 3), np.uint8)
    frames = [still.copy() for _ in range(12)]
    for i, frame in enumerate(frames):
        frame[40:50, 40:50] = 20 * i
    one = write_animation(tmp_path / "one.gif", frames[:1]).stat().st_size
    assert write_animation(tmp_path / "all.gif", frames).stat().st_size < 1.5 * one


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run:1/a.mp4", "-x.gif", "a:b%03d.mp4"])
def test_names_that_mean_something_to_ffmpeg_are_only_names(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [np.full((16, 16, 3), value, np.uint8) for value in (0, 200)]
    assert write_animation(name, frames).stat().st_size > 100


def test_transparency_is_written_where_the_format_has_it(tmp_path):
    rgba = np.random.default_rng(0).integers(0, 256, (16, 24, 4), dtype=np.uint8)
    rgba[:, :8, 3] = 255
    original = read_photo(rgba)
    edited = original.image.copy()
    edited[4:8, 2:6] = 40
    for suffix in ("png", "webp"):
        path = write_photo(tmp_path / f"a.{suffix}", edited, original)
        with PIL.Image.open(path) as picture:
            written = np.asarray(picture)
        assert written.shape == rgba.shape and np.array_equal(written[..., 3], rgba[..., 3])
        changed = (edited != original.image).any(axis=2)
        assert np.array_equal(written[~changed], rgba[~changed]) and (written[4:8, 2:6, :3] == 40).all()
        assert made_here(path)
    with PIL.Image.open(write_photo(tmp_path / "a.jpg", edited, original)) as picture:
        assert picture.mode == "RGB"
    opaque = read_photo(rgba[..., :3])
    with PIL.Image.open(write_photo(tmp_path / "b.png", edited, opaque)) as picture:
        assert picture.mode == "RGB"


def test_pictures_of_others_are_not_ours(tmp_path):
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"ppgan_ext 1")
    assert not any(made_here(tmp_path / name) for name in ("a.png", "b.png", "nowhere.png"))
