"""What a visitor may upload, and the faces that are found in it."""

import io

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.errors import InputError, NoFaceError
from ppgan_ext.picture_decoding import picture_size
from ppgan_ext.web.uploads import MAX_MEGABYTES, check_upload, chosen_numbers, open_upload


def test_a_text_is_refused(photo_files):
    with pytest.raises(InputError, match="not a picture"):
        check_upload(photo_files["text"])


def test_a_large_file_is_refused_before_it_is_opened(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_MEGABYTES * 2**20 + 1)
    with pytest.raises(InputError, match="20 MB"):
        check_upload(path)


def test_many_pixels_are_refused_by_the_header_alone(tmp_path):
    path = tmp_path / "bomb.png"
    content = io.BytesIO()
    PIL.Image.new("1", (6000, 4001)).save(content, "PNG")
    path.write_bytes(content.getvalue()[:60])  # the pixels are missing: decoding them would fail
    assert picture_size(path) == (6000, 4001)
    with pytest.raises(InputError, match="24 megapixels"):
        check_upload(path)


def test_a_wall_has_no_face(photo_files, tmp_path):
    with pytest.raises(NoFaceError):
        open_upload(photo_files["wall"], tmp_path)


@pytest.mark.slow
def test_faces_are_numbered_and_found_by_a_click(photo_files, tmp_path):
    upload = open_upload(photo_files["couple"], tmp_path)
    assert len(upload.boxes) == 2
    assert upload.shown == photo_files["couple"]
    with PIL.Image.open(upload.numbered) as numbered:
        assert numbered.size == upload.numbered_size
    left, top, right, bottom = upload.boxes[0]
    assert left > 0.5 and right - left > upload.boxes[1][2] - upload.boxes[1][0]
    assert upload.face_at((left + right) / 2, (top + bottom) / 2) == 1
    assert upload.face_at(0.01, 0.01) is None
    assert chosen_numbers(upload, []) == [1, 2] and chosen_numbers(upload, [2, "x", 7]) == [2]
    assert chosen_numbers(upload, None, only_one=True) == [1] and chosen_numbers(upload, [2], only_one=True) == [2]


@pytest.mark.slow
def test_other_formats_are_shown_by_a_preview_and_turned_upright(photo_files, tmp_path):
    path = tmp_path / "turned.tiff"
    with PIL.Image.open(photo_files["portrait"]) as picture:
        exif = PIL.Image.Exif()
        exif[0x0112] = 6  # stored lying on its side
        picture.rotate(90, expand=True).save(path, exif=exif)
    upload = open_upload(path, tmp_path)
    with PIL.Image.open(upload.shown) as shown:
        assert shown.format == "JPEG" and np.asarray(shown).shape == (300, 360, 3)
    left, top, right, bottom = upload.boxes[0]
    assert 0 < left < right < 1 and 0 < top < bottom < 1
