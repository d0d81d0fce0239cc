"""Move a latent code along a direction; PaddleGAN's script of this name.

    python applications/tools/styleganv2editing.py --latent dst.npy --direction_name smile --direction_offset 1

Works from any folder, installed or not; the same as ``ppgan-ext edit``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["edit", *sys.argv[1:]], prog=Path(__file__).name))
