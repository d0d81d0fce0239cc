"""The page as an application of AI Studio, which opens and publishes files of this name; elsewhere it is a script.

    python applications/serve/app.gradio.py

AI Studio names the port and the prefix in environment variables, and keeps one folder of packages; whoever may open the
application is asked there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.hosts import PORT, Host, find_host
from ppgan_ext.notebook_setup import set_up


def flags(environ: Mapping[str, str], host: Host) -> list[str]:
    """Return the flags of ``ppgan-ext page`` for a host with these environment variables."""
    port = int(environ.get("GRADIO_SERVER_PORT", PORT))
    words = ["--port", str(port)]
    if host.packages is not None:  # AI Studio: only its own gateway reaches the page
        words += ["--host", "0.0.0.0", "--no_auth"]
    prefix = host.root_path(port)
    return words if prefix is None else [*words, "--root_path", prefix]


if __name__ == "__main__":
    host = find_host()
    if host.packages is not None:
        set_up(sys.path[0], host, extras=["page"])
    from ppgan_ext.apps.command_line import main

    sys.exit(main(["page", *flags(os.environ, host), *sys.argv[1:]]))
