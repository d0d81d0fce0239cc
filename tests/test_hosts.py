"""Where a notebook runs follows from made-up environments of AI Studio, Colab, JupyterHub and code-server."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppgan_ext.hosts import find_host

STUDIO = {"STUDIO_MODEL_API_URL_PREFIX": "https://aistudio.baidu.com", "JUPYTERHUB_SERVICE_PREFIX": "/user/7/8/"}


@pytest.mark.parametrize(
    ("environ", "name", "root_path", "url"),
    [
        (
            STUDIO, "AI Studio", "/user/7/8/gradio/7861",
            "https://aistudio.baidu.com/user/7/8/gradio/7861/",
        ),
        ({"STUDIO_MODEL_API_URL_PREFIX": "https://aistudio.baidu.com/"}, "AI Studio", None, "http://127.0.0.1:7861/"),
        (
            {**STUDIO, "STUDIO_MODEL_API_URL_PREFIX": "https://studio.example/bj-cpu-01/"}, "AI Studio",
            "/bj-cpu-01/user/7/8/gradio/7861", "https://studio.example/bj-cpu-01/user/7/8/gradio/7861/",
        ),
        ({"COLAB_RELEASE_TAG": "release"}, "Colab", None, "http://127.0.0.1:7861/"),
        ({"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}, "JupyterHub", "/user/ann/proxy/7861", "/user/ann/proxy/7861/"),
        (
            {"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/", "JUPYTERHUB_PUBLIC_URL": "https://hub.org:8000/user/ann/"},
            "JupyterHub", "/user/ann/proxy/7861", "https://hub.org:8000/user/ann/proxy/7861/",
        ),
        (
            {"VSCODE_PROXY_URI": "https://code.org/me/proxy/{{port}}/"}, "code-server", "/me/proxy/7861",
            "https://code.org/me/proxy/7861/",
        ),
        ({"VSCODE_PROXY_URI": "./proxy/{{port}}"}, "code-server", "/proxy/7861", "/proxy/7861/"),
        ({"VSCODE_PROXY_URI": "https://x-{{port}}.app.org/"}, "code-server", None, "http://127.0.0.1:7861/"),
        ({}, "this machine", None, "http://127.0.0.1:7861/"),
    ],
)  # fmt: skip
def test_the_page_lies_where_the_host_shows_it(tmp_path, environ, name, root_path, url):
    host = find_host(environ, ai_studio_home=tmp_path / "nowhere")
    assert (host.name, host.root_path(7861), host.url(7861)) == (name, root_path, url)


def test_ai_studio_is_known_by_its_folder_too_and_keeps_packages(tmp_path):
    host = find_host({}, ai_studio_home=tmp_path)
    assert (host.name, host.work, host.packages) == ("AI Studio", tmp_path / "work", tmp_path / "external-libraries")


def test_elsewhere_files_stay_in_the_current_folder_and_pip_decides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    host = find_host({}, ai_studio_home=tmp_path / "nowhere")
    assert (host.work, host.packages) == (tmp_path, None)
    assert find_host({"COLAB_GPU": ""}, ai_studio_home=tmp_path / "nowhere").work == Path("/content")
