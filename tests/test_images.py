"""Every kind of image file is read as upright RGB, or fails with an error that names the file."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.images import (
    AnimatedImageWarning,
    decode_image,
    grid,
    list_images,
    read_image,
    resize,
    to_image,
    to_pixels,
)


def lopsided(height: int = 3, width: int = 5) -> np.ndarray:
    """Every pixel and channel differs, so that any swap of axes shows."""
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3) * 3


def test_convention_rgb_rows_first(tmp_path):
    PIL.Image.fromarray(lopsided()).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert np.array_equal(image, lopsided())
    assert np.array_equal(read_image(str(tmp_path / "a.png")), image)
    assert np.array_equal(read_image(PIL.Image.fromarray(lopsided())), image)
    assert np.array_equal(read_image(lopsided()), image)


def test_result_belongs_to_the_caller():
    array = lopsided()
    read_image(array)[:] = 0
    assert np.array_equal(array, lopsided())


@pytest.mark.parametrize(("orientation", "undo"), [(3, 2), (6, 3), (8, 1)])
def test_exif_rotation_is_applied(tmp_path, orientation, undo):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(lopsided()).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(lopsided(), undo))


def test_sixteen_bits_grey_scale_to_eight(tmp_path):
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    PIL.Image.fromarray(values).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png")[0, :, 0], [0, 100, 255])


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB", "RGB"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    grey = PIL.Image.new("RGB", (5, 3), (128, 128, 128) if mode != "1" else (255, 255, 255)).convert(mode)
    image = read_image(grey)
    assert image.shape == (3, 5, 3)
    # A palette of web colours dithers; its mean keeps the grey.
    difference = image.astype(int) - (255 if mode == "1" else 128)
    assert np.abs(difference.mean() if mode == "P" else difference).max() <= 3


def test_transparency_is_blended_onto_white():
    half = np.zeros((2, 4, 4), np.uint8)
    half[:, 2:, 3] = 255
    image = read_image(half)
    assert (image[:, :2] == 255).all()
    assert (image[:, 2:] == 0).all()
    palette = PIL.Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30])
    palette.info["transparency"] = 0
    assert (read_image(palette) == 255).all()


def red_and_blue_swapped() -> bytes:
    """Return an sRGB profile with the primaries for red and blue swapped."""
    data = bytearray(PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12)}
    red, blue = (slice(tags[name] + 4, tags[name] + 12) for name in (b"rXYZ", b"bXYZ"))
    data[red], data[blue] = data[blue], data[red]
    return bytes(data.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")))


def test_colour_profile_is_converted_to_srgb():
    picture = PIL.Image.new("RGB", (2, 2), (200, 100, 50))
    buffer, broken = io.BytesIO(), io.BytesIO()
    picture.save(buffer, format="PNG", icc_profile=red_and_blue_swapped())
    picture.save(broken, format="PNG", icc_profile=b"not a profile")
    assert np.abs(read_image(PIL.Image.open(buffer))[0, 0].astype(int) - [50, 100, 200]).max() <= 2
    assert np.array_equal(read_image(PIL.Image.open(broken))[0, 0], [200, 100, 50])


def test_first_frame_of_an_animation_with_a_warning(tmp_path):
    frames = [PIL.Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(AnimatedImageWarning, match="first frame"):
        image = read_image(tmp_path / "a.gif")
    assert image[0, 0, 0] > 200 > 50 > image[0, 0, 2]


def test_bad_files_are_named_with_a_cure(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").write_bytes(b"")
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(buffer, format="JPEG")
    (tmp_path / "cut.jpg").write_bytes(buffer.getvalue()[:-800])
    for name, words in {
        "text.png": "format",
        "empty.jpg": "is empty",
        "cut.jpg": "truncated",
        "none.jpg": "no such file",
        ".": "is a folder",
    }.items():
        with pytest.raises(InputError, match=words) as caught:
            read_image(tmp_path / name)
        assert caught.value.cure
        assert "\n" not in str(caught.value)


def test_decompression_bomb_is_refused():
    bomb = PIL.Image.new("1", (20_000, 10_001))
    with pytest.raises(InputError, match="megapixels"):
        read_image(bomb)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 5, 3), np.float32),
        np.zeros((3, 5, 2), np.uint8),
        np.zeros((1, 3, 5, 3), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_odd_arrays_are_refused(array):
    with pytest.raises(InputError, match="image array must be"):
        read_image(array)


def test_convention_pixels_are_nchw_minus_one_to_one():
    image = lopsided()
    pixels = to_pixels(image)
    assert pixels.shape == (1, 3, 3, 5)
    assert pixels.dtype == np.float32
    assert pixels[0, 2, 1, 4] == pytest.approx(image[1, 4, 2] / 127.5 - 1, abs=1e-6)
    assert to_pixels(np.full((1, 1, 3), 255, np.uint8)).max() == 1
    everything = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert np.array_equal(to_image(to_pixels(everything)), everything)
    assert np.array_equal(to_image(to_pixels(everything)[0]), everything)
    assert to_image(np.full((3, 1, 1), 7.0)).max() == 255
    with pytest.raises(ValueError, match="batch of 2"):
        to_image(np.zeros((2, 3, 4, 4)))


def test_resize_takes_width_then_height():
    assert resize(lopsided(), (10, 4)).shape == (4, 10, 3)
    assert np.array_equal(resize(lopsided(), (5, 3)), lopsided())


def test_list_images_sorts_and_filters(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG"]
    (tmp_path / "sub").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        list_images(tmp_path / "sub")
    with pytest.raises(InputError, match="no such folder"):
        list_images(tmp_path / "none")


def test_grid_fills_row_by_row():
    tiles = [np.full((2, 3, 3), i, np.uint8) for i in range(3)]
    sheet = grid(tiles, num_columns=2)
    assert sheet.shape == (4, 6, 3)
    assert [sheet[0, 0, 0], sheet[0, 3, 0], sheet[2, 0, 0], sheet[2, 3, 0]] == [0, 1, 2, 255]
    with pytest.raises(ValueError, match="image 1"):
        grid([tiles[0], np.zeros((3, 2, 3), np.uint8)], 2)


def test_decoding_bytes_equals_reading_the_file(tmp_path):
    picture = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 8
    picture.save(tmp_path / "a.png", exif=exif)
    data = (tmp_path / "a.png").read_bytes()
    image = decode_image(data, "pack/a")
    assert image.shape == (50, 40, 3)
    np.testing.assert_array_equal(image, read_image(tmp_path / "a.png"))
    for broken in (data[:1000], b"", b"no picture"):
        with pytest.raises(InputError, match=r"^pack/a: "):
            decode_image(broken, "pack/a")


def test_the_content_of_a_file_is_an_image(tmp_path):
    path = tmp_path / "a.png"
    PIL.Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).save(path)
    expected = read_image(path)
    stream = io.BytesIO(path.read_bytes())
    stream.seek(0, io.SEEK_END)  # as after writing
    for source in (path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes()), stream):
        assert np.array_equal(read_image(source), expected)
    with path.open("rb") as file:
        assert np.array_equal(read_image(file), expected)
    with pytest.raises(InputError, match="closed"):
        read_image(file)


@pytest.mark.parametrize("source", [b"", b"words", io.StringIO("words"), 7, None])
def test_what_is_no_content_of_an_image_is_refused(source):
    with pytest.raises(InputError):
        read_image(source)


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", "HTTP://example.org/a.jpg", "s3://bucket/a.jpg"])
def test_web_addresses_are_refused_with_the_cure(address):
    with pytest.raises(InputError, match="Download the file and give its path"):
        read_image(address)
