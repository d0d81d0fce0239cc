"""Make the people in a photo older or younger.

    python applications/tools/age_editing.py --input_image photo.jpg --years -20 20 40 --output_path out

Works from any folder, installed or not; the same as ``ppgan-ext age``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main(["age", *sys.argv[1:]], prog=Path(__file__).name))
