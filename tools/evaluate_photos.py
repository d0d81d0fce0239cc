"""Measure on photos of real size how old edited faces look, and what else the edit changes.

python tools/evaluate_photos.py photos/ --ages ages.csv --output_path study
python tools/evaluate_photos.py photos/ --only age --num 24 --set blend=replace tune=60
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.studies.photos.command_line import main

if __name__ == "__main__":
    sys.exit(main())
