"""What a visitor may upload, and the faces that are found in it."""

import asyncio
import io
import threading
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.errors import InputError, NoFaceError
from ppgan_ext.picture_decoding import picture_size
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.site import Page, Site
from ppgan_ext.web.uploads import MAX_MEGABYTES, Upload, check_upload, chosen_numbers, open_upload


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


@pytest.fixture
def photo_input(tmp_path):
    """A place for a photo without its components, for whose updates their names stand: Gradio's leave loops behind."""
    place = object.__new__(PhotoInput)
    place._site, place._place, place._one_face = Site(Page(PageOptions(), tmp_path), "en"), "age", False
    place.image, place.message, place.chosen = "image", "message", "chosen"
    return place


@pytest.mark.parametrize("slow_fails", [False, True])
def test_of_two_photos_the_last_one_counts_however_slow_the_first_is(photo_input, tmp_path, monkeypatch, slow_fails):
    files = {name: tmp_path / f"{name}.png" for name in ("slow", "quick")}
    for file in files.values():
        PIL.Image.new("RGB", (8, 8)).save(file)
    begun, is_quick_done = asyncio.Event(), threading.Event()

    def look(path, folder):
        if path.stem == "slow":
            loop.call_soon_threadsafe(begun.set)
            assert is_quick_done.wait(20)
            if slow_fails:
                raise NoFaceError("no face was found")
        return Upload(path, path, path, (8, 8), ((0.0, 0.0, 1.0, 1.0),))

    async def take(name):
        steps = photo_input._take({"path": str(files[name])}, SimpleNamespace(session_hash="one"))
        return [updates async for updates in steps]

    async def take_both():
        nonlocal loop
        loop = asyncio.get_running_loop()
        slow = asyncio.create_task(take("slow"))
        await asyncio.wait_for(begun.wait(), 20)
        quick = await take("quick")
        is_quick_done.set()
        return await slow, quick

    loop = None
    monkeypatch.setattr("ppgan_ext.web.photo_input.open_upload", look)
    slow, quick = asyncio.run(take_both())
    visit = photo_input._site.page.sessions.of("one")
    assert visit.uploads["age"].path.name == "quick.png" and visit.opening == 0
    assert ["image" in updates for updates in slow] == [False]  # it says that it looks, and no more
    assert ["image" in updates for updates in quick] == [False, True]


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
