"""Train or evaluate a model with PaddleGAN's command line.

python tools/main.py -c configs/stylegan2_faces64.yaml -o dataset.train.dataroot=my_faces total_iters=20000
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.training.command_line import main

if __name__ == "__main__":
    sys.exit(main())
