"""Serving the page: Gradio with everything shut that a page for strangers does not need."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ppgan_ext.apps.page.model_facts import model_facts
from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.files import make_folder
from ppgan_ext.interrupts import terminated_as_interrupted
from ppgan_ext.web.page_folder import page_folder

_FORBIDDEN = "GRADIO_VIBE_MODE"  # lets visitors change the program
_ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_SHARE": "False"}
_LOCAL = "127.0.0.1,localhost,::1"
# Above our own limit of 20 MB, so that our own text can say so; beyond this, Gradio does not even receive a file.
_MAX_RECEIVED = "40mb"


class Served(NamedTuple):
    """A page that is up.

    Attributes:
        url: where.
        page: the page.
        blocks: Gradio's.
    """

    url: str
    page: Any
    blocks: Any


def serve(options: PageOptions) -> None:
    """Serve the page until Ctrl-C or SIGTERM; all files of visitors are deleted then."""
    with terminated_as_interrupted(), serving(options) as served:
        print(f"The page is at {served.url} (Ctrl-C ends it)", flush=True)
        if options.no_auth:
            print("note: everybody who reaches this machine can use it", flush=True)
        if served.blocks.share_url is not None:
            print(
                f"note: whoever has the password reaches it at {served.blocks.share_url}, for a week at most",
                flush=True,
            )
        while True:
            time.sleep(3600)


@contextlib.contextmanager
def serving(options: PageOptions, warm_up: bool = True) -> Iterator[Served]:
    """Serve the page while the block runs.

    Args:
        options: of the command.
        warm_up: whether to load the model at once, in the background.

    Raises:
        ConfigError: no such model, or a setting of Gradio's that lets visitors run code.
        OutputError: the port is taken, the folder for results cannot be written, or the tunnel of ``share`` fails.
    """
    _check(options)
    with page_folder() as folder, _environment(folder):
        from ppgan_ext.web.build import build_page
        from ppgan_ext.web.site import Page

        page = Page(options, folder)
        blocks = build_page(page)
        with page.sessions.swept():
            url = _launch(blocks, page, options)
            try:
                if options.share and blocks.share_url is None:
                    cure = "See that this machine reaches the internet, or leave --share out and use a proxy"
                    raise OutputError("the tunnel cannot be opened", where="--share", cure=cure)
                if warm_up:
                    page.model.warm_up()
                yield Served(url, page, blocks)
            finally:
                blocks.close(verbose=False)


def _check(options: PageOptions) -> None:
    """Find faults before anything slow begins."""
    if os.environ.get(_FORBIDDEN):
        raise ConfigError("lets visitors change the program", where=_FORBIDDEN, cure="Unset it")
    model_facts(options.model_type)
    if options.output_path is not None:
        make_folder(options.output_path)
    with socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            reason = error.strerror or str(error)
            cure = "Choose another --port, or another --host"
            raise OutputError(
                f"cannot be listened to ({reason})", where=f"{options.host}:{options.port}", cure=cure
            ) from error


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Set what Gradio reads from the environment, and set it back afterwards."""
    settings = {**_ENVIRONMENT, "GRADIO_TEMP_DIR": str(folder)}
    for name in ("NO_PROXY", "no_proxy"):  # else Gradio asks a proxy for this machine's own page
        settings[name] = ",".join(filter(None, (os.environ.get(name), _LOCAL)))
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _launch(blocks: Any, page: Any, options: PageOptions) -> str:
    """Start Gradio's server in the background, and return the page's address."""
    from starlette.middleware import Middleware

    from ppgan_ext.web import markup
    from ppgan_ext.web.guard import Guard
    from ppgan_ext.web.style import CSS, make_theme
    from ppgan_ext.web.texts import TEXTS

    blocks.queue(default_concurrency_limit=None, max_size=4 * options.longest_line, api_open=False)
    _, url, _ = blocks.launch(
        server_name=options.host, server_port=options.port, auth=options.login, auth_message=" / ".join(TEXTS["login"]),
        root_path=options.root_path,
        share=options.share, ssr_mode=False, run_history=False, enable_monitoring=False, mcp_server=False, pwa=False,
        strict_cors=True, show_error=False, allowed_paths=[], blocked_paths=[str(Path.home())],
        max_file_size=_MAX_RECEIVED, footer_links=[], state_session_capacity=200, prevent_thread_lock=True, quiet=True,
        inbrowser=False, theme=make_theme(), css=CSS,
        head=markup.document_script({"zh": page.title("zh"), "en": page.title("en")}),
        app_kwargs={"middleware": [Middleware(Guard)], "docs_url": None, "redoc_url": None, "openapi_url": None},
    )  # fmt: skip
    return url
