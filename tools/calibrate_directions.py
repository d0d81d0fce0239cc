"""Scale directions so that one unit changes the picture by one unit, not only its code.

python tools/calibrate_directions.py --images FACES --output out.safetensors
python tools/calibrate_directions.py --images FACES --directions mine.safetensors --output o.safetensors

FACES: aligned faces, a folder, a .zip or packs, preferably faces that the model was not trained on. The directions must
contain their regressions, as tools/find_directions.py writes them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.directions import command_line


def main() -> int:
    """Run the command line and return the exit code."""
    return command_line.calibrate(__doc__)


if __name__ == "__main__":
    sys.exit(main())
