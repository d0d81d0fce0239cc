"""Draw the face of a photo as a cartoon.

    python applications/tools/photo2cartoon.py --input_image photo.jpg

Works from any folder, installed or not; the same as ``ppgan-ext cartoon``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["cartoon", *sys.argv[1:]], prog=Path(__file__).name))
