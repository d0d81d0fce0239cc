"""Find the latent code of the face in a photo; PaddleGAN's script of this name.

    python applications/tools/pixel2style2pixel.py --input_image photo.jpg --model_type faces-128

Works from any folder, installed or not; the same as ``ppgan-ext encode``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["encode", *sys.argv[1:]], prog=Path(__file__).name))
