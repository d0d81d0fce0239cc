"""Text is read in the encodings that name themselves; GBK is named."""

from __future__ import annotations

import tracemalloc

import pytest

from ppgan_ext.config import read_yaml
from ppgan_ext.errors import InputError
from ppgan_ext.text_files import read_text

TEXT = "# 数据\nname: 图é\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_name_themselves(tmp_path, encoding):
    path = tmp_path / "a.yaml"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path, 1000) == TEXT
    assert read_yaml(path)[0] == {"name": "图é"}


def test_utf_16_of_the_other_byte_order(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_text(path, 1000) == TEXT


def test_gbk_is_named_with_its_line_and_the_cure(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("a: 1\nname: 张伟\nb: 2\n".encode("gbk"))
    with pytest.raises(InputError, match=r"a\.yaml, line 2: .* seems to be GBK: 'name: 张伟'.*iconv -f GBK -t UTF-8"):
        read_text(path, 1000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a: \xff\xfe\xfa", "line 1: is not UTF-8 text"),
        (b"a\0:\0 \xd8", "UTF-16 without its mark"),
        (b"\xff\xfea", "is not UTF-8 text|not text"),
        (b"x" * 101, "has more than 100 bytes"),
    ],
)
def test_other_bytes(tmp_path, data, reason):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=reason):
        read_text(path, 100)


def test_the_bound_takes_no_memory(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x")
    tracemalloc.start()
    assert read_text(path, 2**40) == "x"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23


def test_places_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_text(tmp_path / "gone", 100)
    with pytest.raises(InputError, match="is a folder"):
        read_text(tmp_path, 100)
