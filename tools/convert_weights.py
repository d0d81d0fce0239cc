"""Convert a checkpoint (PaddleGAN, rosinality, pSp, e4e, NVIDIA's StyleGAN2) for PaddlePaddle.

Reads .pdparams, .pt, .pth, .pkl, .safetensors and .npz files; no code in them is executed.

python tools/convert_weights.py INPUT --output OUT.pdparams [--net-name gen_ema] [--dtype float16]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext import console
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.weights import convert


def main() -> int:
    """Convert the checkpoint, print a summary, and return the exit code."""
    parser = RepeatableParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="the checkpoint")
    parser.add_argument("--output", required=True, help="the file to write, .pdparams or .safetensors")
    parser.add_argument("--net-name", help="network to extract from a checkpoint of several, such as gen, d or G")
    parser.add_argument("--dtype", choices=convert.DTYPES, help="type of floating-point arrays (default: unchanged)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    args = parser.parse_args()

    def work() -> int:
        print(convert.convert(args.input, args.output, net_name=args.net_name, dtype=args.dtype))
        return console.DONE

    return console.run(work, args.debug, "interrupted; nothing was written")


if __name__ == "__main__":
    sys.exit(main())
