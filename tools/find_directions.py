"""Fit directions of a model's latent space from labelled faces.

python tools/find_directions.py --codes codes.npz --labels labels.csv --attributes age gender --output out.safetensors
python tools/find_directions.py --images FOLDER --model_type faces-128 --labels labels.csv --output out.safetensors

The labels are a CSV with a header: the column `name` has the file names, every other one an attribute in numbers.

    name,age,gender,smile
    anna.png,31,1,0.4
    bert.png,58,0,
    team/carl.png,,0,1.2

An empty cell is unknown; so is -1 in a column of whole numbers. age is in years; yaw, pitch and roll are in degrees; a
column of two values is a class; any other is scaled to standard deviations. Columns of words are left out. An .npz may
have the same columns as arrays of N, and `landmarks` (N, 68, 2), from which the geometric attributes are computed.
Codes: an .npz with `w` (N, n_latent, 512) and, optionally, `name`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.apps.directions import command_line


def main() -> int:
    """Run the command line and return the exit code."""
    return command_line.fit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
