"""Cut the faces out of a folder of photos, aligned, as a training set.

    python tools/prepare_faces.py --input photos/ --output faces/ --size 256 --crop ffhq

Works from any folder, installed or not; the same as ``ppgan-ext prepare``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]], prog=Path(__file__).name))
