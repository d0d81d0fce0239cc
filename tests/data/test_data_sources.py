"""Folders, zip files and packs fulfil the same contract; damaged and dangerous ones are refused."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data.image_source import BadFileError, PartOfSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.data.zips import ZipSource
from ppgan_ext.errors import InputError

SIZES = [(9, 6), (4, 8), (5, 5)]  # (width, height)


def picture(i: int) -> np.ndarray:
    width, height = SIZES[i]
    return np.random.default_rng(i).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def write_pack(path, files, **columns):
    """Write concatenated files like those of the shared packs, with savez, which does not compress."""
    data = np.frombuffer(b"".join(files), np.uint8)
    np.savez(path, encoded=data, ends=np.cumsum([len(f) for f in files]), **columns)
    return path


def make_folder(root):
    (root / "b" / "deep").mkdir(parents=True)
    (root / "a.png").write_bytes(encoded(picture(0)))
    (root / "b" / "a.PNG").write_bytes(encoded(picture(1)))
    (root / "b" / "deep" / "z.bmp").write_bytes(encoded(picture(2), "BMP"))
    (root / "notes.txt").write_text("not a picture")
    (root / ".hidden.png").write_bytes(b"no")
    (root / ".git").mkdir()
    (root / ".git" / "x.png").write_bytes(b"no")
    return root


def make_zip(path, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("b/deep/z.bmp", encoded(picture(2), "BMP"))
        archive.writestr("b/a.PNG", encoded(picture(1)))
        archive.writestr("a.png", encoded(picture(0)))
        archive.writestr("notes.txt", "not a picture")
        archive.writestr("__MACOSX/b/._a.png", b"no")
        archive.writestr("b/.hidden.png", b"no")
    return path


def make_pack(path):
    return write_pack(path, [encoded(picture(i)) for i in range(3)], name=np.array(["a.png", "b/a.png", "c.png"]))


def make_pack_folder(root):
    root.mkdir()
    write_pack(root / "1.npz", [encoded(picture(2))], name=np.array(["a.png"]), age=np.array([30]))
    write_pack(root / "0.npz", [encoded(picture(0)), encoded(picture(1))], age=np.array([10, 20]))
    return root


NAMES = ["a.png", "b/a.PNG", "b/deep/z.bmp"]
MAKERS = {
    "folder": (lambda tmp: make_folder(tmp / "f"), NAMES),
    "zip": (lambda tmp: make_zip(tmp / "f.zip"), NAMES),
    "stored zip": (lambda tmp: make_zip(tmp / "f.zip", zipfile.ZIP_STORED), NAMES),
    "pack": (lambda tmp: make_pack(tmp / "p.npz"), ["p.npz/a.png", "p.npz/b/a.png", "p.npz/c.png"]),
    "packs": (lambda tmp: make_pack_folder(tmp / "packs"), ["0.npz/0", "0.npz/1", "1.npz/a.png"]),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_each_source_lists_sorts_reads_and_can_be_pickled(tmp_path, kind):
    make, names = MAKERS[kind]
    path = make(tmp_path)
    source = open_source(path)
    assert [source.name(i) for i in range(len(source))] == names
    copy = pickle.loads(pickle.dumps(source))
    for i in range(3):
        for reader in (source, copy):
            image = reader.read(i)
            assert image.dtype == np.uint8
            np.testing.assert_array_equal(image, picture(i))
            expected = len(encoded(picture(i), "BMP" if source.name(i).endswith("bmp") else "PNG"))
            assert reader.num_bytes(i) == expected
            image[:] = 0  # the caller owns the array; the next read is not affected
    assert str(source) == str(source.path) == str(path)


def test_handles_and_pixels_are_not_pickled(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "p.npz", images=images)
    source = open_source(tmp_path / "p.npz")
    source.read(0)
    assert len(pickle.dumps(source)) < 2000
    archive = open_source(make_zip(tmp_path / "f.zip"))
    archive.read(0)
    assert len(pickle.dumps(archive)) < 1000


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("fortran", [False, True])
def test_a_pack_of_arrays_is_read_whether_compressed_or_not(tmp_path, save, fortran):
    images = np.random.default_rng(1).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    save(tmp_path / "p.npz", images=np.asfortranarray(images) if fortran else images)
    source = open_source(tmp_path / "p.npz")
    assert isinstance(source._data, np.memmap) == (save is np.savez)
    for i in range(3):
        np.testing.assert_array_equal(source.read(i), images[i])
        assert source.num_bytes(i) == 5 * 7 * 3
    with pytest.raises(IndexError):
        source.read(3)


def test_columns_follow_their_pictures(tmp_path):
    source = open_source(make_pack_folder(tmp_path / "packs"))
    np.testing.assert_array_equal(source.column("age"), [10, 20, 30])
    np.testing.assert_array_equal(PartOfSource(source, range(1, 3)).column("age"), [20, 30])
    with pytest.raises(InputError, match=r"no column 'agee'. Did you mean 'age'"):
        source.column("agee")
    write_pack(tmp_path / "p.npz", [encoded(picture(0))], age=np.arange(2))
    with pytest.raises(InputError, match=r"'age' has the shape \(2,\), not one row for each of 1"):
        open_source(tmp_path / "p.npz").column("age")
    with pytest.raises(InputError, match="Only packs"):
        open_source(make_folder(tmp_path / "f")).column("age")


def test_equal_names_in_a_pack_are_made_unique(tmp_path):
    write_pack(tmp_path / "p.npz", [encoded(picture(0))] * 2, name=np.array(["a", "a"]))
    source = open_source(tmp_path / "p.npz")
    assert [source.name(0), source.name(1)] == ["p.npz/a#0", "p.npz/a#1"]


def test_a_part_is_a_range(tmp_path):
    source = PartOfSource(open_source(make_folder(tmp_path / "f")), range(1, 3))
    assert (len(source), source.name(0), source.name(1)) == (2, "b/a.PNG", "b/deep/z.bmp")
    np.testing.assert_array_equal(source.read(1), picture(2))
    assert source.num_bytes(1) == len(encoded(picture(2), "BMP"))
    with pytest.raises(IndexError):
        source.read(2)


def test_a_deleted_file_is_a_bad_file(tmp_path):
    source = open_source(make_folder(tmp_path / "f"))
    (tmp_path / "f" / "a.png").unlink()
    for use in (source.read, source.num_bytes):
        with pytest.raises(BadFileError, match=r"a\.png: (no such file|cannot be found)"):
            use(0)


def test_linked_folders_are_followed_except_in_circles(tmp_path):
    root = tmp_path / "f"
    (root / "real").mkdir(parents=True)
    (root / "real" / "a.png").write_bytes(encoded(picture(0)))
    (root / "link").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    assert [open_source(root).name(i) for i in range(2)] == ["link/a.png", "real/a.png"]
    assert len(open_source(root)) == 2


def write_exif_rotated(path):
    image = PIL.Image.fromarray(picture(0))
    exif = image.getexif()
    exif[0x0112] = 6  # stored lying on its side; turn it clockwise to view it
    image.save(path, exif=exif)


def test_odd_pictures_are_read_as_upright_rgb(tmp_path):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    PIL.Image.fromarray(grey).save(tmp_path / "1grey.png")
    PIL.Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "2sixteen.png")
    alpha = np.dstack([picture(0), np.zeros((6, 9), np.uint8)])
    PIL.Image.fromarray(alpha).save(tmp_path / "3clear.png")
    write_exif_rotated(tmp_path / "4turned.png")
    source = open_source(tmp_path)
    np.testing.assert_array_equal(source.read(0), np.dstack([grey] * 3))
    np.testing.assert_array_equal(source.read(1), np.dstack([grey] * 3))
    np.testing.assert_array_equal(source.read(2), np.full((6, 9, 3), 255))
    np.testing.assert_array_equal(source.read(3), np.rot90(picture(0), -1))


def bad_files():
    good = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    return {"truncated": good[: len(good) // 2], "empty": b"", "text": b"<html>not found</html>", "cut": good[:20]}


@pytest.mark.parametrize("damage", bad_files())
@pytest.mark.parametrize("kind", ["folder", "zip", "pack"])
def test_the_error_of_a_bad_file_names_it(tmp_path, kind, damage):
    data = bad_files()[damage]
    if kind == "folder":
        path, name = tmp_path / "f", "bad.png"
        path.mkdir()
        (path / name).write_bytes(data)
    elif kind == "zip":
        path, name = tmp_path / "f.zip", "bad.png"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, data)
    else:
        path, name = write_pack(tmp_path / "p.npz", [data], name=np.array(["bad.png"])), "p.npz/bad.png"
    source = open_source(path)
    with pytest.raises(BadFileError, match=r"bad\.png: .*(cannot be read|not a picture|is empty)"):
        source.read(0)
    assert source.name(0) == name


def test_a_damaged_zip_member_is_a_bad_file_and_the_others_are_not(tmp_path):
    path = make_zip(tmp_path / "f.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("b/a.PNG").header_offset + 30 + len("b/a.PNG") + 60
    data[start] ^= 0xFF
    path.write_bytes(bytes(data))
    source = open_source(path)
    with pytest.raises(BadFileError, match=r"f\.zip/b/a\.PNG: cannot be read \(Bad CRC"):
        source.read(1)
    np.testing.assert_array_equal(source.read(0), picture(0))


def test_an_encrypted_member_is_a_bad_file(tmp_path):
    path = make_zip(tmp_path / "f.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("a.png").header_offset
        central = data.index(b"PK\x01\x02", archive.start_dir)
    while data[central + 46 : central + 46 + 5] != b"a.png":
        central = data.index(b"PK\x01\x02", central + 4)
    for flags in (start + 6, central + 8):
        struct.pack_into("<H", data, flags, struct.unpack_from("<H", data, flags)[0] | 1)
    path.write_bytes(bytes(data))
    with pytest.raises(BadFileError, match=r"a\.png: is encrypted"):
        open_source(path).read(0)


def test_a_zip_bomb_is_not_decompressed(tmp_path, monkeypatch):
    monkeypatch.setattr("ppgan_ext.data.zips.MAX_FILE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "f.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(100_000))
    with pytest.raises(BadFileError, match=r"a\.png: has 100000 bytes"):
        open_source(tmp_path / "f.zip").read(0)


@pytest.mark.parametrize("name", ["../a.png", "b/../../a.png", "/a.png", "C:/a.png"])
def test_a_zip_with_paths_that_lead_out_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("good.png", encoded(picture(0)))
        archive.writestr(name, encoded(picture(0)))
    with pytest.raises(InputError, match=r"f\.zip: contains a path that leads out of it"):
        open_source(tmp_path / "f.zip")


def test_a_link_in_a_zip_is_skipped(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("a.png", encoded(picture(0)))
        link = zipfile.ZipInfo("b.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert len(open_source(tmp_path / "f.zip")) == 1


def test_a_forked_process_opens_the_zip_for_itself(tmp_path):
    source = ZipSource(make_zip(tmp_path / "f.zip"))
    own = source._open()
    assert source._open() is own
    source._process = os.getpid() + 1
    assert source._open() is not own
    own.close()


def write_objects(path):
    np.savez(path, images=np.array([{"a": 1}], dtype=object), allow_pickle=True)


def corrupt(path):
    path.write_bytes(b"PK\x03\x04 broken")


REFUSED = {
    "missing": (lambda tmp: tmp / "nothing", "no such file or folder. Check dataroot"),
    "empty folder": (lambda tmp: tmp, "contains no pictures. Put files ending in .bmp"),
    "folder with a zip": (lambda tmp: make_zip(tmp / "f.zip").parent, "contains no pictures. Give the path of f.zip"),
    "a picture": (lambda tmp: (tmp / "a.png", (tmp / "a.png").write_bytes(encoded(picture(0))))[0], "is a single pic"),
    "text": (lambda tmp: (tmp / "a.txt", (tmp / "a.txt").write_text("x"))[0], "is not a data set. Give a folder of"),
    "broken zip": (lambda tmp: (tmp / "a.zip", corrupt(tmp / "a.zip"))[0], "is not a readable zip file"),
    "broken pack": (lambda tmp: (tmp / "a.npz", corrupt(tmp / "a.npz"))[0], "is not a readable .npz file"),
    "broken pack in a folder": (lambda tmp: (tmp, corrupt(tmp / "a.npz"))[0], "a.npz: is not a readable .npz file"),
    "object array": (lambda tmp: (tmp / "a.npz", write_objects(tmp / "a.npz"))[0], "'images' cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_and_folders_are_refused(tmp_path, case):
    make, message = REFUSED[case]
    with pytest.raises(InputError) as caught:
        open_source(make(tmp_path))
    assert message in str(caught.value)


def test_an_empty_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(InputError, match=r"f\.zip: contains no pictures"):
        open_source(tmp_path / "f.zip")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"codes": np.zeros(3)}, "is not a pack of pictures; it contains codes"),
        ({"images": np.zeros((2, 3, 4, 4), np.uint8)}, r"must be (N, H, W, 3), got (2, 3, 4, 4)"),
        ({"images": np.zeros((2, 4, 4, 3), np.float32)}, "'images' must be uint8, got float32"),
        ({"images": np.zeros((0, 4, 4, 3), np.uint8)}, "contains no pictures"),
        ({"encoded": np.zeros(9, np.uint8), "ends": np.zeros(0, np.int64)}, "contains no pictures"),
        ({"encoded": np.zeros(9, np.uint8), "ends": np.array([4, 10])}, "'ends' does not cut 'encoded'"),
        ({"encoded": np.zeros(9, np.uint8), "ends": np.array([5, 4])}, "'ends' does not cut 'encoded'"),
        ({"encoded": np.zeros(9, np.uint8), "ends": np.array([-1, 4])}, "'ends' does not cut 'encoded'"),
        ({"encoded": np.zeros(9, np.uint8), "ends": np.array([1.5])}, "not a row of integers"),
        ({"encoded": np.zeros((3, 3), np.uint8), "ends": np.array([4])}, "'encoded' must be uint8, got uint8 (3, 3)"),
        ({"images": np.zeros((2, 4, 4, 3), np.uint8), "name": np.array(["a"])}, "'name' has the shape (1,)"),
    ],
)
def test_a_wrong_pack_is_refused_with_the_reason(tmp_path, members, message):
    np.savez(tmp_path / "p.npz", **members)
    with pytest.raises(InputError) as caught:
        open_source(tmp_path / "p.npz")
    assert message in str(caught.value)
    assert "p.npz: " in str(caught.value)


def test_a_folder_with_pictures_and_a_pack_is_refused_but_other_arrays_and_zips_are_ignored(tmp_path):
    root = make_folder(tmp_path / "f")
    make_zip(root / "download.zip")
    np.savez(root / "statistics.npz", mean=np.zeros(3))
    assert len(open_source(root)) == 3
    make_pack(root / "p.npz")
    with pytest.raises(InputError, match=r"contains both pictures and a pack\. Give the path of the pack, p\.npz,"):
        open_source(root)


@pytest.mark.shared
def test_the_shared_packs_are_read(shared_folder):
    folder = shared_folder / "bundled_model" / "data"
    both, one = open_source(folder), open_source(folder / "faces128_1.npz")
    assert len(both) == 2 * len(one) == 16786
    assert both.name(8393) == one.name(0) == "faces128_1.npz/23_1_0_20170117144740562.jpg.chip.jpg"
    np.testing.assert_array_equal(both.read(8393), one.read(0))
    assert both.read(16785).shape == (128, 128, 3)
    assert both.column("pose").shape == (16786, 3)
    assert both.column("landmarks").shape == (16786, 68, 2)
    np.testing.assert_array_equal(both.column("label")[8393], one.column("label")[0])


def test_a_colon_in_a_name_leads_nowhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for name in ("IMG 10:30.png", "trip: day 1/a.png", "C:a.png", "a.png"):
            archive.writestr(name, encoded(picture(0)))
    assert len(open_source(tmp_path / "f.zip")) == 4


def test_pictures_are_found_by_content_in_folders_and_zips(tmp_path):
    make_folder(tmp_path / "f")
    (tmp_path / "f" / "photo").write_bytes(encoded(picture(0)))
    (tmp_path / "f" / "x.jpg").mkdir()
    source = open_source(tmp_path / "f")
    assert [source.name(i) for i in range(len(source))] == [*NAMES, "photo", "x.jpg"]
    assert [item.name for item in source.left_out] == ["notes.txt"]
    with pytest.raises(BadFileError, match=r"x\.jpg: is a folder, not a picture"):
        source.read(4)
    assert PartOfSource(source, range(1)).left_out == source.left_out
    flat = open_source(tmp_path / "f", recursive=False)
    assert [flat.name(i) for i in range(len(flat))] == ["a.png", "photo", "x.jpg"]
    with zipfile.ZipFile(make_zip(tmp_path / "f.zip"), "a") as archive:
        archive.writestr("b/photo", encoded(picture(0)))
    source = open_source(tmp_path / "f.zip")
    assert "b/photo" in [source.name(i) for i in range(len(source))]
    assert [item.name for item in source.left_out] == ["notes.txt"]


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(make_folder(tmp_path / "f"))
    with pytest.raises(InputError, match="the path of the data is empty"):
        open_source("")
