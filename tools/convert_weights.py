"""Convert a checkpoint (PaddleGAN, rosinality, pSp, e4e, NVIDIA's StyleGAN2) for PaddlePaddle.

Read are .pdparams, .pt, .pth, .pkl, .safetensors and .npz; nothing in them is run.

python tools/convert_weights.py INPUT --output OUT.pdparams [--net-name gen_ema] [--dtype float16]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.errors import PpganExtError
from ppgan_ext.weights import convert


def main() -> int:
    """Read the command line, convert, say what was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="the checkpoint")
    parser.add_argument("--output", required=True, help="the file to write, .pdparams or .safetensors")
    parser.add_argument("--net-name", help="the network to take out of a checkpoint of several, such as gen, d or G")
    parser.add_argument("--dtype", choices=convert.DTYPES, help="type of floating-point arrays; default: unchanged")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    args = parser.parse_args()
    try:
        print(convert.convert(args.input, args.output, net_name=args.net_name, dtype=args.dtype))
    except PpganExtError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
