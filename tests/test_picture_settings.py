"""Settings go into a picture beside its pixels, and come out again."""

import numpy as np
import PIL.Image
import pytest

from ppgan_ext import pictures
from ppgan_ext.errors import InputError
from ppgan_ext.picture_settings import MAX_BYTES, find_settings, put_settings


@pytest.fixture(params=[".png", ".jpg", ".webp"])
def picture(request, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (21, 34, 3), np.uint8)
    return pictures.write_image(tmp_path / f"picture{request.param}", image)


def pixels(path):
    with PIL.Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.mark.parametrize("text", ["a: 1\n", "中文: 值\n", "odd", ""])
def test_the_text_comes_back_and_pixels_and_mark_stay(picture, text):
    before = pixels(picture)
    assert find_settings(picture) is None
    put_settings(picture, text)
    assert find_settings(picture) == text
    np.testing.assert_array_equal(pixels(picture), before)
    assert pictures.made_here(picture)


def test_too_long_a_text_is_refused_and_the_file_stays(picture):
    before = picture.read_bytes()
    with pytest.raises(InputError, match="too long"):
        put_settings(picture, "x" * (MAX_BYTES + 1))
    assert picture.read_bytes() == before
    put_settings(picture, "x" * MAX_BYTES)
    assert find_settings(picture) == "x" * MAX_BYTES


def test_other_files_are_refused_or_hold_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    assert find_settings(path) is None
    with pytest.raises(InputError, match="no PNG, JPEG or WebP"):
        put_settings(path, "a: 1")
    with pytest.raises(InputError):
        find_settings(tmp_path / "none.png")


def test_damaged_files_end_in_an_answer_or_an_error_for_users(picture):
    put_settings(picture, "a: 1\n")
    data = picture.read_bytes()
    random = np.random.default_rng(2)
    for _ in range(200):
        damaged = bytearray(data[: random.integers(0, len(data))])
        for place in random.integers(0, max(1, len(damaged)), 3):
            if damaged:
                damaged[place] = random.integers(0, 256)
        picture.write_bytes(damaged)
        try:
            found = find_settings(picture)
        except InputError:
            continue
        assert found is None or isinstance(found, str)
