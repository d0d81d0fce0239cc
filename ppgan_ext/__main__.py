"""``python -m ppgan_ext COMMAND``: the same as ``ppgan-ext COMMAND``, where that script is not installed."""

import sys

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main())
