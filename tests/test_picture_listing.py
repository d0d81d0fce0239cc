"""Which files of a folder are pictures, and what is said about the others."""

from __future__ import annotations

import io
import os
import socket

import PIL.Image
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.images import list_images
from ppgan_ext.picture_listing import (
    FOREIGN,
    NO_PICTURE,
    SPECIAL,
    SUBFOLDER,
    UNREADABLE_FOLDER,
    LeftOut,
    describe_left_out,
    is_picture,
    list_pictures,
)


def png():
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (4, 3), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    (root / "trip" / "day").mkdir(parents=True)
    (root / "empty.jpg").mkdir()
    for name in ("a.jpg", "b.jfif", "c", "d.jpe", "trip/e.png", "trip/day/f.PNG", ".hidden.png"):
        (root / name).write_bytes(png())
    (root / "notes.txt").write_text("hello")
    (root / "g.png").write_text("no picture, but it says that it is one")
    (root / "h.nef").write_bytes(b"II*\0" + bytes(100))
    (root / "i.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n")
    (root / "self.jpg").symlink_to(root / "self.jpg")
    (root / "self").symlink_to(root / "self")
    (root / "lost").symlink_to(root / "nowhere")
    (root / "trip" / "up").symlink_to(root)
    os.mkfifo(root / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(".", os.O_RDONLY)
        os.chdir(root)  # the path of a socket must be short
        server.bind("socket.jpg")
        os.fchdir(here)
        os.close(here)
    return root


def reasons(listing):
    return {item.name: item.reason for item in listing.left_out}


def test_a_file_is_listed_by_its_content_or_its_name(folder):
    listing = list_pictures(folder)
    assert listing.names == ["a.jpg", "b.jfif", "c", "d.jpe", "empty.jpg", "g.png", "self.jpg"]
    assert {item.name: item.reason for item in listing.left_out} == {
        "h.nef": FOREIGN, "i.jp2": FOREIGN, "lost": NO_PICTURE, "notes.txt": NO_PICTURE, "pipe.jpg": SPECIAL,
        "self": NO_PICTURE, "socket.jpg": SPECIAL, "trip": SUBFOLDER,
    }  # fmt: skip


def test_subfolders_are_searched_on_request_and_without_circles(folder):
    listing = list_pictures(folder, recursive=True)
    assert listing.names == [
        "a.jpg", "b.jfif", "c", "d.jpe", "empty.jpg", "g.png", "self.jpg", "trip/day/f.PNG", "trip/e.png",
    ]  # fmt: skip
    assert "trip" not in reasons(listing)
    assert list_images(folder, recursive=True)[-1] == folder / "trip" / "e.png"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_subfolder_that_cannot_be_listed_does_not_end_the_listing(folder):
    (folder / "trip").chmod(0)
    try:
        assert reasons(list_pictures(folder, recursive=True))["trip"] == UNREADABLE_FOLDER
    finally:
        (folder / "trip").chmod(0o755)


def test_a_folder_named_like_a_picture_is_told(folder):
    (folder / "full.jpg").mkdir()
    (folder / "full.jpg" / "x.png").write_bytes(png())
    assert "full.jpg" in list_pictures(folder).names  # reading it says that it is a folder
    names = list_pictures(folder, recursive=True).names
    assert "full.jpg/x.png" in names and "full.jpg" not in names and "empty.jpg" in names


def test_what_is_left_out_is_named_or_counted():
    few = [LeftOut("a.txt", NO_PICTURE), LeftOut("b.txt", NO_PICTURE), LeftOut("trip", SUBFOLDER)]
    expected = "2 files that are no pictures: a.txt, b.txt; 1 subfolder, which --recursive searches: trip"
    assert describe_left_out(few) == expected
    many = [LeftOut(f"{i}.txt", NO_PICTURE) for i in range(7)] + [LeftOut("x", NO_PICTURE)]
    assert describe_left_out(many) == "8 files that are no pictures: 7 .txt, 1 without suffix"
    folders = [LeftOut(f"f{i}", SUBFOLDER) for i in range(5)]
    assert describe_left_out(folders) == "5 subfolders, which --recursive searches: f0, f1, f2 and 2 more"
    assert describe_left_out([]) == ""
    assert describe_left_out([LeftOut("a\x1b\udcff", NO_PICTURE)]).isprintable()


def test_a_reason_to_leave_pictures_out_can_be_given(folder):
    listing = list_pictures(folder, leave_out=lambda path: "made by someone" if path.name == "c" else None)
    assert "c" not in listing.names and reasons(listing)["c"] == "made by someone"


def test_without_pictures_the_cure_is_named(tmp_path):
    with pytest.raises(InputError, match=r"contains no pictures\. Put files ending in \.bmp"):
        list_images(tmp_path)
    (tmp_path / "trip").mkdir()
    with pytest.raises(InputError, match=r"contains no pictures\. Add --recursive to search trip"):
        list_images(tmp_path)
    (tmp_path / "a.dng").write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"contains no pictures\. Add --recursive"):
        list_images(tmp_path)
    (tmp_path / "trip").rmdir()
    with pytest.raises(InputError, match=r"no pictures\. Left out: 1 picture in a format that is not read"):
        list_images(tmp_path)


def test_a_picture_is_told_from_other_files(folder):
    assert is_picture(folder / "b.jfif") and is_picture(folder / "c") and is_picture("nowhere.jpg")
    assert not is_picture(folder / "notes.txt") and not is_picture(folder / "g.png") and not is_picture("nowhere.npy")
    assert is_picture(folder / "pipe.jpg")  # by its name: opening it would wait
