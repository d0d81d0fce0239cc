"""Export generators for paddle.inference, like PaddleGAN's script: -c CONFIG --load WEIGHTS [-s "1,3,256,256"]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext import config, console, runtime
from ppgan_ext.argument_parser import RepeatableParser


def main() -> int:
    """Export the generators, print a summary, and return the exit code."""
    parser = RepeatableParser(description=__doc__)
    add = parser.add_argument
    add("-c", "--config-file", required=True, help="configuration; only its model is read")
    add("--load", required=True, metavar="W", help="weights or checkpoint")
    add("-s", "--inputs_size", metavar="SHAPES", help='"1,3,256,256" (-1: any; ";" between several); "1,1,512;1,1"')
    add("-o", "--opt", nargs="+", default=[], metavar="a.b=v", help="override settings of the configuration")
    add("--output_dir", default="inference_model", help="folder of the files (default: %(default)s)")
    add("--model_name", help="name of the files (default: model and network, such as cycleganmodel_netG_A)")
    add("--net-name", help="network (default: those of export_model; netG_A; gen_ema, else gen)")
    add("--export_serving_model", nargs="?", const=True, help="accepted, no effect, as PaddleGAN's for StyleGAN2")
    add("--debug", action="store_true", help="show the traceback of an error")
    args = parser.parse_args()

    def work() -> int:
        runtime.import_paddle()
        from ppgan_ext.engine.export_any import export_any

        options = {name: getattr(args, name) for name in ("inputs_size", "model_name", "net_name", "output_dir")}
        print(export_any(args.config_file, args.load, overrides=config.parse_overrides(args.opt), **options))
        return console.DONE

    return console.run(work, args.debug, "interrupted; what was written is complete")


if __name__ == "__main__":
    sys.exit(main())
