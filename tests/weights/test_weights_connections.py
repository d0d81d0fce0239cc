"""Servers that lead elsewhere, send what was not asked for, or never end."""

import hashlib

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import download
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


@pytest.mark.parametrize("kind", ["http", "ftp", "another port", "another host", "file", "user"])
def test_redirection_to_another_host(server, tmp_path, kind):
    with serve(Served(CONTENT)) as other:
        addresses = {
            "http": server.url.replace("https", "http"),
            "ftp": server.url.replace("https", "ftp"),
            "another port": other.url,
            "another host": server.url.replace("127.0.0.1", "localhost"),
            "file": "file:///etc/passwd",
            "user": other.url.replace("//", "//127.0.0.1@"),
        }
        server.redirects = [addresses[kind]]
        request = request_for(server, tmp_path)
        with pytest.raises(WeightsError, match=r"sends on to .* which is not one of its known addresses") as caught:
            download.download(request)
    assert addresses[kind] in str(caught.value)
    assert left_over(request) == []
    assert other.requests == [] and len(server.requests) == 1


def test_redirection_within_a_host_and_to_a_known_one(server, tmp_path):
    server.redirects = ["/elsewhere/model.pdparams"]
    download.download(request_for(server, tmp_path, sha256=SHA256))
    with serve(Served(CONTENT)) as other:
        server.redirects = [None, None, other.url]
        request = Request(server.url, tmp_path / "b" / "model.pdparams", hosts=(other.url.split("/")[2],))
        assert download.download(request).read_bytes() == CONTENT
    assert len(server.requests) == 3 and len(other.requests) == 1


def test_redirections_in_a_circle(server, tmp_path):
    server.redirects = [server.url] * 99
    with pytest.raises(WeightsError, match="302"):
        download.download(request_for(server, tmp_path))
    assert len(server.requests) < 20


def test_a_certificate_that_nobody_knows(server, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(WeightsError, match="CERTIFICATE_VERIFY_FAILED"):
        download.download(request_for(server, tmp_path))
    assert server.requests == []


@pytest.mark.parametrize("length", [True, False])
def test_too_long(server, tmp_path, length):
    server.length = length
    request = request_for(server, tmp_path, max_bytes=1_000_000)
    with pytest.raises(WeightsError, match=r"sends [\d,]+ bytes or more, where at most 1,000,000 are expected"):
        download.download(request)
    assert left_over(request) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("span", ["bytes 0-9/10", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}", "bytes */10", "x"])
def test_a_part_that_nobody_asked_for(server, tmp_path, span):
    server.partial = span
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError, match="unexpected status 206"):
        download.download(request)
    assert left_over(request) == []


@pytest.mark.parametrize("span", ["bytes 5-9/10", "bytes 1000000-1000001/9", "bytes 1000000-1000009/*", ""])
def test_another_part_than_asked_for(server, tmp_path, span):
    server.cut_at = [1_000_000]

    def answer(done, total):
        if done >= 1_000_000:
            server.partial = span

    request = request_for(server, tmp_path, sha256=SHA256, on_progress=answer)
    with pytest.raises(WeightsError, match="unexpected status 206"):
        download.download(request)
    assert left_over(request) == []


def test_content_that_is_packed(server, tmp_path):
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(WeightsError, match="packed as gzip, which was not asked for"):
        download.download(request_for(server, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["content", "headers", "content without a length"])
def test_a_server_that_drips_meets_the_deadline(server, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(download, "DEADLINE", 1.5)
    if kind == "headers":
        server.drip = 0.05
    else:
        server.delay, server.block, server.length = 0.05, 1000, kind == "content"
    request = request_for(server, tmp_path)
    with pytest.raises(WeightsError, match=r"bytes came in 2 seconds; another start goes on from there"):
        download.download(request)
    assert not request.target.exists()
    assert len(server.requests) == 1


@pytest.mark.slow
def test_after_the_deadline_the_next_call_goes_on(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "DEADLINE", 1.0)
    server.delay, server.block = 0.2, 300_000
    request = request_for(server, tmp_path, sha256=SHA256)
    with pytest.raises(WeightsError):
        download.download(request)
    kept = request.part.stat().st_size
    assert 0 < kept < len(CONTENT)
    server.delay = 0.0
    monkeypatch.setattr(download, "DEADLINE", 60.0)
    download.download(request)
    assert request.target.read_bytes() == CONTENT
    assert server.requests[-1]["Range"] == f"bytes={kept}-"


def test_a_server_that_stalls_is_tried_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.05)
    server.delay, server.block = 0.06, 100
    with pytest.raises(WeightsError, match=r"sent only [\d,]+ bytes in 0 seconds"):
        download.download(request_for(server, tmp_path))
    assert len(server.requests) >= 2
