"""The command line of `tools/main.py`, PaddleGAN's: check the configuration, train or measure, return the exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ppgan_ext import config, console, files
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import ConfigError, TrainingError, WeightsError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.launcher import launched_rank
from ppgan_ext.training import checkpoint_files, own_config, schema
from ppgan_ext.training.processes import Processes
from ppgan_ext.training.shortage import shortage
from ppgan_ext.weights import readers

if TYPE_CHECKING:
    from ppgan_ext.training.run import Run
    from ppgan_ext.training.settings import Settings

_EXAMPLES = """\
examples:
  main.py -c configs/stylegan2_faces64.yaml -o dataset.train.dataroot=my_faces total_iters=20000
  main.py --resume output_dir/NAME-DATE
  main.py --evaluate-only --load output_dir/NAME-DATE/iter_5000_weight.pdparams
  python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo tools/main.py -c CONFIG --no-cuda
"""


class _Parser(RepeatableParser):
    def error(self, message: str) -> NoReturn:
        """Raise a `ConfigError`, so that a wrong argument has the exit code of all other errors."""
        raise ConfigError(message, where=self.prog, cure="See --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the words after the script's name; by default those of this process.

    Returns:
        0: success; 1: failure, with one line on stderr; 130: stopped by Ctrl-C or SIGTERM, with a checkpoint written.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    kept = "the checkpoint of a started run has been saved"
    if "--evaluate-only" in words:
        kept = "what was written is complete"
    return console.run(lambda: _run_and_report_once(words), "--debug" in words, f"interrupted; {kept}")


def _run_and_report_once(words: Sequence[str]) -> int:
    """Run the command; if all of several processes meet the same error, only the first one reports it."""
    try:
        return _run(_read_arguments(words))
    except (TrainingError, ConfigError):
        if launched_rank() == 0:
            raise
        if "--debug" in words:
            traceback.print_exc()
        return console.FAILED


def _run(args: argparse.Namespace) -> int:
    settings = _read_settings(args)
    is_writer = launched_rank() == 0
    if is_writer:
        print(settings.to_yaml(), flush=True)
        for name in ("source_path", "reference_dir", "model_path"):
            if getattr(args, name):
                print(f"note: --{name} belongs to models that this command does not train and has no effect")
    if args.dry_run:
        for note in settings.notes if is_writer else ():
            print(f"note: {note}")
        return console.DONE
    from ppgan_ext.training import loop
    from ppgan_ext.training.run import Start, open_run

    processes = Processes.join(settings.accumulate, cpu=args.no_cuda)
    in_new_folder = args.evaluate_only and "output_dir" in _overrides(args)
    start = Start(args.resume, args.load, args.evaluate_only, args.profiler_options, in_new_folder)
    run: Any = None
    error: Exception | None = None
    try:
        run = open_run(settings, processes, start)
    except MemoryError:
        error = shortage(settings, "building the networks")
    except Exception as problem:  # noqa: BLE001 - raised again by raise_together
        error = problem
    processes.raise_together(error)
    try:
        if args.evaluate_only:
            _measure(run)
        else:
            loop.train(run)
            run.log.note(f"done: {run.folder}")
        return console.DONE
    except KeyboardInterrupt:
        if not args.evaluate_only and run.saved is not None:
            run.log.note(_how_it_stopped(run))
        raise
    except Exception as problem:
        processes.report_failure(problem)
        run.log.note_error(str(problem))
        raise
    finally:
        run.loader.close()
        run.profile.close()
        run.log.close()
        processes.close()


def _how_it_stopped(run: Run) -> str:
    if run.done == run.total and run.num_saved == run.done:
        return f"stopped after the last iteration, {run.done}, which has been saved: {run.folder}"
    return f"stopped after iteration {run.done}; continue with --resume {os.path.relpath(run.saved or run.folder)}"


def _measure(run: Run) -> None:
    from ppgan_ext.training import loop

    if not run.metrics:
        loop.write_test_results(run)
        return
    figures = loop.evaluate(run) or {}
    if run.processes.is_writer:
        text, path = json.dumps(figures, indent=2), run.folder / "metrics.json"
        files.write_bytes(path, f"{text}\n".encode())
        run.log.write_figures(run.done or None, figures)
        run.log.note(f"written: {path}")
        print(text, flush=True)


def _read_settings(args: argparse.Namespace) -> Settings:
    """Read the file of -c; without it, that of the run which is resumed or measured."""
    overrides = _overrides(args)
    source = args.resume or (args.load if args.evaluate_only else None)
    own = None if source is None else own_config.config_beside(source)
    if args.config_file is None:
        if own is None:
            raise ConfigError("no configuration is given", where="-c", cure="Name a file, such as one in configs")
        if not own.is_file():
            _check_source(args)
            cure = "Name one with -c"
            raise ConfigError(f"no configuration is given, and its run has none ({own})", where=source, cure=cure)
        return schema.read_config(own, overrides, [f"the configuration is the run's own, {own}"])
    settings = schema.read_config(args.config_file, overrides)
    dataset = settings.model_dump()["dataset"]
    found = {} if own is None else own_config.data_instead_of_missing(dataset, own)
    found = {key: path for key, path in found.items() if key not in overrides}
    if not found:
        return settings
    reason = f"from {own}: the path in {args.config_file} does not exist"
    notes = [f"{key} is {path}, {reason}" for key, path in found.items()]
    return schema.read_config(args.config_file, config.Overrides({**overrides, **found}, overrides.lines), notes)


def _check_source(args: argparse.Namespace) -> None:
    """Read what is to be resumed or measured, for a fault that matters more than a configuration that is missing.

    Raises:
        ConfigError: the path leads nowhere, or the file is damaged.
    """
    flag, source = ("--resume", args.resume) if args.resume else ("--load", args.load)
    path = own_config.file_of(source)
    if not path.exists():
        cure = cure_of_missing(path, f"Check the path of {flag}")
        raise ConfigError("no such file or folder", where=source, cure=cure)
    try:
        if args.resume:
            checkpoint_files.read(path)
        elif path.is_file():
            readers.read(path)
    except WeightsError as error:
        raise ConfigError(error.what, where=error.where or source, cure=error.cure) from error


def _overrides(args: argparse.Namespace) -> config.Overrides:
    """Convert the flags into overrides of the configuration; those of -o take precedence."""
    overrides: dict[str, Any] = {}
    if args.seed is not None:
        overrides["seed"] = args.seed
    if args.amp:
        overrides["amp"] = args.amp_level or "O1"
    if args.val_interval is not None:
        overrides["validate.interval"] = args.val_interval
    for item in args.opt:
        if item.count("=") != 1:
            raise ConfigError(f"'{item}' has {item.count('=')} '='", where="-o", cure="Write it as -o a.b=value")
    keys = [item.partition("=")[0].strip() for item in args.opt]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"'{key}' is given twice", where="-o", cure="Give it once")
    parsed = config.parse_overrides(args.opt)
    return config.Overrides({**overrides, **parsed}, parsed.lines)


def _read_arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser("main.py", description="Train or evaluate a model.", epilog=_EXAMPLES, allow_abbrev=False,
                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = parser.add_argument
    add(
        "-c",
        "--config-file",
        metavar="FILE",
        help="configuration in PaddleGAN's layout (default with --resume and --evaluate-only: the run's own)",
    )
    add("-o", "--opt", nargs="+", default=[], metavar="a.b=v", help="override settings; list items by number (a.0.b=v)")
    add("--resume", metavar="CKPT", help="continue from a checkpoint, or from the newest one in a run's folder")
    add("--load", metavar="W", help="start from the weights in a file (NETWORK=FILE for a file of one network)")
    add(
        "--evaluate-only",
        action="store_true",
        help="write metrics.json into the run's folder (without validate.metrics, pictures into visual_test), and stop",
    )
    add("--val-interval", type=int, metavar="N", help="iterations between measurements: validate.interval")
    add("--seed", type=int, metavar="N", help="random seed; 0 is a valid seed (default: the configuration's, else 0)")
    add("--amp", action="store_true", help="compute in bfloat16; on a GPU only")
    add("--amp_level", choices=("O1", "O2"), help="Paddle's level of --amp (default: O1)")
    add("--no-cuda", action="store_true", help="compute on the CPU even if there is a GPU")
    add("-p", "--profiler_options", metavar="OPTIONS", help='write a trace, for example "batch_range=[10,20]"')
    add("--dry-run", action="store_true", help="check and print the complete configuration, and stop")
    add("--debug", action="store_true", help="show the traceback of an error")
    for name in ("source_path", "reference_dir", "model_path"):
        add(f"--{name}", help="accepted for compatibility with PaddleGAN; has no effect")
    args = parser.parse_args(list(words))
    if args.resume and args.load:
        cure = "Use --resume alone: a checkpoint contains the weights"
        raise ConfigError("--resume and --load exclude each other", where="main.py", cure=cure)
    if args.amp_level and not args.amp:
        raise ConfigError("--amp_level would do nothing without --amp", where="main.py", cure="Add --amp")
    if args.evaluate_only and (args.val_interval is not None or args.profiler_options):
        what = "--val-interval and --profiler_options would do nothing with --evaluate-only"
        raise ConfigError(what, where="main.py", cure="Leave them out")
    return args
