"""Translate the test images of a configuration with a trained generator, with the flags of PaddleGAN's script.

python tools/inference.py --model_type cyclegan --model_path weights.pdparams -c configs/cyclegan_horse2zebra.yaml
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.training.inference import main

if __name__ == "__main__":
    sys.exit(main())
