"""The page as a stranger's program sees it: what is served, what is refused, what stays when it ends."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.page.options import PageOptions, is_loopback
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.web import server
from ppgan_ext.web.guard import names_other_places
from tests.web.conftest import ROOT, ToyPage


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def docker_health_check(port):
    """Run the Dockerfile's own check of health against a port."""
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    _, *rest = json.loads(check.replace(":7860/", f":{port}/"))
    environment = {**os.environ, "NO_PROXY": "127.0.0.1,localhost"}
    words = [sys.executable, *rest]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30, check=False)


def fetch(url, body=None, kind="application/json"):
    """Return status, headers and text of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--host", "0.0.0.0"], "auth user:password"),
        (["--host", "192.168.1.5"], "auth user:password"),
        (["--auth", "user"], "expected user:password"),
        (["--auth", "a:b", "--no_auth"], "not both"),
        (["--share"], "lets the whole internet in; give auth"),
        (["--share", "--no_auth"], "give auth user:password"),
        (["--port", "70000"], "port"),
        (["--root_path", "faces"], "root_path"),
    ],
)
def test_open_doors_and_mistakes_are_refused(words, part):
    with pytest.raises(ConfigError, match=part):
        read_options(COMMANDS["page"], words, "page")


def test_the_page_is_shared_only_if_told(monkeypatch):
    launched = []
    blocks = SimpleNamespace(share_url=None, close=lambda verbose: None)
    monkeypatch.setattr("ppgan_ext.web.build.build_page", lambda page: blocks)
    monkeypatch.setattr(server, "_launch", lambda blocks, page, options: launched.append(options.share) or "http://x/")
    monkeypatch.setenv("COLAB_GPU", "1")  # where Gradio shares by itself
    with server.serving(PageOptions(port=free_port()), warm_up=False):
        pass
    shared = PageOptions(port=free_port(), share=True, auth="ann:secret")
    with pytest.raises(OutputError, match="the tunnel cannot be opened"), server.serving(shared, warm_up=False):
        pass  # no tunnel here: what was asked for is not done by halves
    assert launched == [False, True]


def test_what_reaches_only_this_machine_needs_no_password():
    assert PageOptions().login is None
    assert load_options(PageOptions, overrides={"host": "0.0.0.0", "auth": "ann:se:cret"}).login == ("ann", "se:cret")
    assert [is_loopback(host) for host in ("localhost", "127.9.9.9", "::1", "0.0.0.0", "example.org")] == [
        True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"data": [{"path": "http://127.0.0.1:80/x.png"}]}, True),
        ({"data": [[{"image": {"path": "file:///etc/passwd"}}]]}, True),
        ({"data": [{"path": "/tmp/a.png", "url": "https://example.org/gradio_api/x"}]}, True),
        ({"data": [{"path": "data:image/png;base64,AAAA"}]}, True),
        ({"data": [{"path": "//example.org/x.png"}]}, True),
        ({"data": [{"path": "/tmp/a.png", "url": "http://localhost:7860/gradio_api/file=/tmp/a.png"}]}, False),
        ({"data": ["text with http://example.org in it", 3, None, True]}, False),
    ],
)
def test_only_uploads_can_be_named(body, refused):
    assert names_other_places(json.dumps(body).encode()) is refused


def test_a_deeply_nested_body_is_refused():
    assert names_other_places(b"[" * 200_000) is True


def test_the_port_may_be_taken(toy_page):
    with pytest.raises(OutputError, match="cannot be listened to"), server.serving(PageOptions(port=toy_page.port)):
        pass


def test_the_mode_in_which_visitors_change_the_program_is_refused(monkeypatch):
    monkeypatch.setenv("GRADIO_VIBE_MODE", "1")
    with pytest.raises(ConfigError, match="lets visitors change"), server.serving(PageOptions()):
        pass


@pytest.mark.slow
def test_both_pages_are_served_with_a_policy_against_other_hosts(toy_page):
    for path in ("", "en"):
        status, headers, text = fetch(toy_page.url + path)
        assert status == 200 and "gradio" in text
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
        assert headers["referrer-policy"] == "no-referrer" and headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
def test_browsers_keep_the_program_of_the_page_but_not_the_page(toy_page):
    _, headers, text = fetch(toy_page.url)
    assert "immutable" not in headers.get("cache-control", "")
    script = re.search(r"assets/[\w-]+\.js", text).group()
    status, headers, _ = fetch(toy_page.url + script)
    assert status == 200 and "immutable" in headers["cache-control"]
    assert "immutable" not in fetch(toy_page.url + "assets/none-12345678.js")[1].get("cache-control", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd", "gradio_api/file=../../etc/passwd", "gradio_api/file=pyproject.toml",
        "gradio_api/file=http://127.0.0.1:1/", "gradio_api/proxy=http://127.0.0.1:1/", "monitoring/summary",
        "gradio_api/monitoring/summary", "docs", "openapi.json", "gradio_api/run_history",
    ],
)  # fmt: skip
def test_no_file_and_no_other_host_is_served(toy_page, path):
    status, _, text = fetch(toy_page.url + path)
    assert status >= 400 or ("root:" not in text and '"paths"' not in text and "total_requests" not in text)
    if "file=" in path or "proxy=" in path:
        assert status in (403, 404)


@pytest.mark.slow
def test_requests_that_name_other_places_are_refused(toy_page):
    body = {"data": [{"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}}], "fn_index": 0}
    body |= {"session_hash": "stranger"}
    for kind in ("application/json", "text/plain"):
        status, _, text = fetch(toy_page.url + "gradio_api/queue/join", body, kind)
        assert status == 400 and "uploaded" in text
    assert fetch(toy_page.url + "gradio_api/queue/join", {"data": ["x" * 2_000_000]})[0] == 413


@pytest.mark.slow
def test_a_visitor_without_the_password_sees_nothing_and_all_files_go_at_the_end(tmp_path):
    page = ToyPage(tmp_path, "--auth", "ann:secret", "--root_path", "/faces")
    try:
        for path in ("", "en", "config", "gradio_api/info"):
            status, _, text = fetch(page.url + path)
            assert status == 401 or "elem_id" not in text
        assert fetch(page.url + "gradio_api/upload", {"a": 1})[0] >= 400
        health = docker_health_check(page.port)
        assert health.returncode == 0, health.stderr  # the image counts as healthy behind a password too
        folder = Path(page.state()["folder"])
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        assert page.close() == 0
    assert not folder.exists()
    assert docker_health_check(page.port).returncode != 0
