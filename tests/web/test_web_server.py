"""What a page may be started with, and which requests its guard refuses; test_web_browser.py asks a page itself."""

import json
import socket
import sys
from importlib.machinery import SourceFileLoader
from types import SimpleNamespace

import pytest

from ppgan_ext.apps.command_line import main, read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.page.options import PageOptions, is_loopback
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.web import gradio_import, server
from ppgan_ext.web.guard import names_other_places


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--host", "0.0.0.0"], "give --auth user:password, or --no_auth"),
        (["--host", "192.168.1.5"], "give --auth user:password, or --no_auth"),
        (["--auth", "user"], "expected user:password, as in --auth anna:secret, got 'user'"),
        (["--auth", "a:b", "--no_auth"], "give --auth or --no_auth, not both"),
        (["--share"], "--share lets the whole internet in; give --auth"),
        (["--share", "--no_auth"], "give --auth user:password"),
        (["--port", "70000"], "port"),
        (["--root_path", "faces"], "root_path"),
    ],
)
def test_open_doors_and_mistakes_are_refused(words, part):
    with pytest.raises(ConfigError, match=part):
        read_options(COMMANDS["page"], words, "page")


def test_ctrl_c_says_that_the_page_has_stopped(monkeypatch, capsys):
    def serve(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "serve", serve)
    assert main(["page"]) == 130
    assert capsys.readouterr().err == "interrupted; the page has stopped\n"


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


def test_the_mode_in_which_visitors_change_the_program_is_refused(monkeypatch):
    monkeypatch.setenv("GRADIO_VIBE_MODE", "1")
    with pytest.raises(ConfigError, match="lets visitors change"), server.serving(PageOptions()):
        pass


def test_gradio_writes_no_files_for_editors_and_is_otherwise_as_it_is():
    module = sys.modules["gradio.component_meta"]
    assert module.create_or_modify_pyi(object, "object", []) is None
    assert module.create_or_modify_pyi.__module__ == gradio_import.__name__
    assert type(module.__loader__) is SourceFileLoader and module.__spec__.loader is module.__loader__
    before = list(sys.meta_path)
    gradio_import.install()  # too late
    assert sys.meta_path == before
    assert not [finder for finder in before if type(finder).__module__ == gradio_import.__name__]
