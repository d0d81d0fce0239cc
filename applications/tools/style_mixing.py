"""Mix the faces of two photos by level: pose and shape, features and hair, colour.

    python applications/tools/style_mixing.py --latent1 a.jpg --latent2 b.jpg --levels coarse=1 middle=0.5 fine=0

Works from any folder, installed or not; the same as ``ppgan-ext mix``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["mix", *sys.argv[1:]], prog=Path(__file__).name))
