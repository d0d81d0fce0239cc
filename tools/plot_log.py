"""Draw the curves of a training run.

python tools/plot_log.py output_dir/stylegan2_faces64-2026-11-22-06-03 --keys 'fid_*' loss_gen
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.training.plots import main

if __name__ == "__main__":
    sys.exit(main())
