"""The command ``ppgan-ext page``."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.console import DONE, INTERRUPTED
from ppgan_ext.errors import ConfigError

# The page is the layer above, which nothing imports: it is looked up when the command runs.
_SERVER = "ppgan_ext.web.server"


def run_page(options: PageOptions) -> int:
    """Run ``ppgan-ext page`` until Ctrl-C, and return the exit code.

    Raises:
        ConfigError: Gradio is not installed.
        OutputError: the port is taken.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ConfigError("the page needs Gradio", cure="Install it: pip install 'gradio>=6.31,<7'")
    try:
        importlib.import_module(_SERVER).serve(options)
    except KeyboardInterrupt:
        print("interrupted; the page has stopped", file=sys.stderr)
        return INTERRUPTED
    return DONE
