"""Downloads from a loopback server that misbehaves like real ones."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError, OutputError, WeightsError
from ppgan_ext.weights import download, readers, store
from ppgan_ext.weights.catalog import FileRecord
from ppgan_ext.weights.download import Request
from tests.reference.file_server import CERTIFICATE, Served, left_over, serve

CONTENT = b"\x80\x04" + np.random.RandomState(0).bytes(3 * 2**20 + 12343)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture
def server():
    with serve(Served(CONTENT)) as served:
        yield served


def request_for(served, folder, **settings):
    return Request(served.url, folder / "home" / "model.pdparams", **settings)


def test_whole_file(server, tmp_path):
    seen = []
    request = request_for(server, tmp_path, sha256=SHA256.upper(), on_progress=lambda *at: seen.append(at))
    assert download.download(request) == request.target
    assert request.target.read_bytes() == CONTENT
    assert left_over(request) == ["model.pdparams"]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert "Range" not in server.requests[0]


def test_an_existing_file_is_not_downloaded_again(server, tmp_path):
    request = request_for(server, tmp_path)
    request.target.parent.mkdir()
    request.target.write_bytes(b"mine")
    download.download(request)
    assert request.target.read_bytes() == b"mine"
    assert server.requests == []


def test_resumed_within_one_call(server, tmp_path):
    server.cut_at = [1_500_000]
    request = request_for(server, tmp_path, sha256=SHA256)
    download.download(request)
    assert request.target.read_bytes() == CONTENT
    assert server.requests[1]["Range"] == "bytes=1500000-"
    assert server.requests[1]["If-Range"] == '"one"'


def test_resumed_by_a_later_call(server, tmp_path):
    """Three attempts fail at once; the part and its journal are kept."""
    server.cut_at = [2_000_000, 2_000_000, 2_000_000, 2_000_000, 2_000_000, 2_000_000]
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError) as caught:
        download.download(request)
    message = str(caught.value)
    assert "interrupted after 2,000,000 of 3,158,073 bytes" in message
    assert server.url in message
    assert f"put it into {request.target.parent} as model.pdparams" in message
    assert left_over(request) == ["model.pdparams.part", "model.pdparams.part.json"]
    server.cut_at, count = [], len(server.requests)
    download.download(request)
    assert request.target.read_bytes() == CONTENT
    assert server.requests[count]["Range"] == "bytes=2000000-"
    assert left_over(request) == ["model.pdparams"]


def test_attempts_that_get_further_are_not_counted(server, tmp_path):
    """Five interruptions are more than there are attempts, but each transfer gets a mebibyte further."""
    server.content = CONTENT * 2
    server.cut_at = [index * 1_100_000 for index in range(1, 6)]
    request = request_for(server, tmp_path)
    download.download(request)
    assert request.target.read_bytes() == server.content
    assert len(server.requests) == 6


def test_server_that_ignores_range(server, tmp_path):
    server.cut_at, server.ranges = [1_000_000], False
    request = request_for(server, tmp_path, sha256=SHA256)
    download.download(request)
    assert "Range" in server.requests[1]
    assert request.target.read_bytes() == CONTENT


def test_file_that_changes_between_attempts(server, tmp_path):
    server.cut_at = [1_000_000, 1_000_000, 1_000_000]
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError):
        download.download(request)
    server.content, server.etag, server.cut_at = b"\x80\x04" + CONTENT[::-1], '"two"', []
    download.download(request)
    assert request.target.read_bytes() == server.content


def test_file_that_has_become_shorter_than_the_part(server, tmp_path):
    request = request_for(server, tmp_path)
    request.target.parent.mkdir()
    request.part.write_bytes(CONTENT)
    journal = {"url": server.url, "validator": '"one"', "total": len(CONTENT) + 5}
    request.journal.write_text(json.dumps(journal))
    server.content = CONTENT[:1_000_000]
    download.download(request)
    assert request.target.read_bytes() == server.content


def test_without_a_validator_nothing_is_resumed(server, tmp_path):
    server.etag, server.cut_at = None, [1_000_000]
    request = request_for(server, tmp_path)
    download.download(request)
    assert [("Range" in headers) for headers in server.requests] == [False, False]
    assert request.target.read_bytes() == CONTENT


def test_a_part_of_another_url_is_not_resumed(server, tmp_path):
    request = request_for(server, tmp_path)
    request.target.parent.mkdir()
    request.part.write_bytes(b"x" * 1000)
    request.journal.write_text(json.dumps({"url": "https://127.0.0.1/other", "validator": '"one"', "total": None}))
    download.download(request)
    assert request.target.read_bytes() == CONTENT


def test_a_complete_part_is_not_downloaded_again(server, tmp_path):
    """This happens after Ctrl-C between the last byte and the rename."""
    request = request_for(server, tmp_path, sha256=SHA256)
    request.target.parent.mkdir()
    request.part.write_bytes(CONTENT)
    request.journal.write_text(json.dumps({"url": server.url, "validator": '"one"', "total": len(CONTENT)}))
    download.download(request)
    assert server.requests == []
    assert left_over(request) == ["model.pdparams"]


def test_wrong_hash(server, tmp_path):
    request = request_for(server, tmp_path, sha256="0" * 64)
    with pytest.raises(WeightsError, match=f"sha256 {SHA256} instead of {'0' * 64}; it was removed"):
        download.download(request)
    assert left_over(request) == []
    assert len(server.requests) == 1


def test_a_resumed_file_with_a_wrong_hash_is_downloaded_again(server, tmp_path):
    request = request_for(server, tmp_path, sha256=SHA256)
    request.target.parent.mkdir()
    request.part.write_bytes(b"\x80\x04" + bytes(1000))
    request.journal.write_text(json.dumps({"url": server.url, "validator": '"one"', "total": len(CONTENT)}))
    download.download(request)
    assert request.target.read_bytes() == CONTENT
    assert [("Range" in headers) for headers in server.requests] == [True, False]


def test_web_page_by_its_type(server, tmp_path):
    server.content_type = "text/html; charset=utf-8"
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError, match="answered with a web page"):
        download.download(request)
    assert left_over(request) == []


def test_web_page_with_a_wrong_type(server, tmp_path):
    server.content = b"<!DOCTYPE html><html>Quota exceeded</html>" + b" " * 5000
    request = request_for(server, tmp_path, check=readers.identify)
    with pytest.raises(WeightsError, match="sent something else: is a web page") as caught:
        download.download(request)
    assert server.url in str(caught.value)
    assert left_over(request) == []


def test_too_short_by_its_length(server, tmp_path):
    request = request_for(server, tmp_path, min_bytes=2**30)
    with pytest.raises(WeightsError, match="has 3,158,073 bytes instead of at least 1,073,741,824"):
        download.download(request)
    assert left_over(request) == []


def test_too_short_without_a_length(server, tmp_path):
    server.length = False
    request = request_for(server, tmp_path, min_bytes=2**30)
    with pytest.raises(WeightsError, match="sent 3,158,073 bytes instead of at least"):
        download.download(request)
    assert left_over(request) == []


def test_without_a_length(server, tmp_path):
    server.length = False
    seen = []
    request = request_for(server, tmp_path, sha256=SHA256, on_progress=lambda *at: seen.append(at))
    download.download(request)
    assert seen[-1] == (len(CONTENT), None)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_final_status(server, tmp_path, status):
    server.statuses = [status]
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError, match=f"the server answered {status}.*Download https"):
        download.download(request)
    assert len(server.requests) == 1
    assert left_over(request) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_temporary_status(server, tmp_path, status):
    server.statuses = [status, status]
    request = request_for(server, tmp_path)
    download.download(request)
    assert request.target.read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_lasting_server_error(server, tmp_path):
    server.statuses = [503] * 9
    with pytest.raises(WeightsError, match=r"could not be downloaded .the server answered 503"):
        download.download(request_for(server, tmp_path))
    assert len(server.requests) == 3


def test_pauses_grow(server, tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(download, "PAUSES", (1.0, 4.0))
    monkeypatch.setattr(download.time, "sleep", slept.append)
    server.statuses = [503] * 9
    with pytest.raises(WeightsError):
        download.download(request_for(server, tmp_path))
    assert slept == [1.0, 4.0]


def test_no_connection(tmp_path):
    request = Request("https://127.0.0.1:1/model.pdparams", tmp_path / "home" / "model.pdparams")
    with pytest.raises(WeightsError) as caught:
        download.download(request)
    message = str(caught.value)
    assert "refused" in message
    assert f"Download https://127.0.0.1:1/model.pdparams by other means and put it into {tmp_path / 'home'}" in message


def test_offline():
    """The tests block all other networks, as on a machine without one."""
    request = Request("https://192.0.2.1/model.pdparams", store.home() / "model.pdparams")
    with pytest.raises(WeightsError, match=f"put it into {store.home()}"):
        download.download(request)


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "model.pdparams"])
def test_other_schemes(tmp_path, url):
    with pytest.raises(ConfigError, match="only https is supported"):
        download.download(Request(url, tmp_path / "x"))


# ---- disk


class FullFile:
    """A file on a disk that fills up after some bytes."""

    def __init__(self, inner, room):
        self.inner, self.room = inner, room

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inner.close()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.inner.write(data)


def test_disk_that_fills_up(server, tmp_path, monkeypatch):
    """The part is removed, because it would keep the disk full."""
    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        opened = real(self, mode, *args, **kwargs)
        return FullFile(opened, 2_500_000) if self.name.endswith(".part") and mode == "wb" else opened

    monkeypatch.setattr(Path, "open", full)
    request = request_for(server, tmp_path)
    with pytest.raises(OutputError) as caught:
        download.download(request)
    message = str(caught.value)
    assert "the disk is too full for model.pdparams" in message
    assert str(request.target.parent) in message
    assert "PPGAN_EXT_HOME" in message
    assert left_over(request) == []
    assert len(server.requests) == 1


def test_a_full_disk_is_noticed_before_the_first_byte(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=len(CONTENT) - 1))
    request = request_for(server, tmp_path)
    with pytest.raises(OutputError, match="too full"):
        download.download(request)
    assert left_over(request) == []


def test_folder_that_is_a_file(server, tmp_path):
    (tmp_path / "home").write_text("x")
    with pytest.raises(OutputError, match=r"cannot be stored.*PPGAN_EXT_HOME"):
        download.download(request_for(server, tmp_path))


# ---- several processes

FETCH = """
import sys
from pathlib import Path
from ppgan_ext.weights.download import Request, download
print(download(Request(sys.argv[1], Path(sys.argv[2]))).stat().st_size)
"""


def test_two_processes_download_once(server, tmp_path):
    server.delay = 0.01
    target = tmp_path / "home" / "model.pdparams"
    command = [sys.executable, "-c", FETCH, server.url, str(target)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == [str(len(CONTENT))] * 2
    assert len(server.requests) == 1
    assert target.read_bytes() == CONTENT


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock(server, tmp_path):
    """The second process resumes where the first was killed."""
    server.delay = 0.05
    target = tmp_path / "home" / "model.pdparams"
    part = target.with_name("model.pdparams.part")
    first = subprocess.Popen([sys.executable, "-c", FETCH, server.url, str(target)], stdout=subprocess.DEVNULL)
    while not (part.exists() and part.stat().st_size >= 2**20):
        assert first.poll() is None
    first.kill()
    first.wait()
    kept = part.stat().st_size
    server.delay = 0.0
    download.download(Request(server.url, target, sha256=SHA256))
    assert server.requests[1]["Range"] == f"bytes={kept}-"


# ---- through the store


def test_locate_downloads_into_the_home_and_checks_the_content(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "here"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    record = FileRecord("model.pdparams", url=server.url, min_bytes=1000, sha256=SHA256)
    seen = []
    path = store.locate(record, on_progress=lambda *at: seen.append(at))
    assert path == tmp_path / "here" / "model.pdparams"
    assert seen
    assert store.locate(record) == path
    assert len(server.requests) == 1
    assert not (tmp_path / "here" / store.KNOWN_FILES).exists()
    server.content = b"Sorry, not here. " * 100
    with pytest.raises(WeightsError, match="sent something else: is a text file"):
        store.locate(FileRecord("other.pdparams", url=server.url))


def test_a_hash_is_remembered_at_first_use(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "here"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    record = FileRecord("model.pdparams", url=server.url)
    notebook = tmp_path / "here" / store.KNOWN_FILES
    with pytest.warns(store.FirstDownloadWarning, match=f"states no hash; from now on it must have sha256 {SHA256}"):
        path = store.locate(record)
    assert json.loads(notebook.read_text())["model.pdparams"]["sha256"] == SHA256
    path.unlink()
    assert store.locate(record) == path  # the same file again, without a word
    path.unlink()
    server.content = b"\x80\x04" + CONTENT[::-1]
    with pytest.raises(WeightsError, match=f"instead of {SHA256} that it had when it was first downloaded") as caught:
        store.locate(record)
    assert str(notebook) in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"model.pdparams": 3}', '{"model.pdparams": {}}', "[" * 100_000])
def test_a_damaged_notebook_of_first_downloads(server, tmp_path, monkeypatch, text):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    (tmp_path / store.KNOWN_FILES).write_text(text)
    with pytest.warns(store.FirstDownloadWarning):
        store.locate(FileRecord("model.pdparams", url=server.url))
    assert json.loads((tmp_path / store.KNOWN_FILES).read_text())["model.pdparams"]["sha256"] == SHA256
