"""Mix two latent codes; PaddleGAN's script of this name.

    python applications/tools/styleganv2mixing.py --latent1 a.npy --latent2 b.npy --weights 0.5

Works from any folder, installed or not; the same as ``ppgan-ext mix``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["mix", *sys.argv[1:]], prog=Path(__file__).name))
