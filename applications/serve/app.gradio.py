"""The page as an application of AI Studio, which opens and publishes files of this name; elsewhere it is a script.

    python applications/serve/app.gradio.py

AI Studio names the port and the prefix in environment variables; whoever may open the application is asked there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main


def flags(environ: Mapping[str, str], home: Path = Path("/home/aistudio")) -> list[str]:
    """Return the flags of ``ppgan-ext page`` for the machine that these environment variables describe."""
    port = environ.get("GRADIO_SERVER_PORT", "7860")
    words = ["--port", port]
    if home.is_dir():  # only AI Studio's own gateway reaches it
        words += ["--host", "0.0.0.0", "--no_auth"]
    prefix = environ.get("STUDIO_MODEL_API_URL_PREFIX", "") + environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if prefix:
        path = "/" + prefix.partition("://")[2].partition("/")[2] if "://" in prefix else prefix
        words += ["--root_path", f"{path.rstrip('/')}/gradio/{port}"]
    return words


if __name__ == "__main__":
    sys.exit(main(["page", *flags(os.environ), *sys.argv[1:]]))
