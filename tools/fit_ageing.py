"""Fit the model of ageing, which draws wrinkles and folds at the photo's resolution, to portraits of known age.

python tools/fit_ageing.py portraits/ --ages ages.csv --data "my portraits" --licence CC0-1.0 --output mine.safetensors
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.ageing_model.command_line import main

if __name__ == "__main__":
    sys.exit(main())
