"""Put one person's face into another's photo, at the photo's pose, light and tone of skin.

    python applications/tools/face_fusion.py --source photo_a.jpg --target person_b.jpg --output_path out

Works from any folder, installed or not; the same as ``ppgan-ext fuse``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["fuse", *sys.argv[1:]], prog=Path(__file__).name))
