"""Fit directions of a model's latent space from labelled faces.

python tools/find_directions.py --codes codes.npz --labels labels.csv --attributes age gender --output out.safetensors
python tools/find_directions.py --images FOLDER --model_type faces-128 --labels labels.csv --output out.safetensors

Labels: a CSV with a header, or an .npz of arrays; `name` contains the file names. From `landmarks` (N, 68, 2) in an
.npz the geometric attributes are computed. Codes: an .npz with `w` (N, n_latent, 512) and, optionally, `name`.
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
