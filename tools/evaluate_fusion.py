"""Measure how well each method fuses faces, by the difference of yaw between the photos.

python tools/evaluate_fusion.py --input faces/ --num_pairs 100 --min_yaw 20 --output_path study
python tools/evaluate_fusion.py --csv pairs.csv --methods warp latent --refine 40
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.studies.fusion.command_line import main

if __name__ == "__main__":
    sys.exit(main())
