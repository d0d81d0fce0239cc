"""Measure a face model on faces that it was not trained on: a report with tables and plots.

python tools/evaluate_model.py --input packs/ --num 500 --output_path evaluation
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.studies.models.command_line import main

if __name__ == "__main__":
    sys.exit(main())
