"""Extract one network from a training checkpoint, like PaddleGAN's script; no code in the file is executed.

python tools/extract_weight.py iter_9000_checkpoint.pdparams --net-name gen_ema --output generator.pdparams
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext import console
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.weights.extract import DEFAULT_NET, extract


def main() -> int:
    """Extract the network, print a summary, and return the exit code."""
    parser = RepeatableParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="the checkpoint")
    parser.add_argument(
        "--net-name", default=DEFAULT_NET, help="name of the network in the checkpoint (default: %(default)s)"
    )
    parser.add_argument("--output", required=True, help="the file to write, .pdparams or .safetensors")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    args = parser.parse_args()

    def work() -> int:
        print(extract(args.checkpoint, args.output, args.net_name))
        return console.DONE

    return console.run(work, args.debug, "interrupted; nothing was written")


if __name__ == "__main__":
    sys.exit(main())
