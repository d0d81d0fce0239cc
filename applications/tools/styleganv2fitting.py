"""Find the latent code of a face by optimisation; PaddleGAN's script of this name.

    python applications/tools/styleganv2fitting.py --input_image photo.jpg --need_align --step 100

Works from any folder, installed or not; the same as ``ppgan-ext fit``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["fit", *sys.argv[1:]], prog=Path(__file__).name))
