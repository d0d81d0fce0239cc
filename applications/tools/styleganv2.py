"""Draw sheets of random faces; PaddleGAN's script of this name.

    python applications/tools/styleganv2.py --model_type faces-128 --n_row 3 --n_col 5 --seed 1 --cpu

Works from any folder, installed or not; the same as ``ppgan-ext generate``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]], prog=Path(__file__).name))
