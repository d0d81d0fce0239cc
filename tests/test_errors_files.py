"""The format of errors, and atomic writes."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import pytest

from ppgan_ext.errors import ConfigError, InputError, OutputError, PpganExtError, nearest
from ppgan_ext.files import append_text, atomic_path, make_folder, write_bytes


def test_error_says_where_what_cure_on_one_line():
    error = InputError("cannot be read\n as a picture", where=Path("a.png"), cure="Save it again")
    assert str(error) == "a.png: cannot be read as a picture. Save it again."
    assert str(ConfigError("is odd")) == "is odd"


def test_details_are_listed_below_the_message():
    error = ConfigError("2 mistakes", where="a.yaml", details=["a: wrong\n type", "b: missing"])
    assert str(error) == "a.yaml: 2 mistakes:\n  a: wrong type\n  b: missing"


def test_error_survives_pickling_with_its_parts():
    error = pickle.loads(pickle.dumps(InputError("what", where="where", cure="cure", details=["detail"])))
    assert isinstance(error, InputError)
    assert (error.what, error.where, error.cure, error.details) == ("what", "where", "cure", ("detail",))
    assert str(error) == "where: what. cure:\n  detail"


@pytest.mark.parametrize("kind", [ConfigError, InputError, OutputError])
def test_all_errors_are_caught_by_one_class(kind):
    with pytest.raises(PpganExtError, match="gone wrong"):
        raise kind("gone wrong")


def test_nearest_names_the_nearest_and_all():
    assert nearest("smlie", ["age", "smile"]) == "Did you mean 'smile'? Choose from: age, smile"
    assert nearest("zzzzzz", ["age", "smile"]) == "Choose from: age, smile"
    assert nearest("x", []) == "There is nothing to choose from"


def test_atomic_path_replaces_whole_and_keeps_the_suffix(tmp_path):
    target = tmp_path / "new" / "a.png"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == target.parent
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert os.listdir(target.parent) == ["a.png"]
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_atomic_path_leaves_the_old_file_on_any_error(tmp_path, error):
    target = tmp_path / "a.npy"
    target.write_bytes(b"old")
    with pytest.raises(type(error)), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.npy"]


def test_atomic_path_leaves_nothing_when_ctrl_c_arrives_as_the_file_is_created(tmp_path, monkeypatch):
    original = os.open

    def interrupted(path, *arguments, **options):
        os.close(original(path, *arguments, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.npy", b"whole")
    assert os.listdir(tmp_path) == []


def test_full_disk_is_named_and_nothing_is_left(tmp_path):
    with pytest.raises(OutputError, match="disk is full") as caught, atomic_path(tmp_path / "a.npy") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "a.npy" in str(caught.value)
    assert "--" not in str(caught.value)  # --output, --output_path and output_dir all end up here
    assert os.listdir(tmp_path) == []


def test_a_folder_under_a_file_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "file" / "folder")
    with pytest.raises(OutputError):
        write_bytes(tmp_path / "file" / "a.bin", b"")


def test_append_text_adds_and_names_a_file_that_cannot_be_written(tmp_path):
    append_text(tmp_path / "a.txt", "one\n")
    append_text(tmp_path / "a.txt", "zwölf\n")
    assert (tmp_path / "a.txt").read_bytes() == "one\nzwölf\n".encode()
    with pytest.raises(OutputError, match=r"nowhere.a\.txt: cannot be written"):
        append_text(tmp_path / "nowhere" / "a.txt", "x")
