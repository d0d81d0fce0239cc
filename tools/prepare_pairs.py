"""Write pairs of pictures for training pix2pix: join two folders by file name, or draw after photos of faces.

python tools/prepare_pairs.py --a photos/ --b drawings/ --output data/pairs/train
python tools/prepare_pairs.py --draw sketch --input faces/ --output data/sketch/train
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.pairs.command_line import main

if __name__ == "__main__":
    sys.exit(main())
