"""Measure the face detectors that are installed: recall, false faces and time, by size, tilt, light and cut.

python tools/evaluate_detection.py --input portraits/ --output_path detection
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.studies.detection.command_line import main

if __name__ == "__main__":
    sys.exit(main())
