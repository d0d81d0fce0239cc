"""Measure rank-1 face recognition on your own copy of Multi-PIE, by yaw, with TP-GAN's protocol.

python tools/evaluate_multipie.py --input multipie_aligned/ --setting 2 --output_path multipie
python tools/evaluate_multipie.py --input multipie_aligned/ --synthesised frontal/
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.studies.multipie.command_line import main

if __name__ == "__main__":
    sys.exit(main())
