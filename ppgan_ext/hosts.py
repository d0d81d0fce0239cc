"""Where a notebook or the page runs: what outlives the session there, and under which path a port is shown.

AI Studio keeps the home folder but not what pip installs, and shows the port of a page below a path of its own; so do
JupyterHub and code-server. A page must know that path (its ``root_path``), else its uploads go astray.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PORT = 7860  # of the page, unless the user says otherwise
AI_STUDIO_HOME = Path("/home/aistudio")
_AI_STUDIO_ADDRESS, _HUB_PATH, _HUB_ADDRESS = (
    "STUDIO_MODEL_API_URL_PREFIX", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_PUBLIC_URL",
)  # fmt: skip
_CODE_SERVER = "VSCODE_PROXY_URI"
_COLAB = ("COLAB_RELEASE_TAG", "COLAB_GPU")
_COLAB_HOME = Path("/content")


@dataclass(frozen=True)
class Host:
    """A machine that runs notebooks.

    Attributes:
        name: what people call it.
        work: where files belong; on Colab they go with the session all the same.
        packages: where packages must be installed to outlive the session; None: where pip puts them.
        address: of the proxy that shows ports, such as https://aistudio.baidu.com; "" if unknown or if there is none.
        port_path: the path under which it shows a port, with "{port}" in its place; "" if ports are not shown by paths.
    """

    name: str
    work: Path
    packages: Path | None = None
    address: str = ""
    port_path: str = ""

    def root_path(self, port: int = PORT) -> str | None:
        """Return what the page needs as ``--root_path`` to work behind this host's proxy; None: nothing."""
        return self.port_path.replace("{port}", str(port)).rstrip("/") or None

    def url(self, port: int = PORT) -> str:
        """Return the address of a page, as far as it is known: a bare path belongs to the notebook's own address."""
        path = self.root_path(port)
        return f"http://127.0.0.1:{port}/" if path is None else f"{self.address}{path}/"


def find_host(environ: Mapping[str, str] | None = None, ai_studio_home: Path = AI_STUDIO_HOME) -> Host:
    """Tell from environment variables, and from AI Studio's home folder, where this process runs.

    Args:
        environ: the environment variables; None takes this process's.
        ai_studio_home: the folder whose presence means AI Studio.
    """
    environ = os.environ if environ is None else environ
    hub = environ.get(_HUB_PATH, "").rstrip("/")
    if environ.get(_AI_STUDIO_ADDRESS) or ai_studio_home.is_dir():
        prefix = environ.get(_AI_STUDIO_ADDRESS, "").rstrip("/")  # its path, where it has one, is in front of the hub's
        path = f"{urlsplit(prefix).path}{hub}/gradio/{{port}}/" if hub else ""
        packages = ai_studio_home / "external-libraries"
        return Host("AI Studio", ai_studio_home / "work", packages, _origin(prefix), path)
    if any(name in environ for name in _COLAB):
        return Host("Colab", _COLAB_HOME)
    if environ.get(_CODE_SERVER):
        # Such as https://host/proxy/{{port}}/ or ./proxy/{{port}}; Codespaces have the port in the host's name.
        template = environ[_CODE_SERVER].replace("{{port}}", "{port}")
        path = "/" + urlsplit(template).path.lstrip("./")
        return Host("code-server", Path.cwd(), None, _origin(template), path if "{port}" in path else "")
    if hub:
        return Host("JupyterHub", Path.cwd(), None, _origin(environ.get(_HUB_ADDRESS, "")), f"{hub}/proxy/{{port}}/")
    return Host("this machine", Path.cwd())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
