"""Train the bundled face model with PyTorch, on a GPU or a CPU, and export plain arrays; see README.md beside this.

    python tools/bundled_model/train.py gan    --data PACKS --ckpt ck.pt --minutes 9
    python tools/bundled_model/train.py rec    --data PACKS --ckpt ck.pt --minutes 45 --g_lr 0.002
    python tools/bundled_model/train.py joint  --data PACKS --ckpt ck.pt --minutes 9 --g_lr 0.0005
    python tools/bundled_model/train.py sheet  --data PACKS --ckpt ck.pt --out sheet.png
    python tools/bundled_model/train.py export --ckpt ck.pt --out FOLDER
    python tools/bundled_model/train.py speed  --data PACKS

PACKS is a folder of faces as `ppgan_ext.data` reads them. A run goes on from --ckpt where that exists, exactly as if it
had not stopped; otherwise it starts from scratch, or from --init. Needs PyTorch, NumPy and Pillow; no Paddle.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from faces_torch import Faces, held_back_rows, load_images, training_rows
from reports_torch import measure_speed, write_sheet
from stages_torch import STAGES, Stage, StageOptions
from state_torch import Architecture, Rates, State, read_checkpoint

from ppgan_ext import console
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError, TrainingError
from ppgan_ext.interrupts import deferred_interrupt

STARTED = time.monotonic()
RECORDS = (Architecture, Rates, StageOptions)
DEFAULT_G_LR = {"rec": 0.002, "joint": 0.0}


def make_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = RepeatableParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("stage", choices=[*STAGES, "sheet", "export", "speed"])
    add("--data", type=Path, help="folder of packs, or of pictures")
    add("--ckpt", type=Path, help="checkpoint: read where it exists, rewritten every --save_minutes and at the end")
    add("--init", type=Path, help="without a checkpoint: start from this folder of exported arrays, or checkpoint")
    add("--out", type=Path, help="file of the sheet, folder of the export")
    add("--minutes", type=float, default=9.0, help="stop so long after the program's start (default: %(default)s)")
    add("--steps", type=int, help="stop after so many steps, if that comes first")
    add("--held_back", type=int, default=500, help="never train on the last N faces (default: %(default)s)")
    add("--limit", type=int, help="use only the first N of the other faces, for a trial")
    add("--seed", type=int, default=0, help="of a run from scratch (default: %(default)s)")
    fields = {field.name: field for record in RECORDS for field in dataclasses.fields(record)}
    for field in fields.values():
        if field.name not in ("g_lr", "bf16"):
            add(f"--{field.name}", type=type(field.default), default=field.default, help="default: %(default)s")
    add("--g_lr", type=float, help="rate of rec (default: 0.002); of the generator in joint (default: 0, frozen)")
    add("--precision", choices=["bf16", "float32"], default="bf16", help="of convolutions (default: %(default)s)")
    add("--channels_last", action="store_true", help="memory layout of convolutions")
    add("--compile", action="store_true", help="compile the networks with torch.compile")
    add("--log_every", type=int, default=50, help="steps between lines (default: %(default)s)")
    add("--save_minutes", type=float, default=3.0, help="between checkpoints (default: %(default)s)")
    add("--threads", type=int, help="of a CPU (default: PyTorch's)")
    add("--debug", action="store_true", help="show where an error comes from")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = make_parser().parse_args(argv)
    return console.run(lambda: _run(args), args.debug, "interrupted; the checkpoint holds all finished steps")


def _run(args: argparse.Namespace) -> int:
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    if args.stage == "speed":
        source = _open(args)
        images = load_images(source, range(min(len(source), 4 * args.batch)), args.size)
        options = _stage_options(args)
        for line in measure_speed(_pick(Architecture, args), _pick(Rates, args), options, Faces(images, device)):
            print(line, flush=True)
        return console.DONE
    if args.ckpt is None:
        raise ConfigError("--ckpt is missing", cure="Name the file that the run goes on from")
    if args.stage in STAGES:
        _train(args, device)
        return console.DONE
    state = _state(args, device, must_exist=True)
    if args.out is None:
        raise ConfigError("--out is missing", cure="Name the picture, or the folder of the export")
    if args.stage == "export":
        print("\n".join(map(str, state.export(args.out))))
        return console.DONE
    source = _open(args)
    rows = held_back_rows(len(source), state.notes["held_back"])
    print(write_sheet(state, load_images(source, rows, state.architecture.size), args.out))
    return console.DONE


def _train(args: argparse.Namespace, device: torch.device) -> None:
    state, source = _state(args, device), _open(args)
    rows = training_rows(source, args.held_back, args.limit)
    _note_faces(state, source, rows, args)
    faces = Faces(load_images(source, rows, state.architecture.size), device)
    seconds = time.monotonic() - STARTED
    print(f"{len(rows)} of {len(source)} faces on {device}, loaded after {seconds:.0f} s", flush=True)
    state.use(args.channels_last, args.compile)
    stage = STAGES[args.stage](state, faces, _stage_options(args))
    with deferred_interrupt(terminate=True) as check_interrupt:
        try:
            _loop(stage, args, check_interrupt)
        except KeyboardInterrupt:
            state.save(args.ckpt)
            raise
    state.save(args.ckpt)


def _loop(stage: Stage, args: argparse.Namespace, check_interrupt: Callable[[], None]) -> None:
    """Repeat the stage's step until the time or the steps are used up."""
    begin = saved = time.monotonic()
    num_steps = 0
    losses: dict[str, torch.Tensor] = {}
    while time.monotonic() - STARTED < args.minutes * 60 and num_steps != args.steps:
        losses = stage.step()
        num_steps += 1
        check_interrupt()
        is_due = time.monotonic() - saved > args.save_minutes * 60
        if num_steps % args.log_every == 0 or is_due:
            print(_line(stage, losses, num_steps, begin, args.ckpt), flush=True)
        if is_due:
            stage.state.save(args.ckpt)
            saved = time.monotonic()
    if num_steps % args.log_every:
        print(_line(stage, losses, num_steps, begin, args.ckpt), flush=True)


def _line(stage: Stage, losses: dict[str, torch.Tensor], num_steps: int, begin: float, ckpt: Path) -> str:
    """Write the losses; refuse to go on with one that is not a number.

    Raises:
        TrainingError: a loss is NaN or infinite.
    """
    numbers = dict(zip(losses, torch.stack([value.float() for value in losses.values()]).tolist(), strict=True))
    if not all(abs(number) < float("inf") for number in numbers.values()):
        cure = f"The checkpoint of before is whole: go on from it with a lower --lr or a higher --gamma; {numbers}"
        raise TrainingError("a loss is no longer finite", where=ckpt, cure=cure)
    rate = num_steps * stage.options.batch / (time.monotonic() - begin)
    shown = "  ".join(f"{name} {number:.4g}" for name, number in numbers.items())
    return f"{stage.name} {stage.state.images[stage.name] / 1000:.1f}k images  {rate:.1f}/s  {shown}"


def _state(args: argparse.Namespace, device: torch.device, must_exist: bool = False) -> State:
    """Make the state: the checkpoint's, else that of --init, else a fresh one."""
    if must_exist or args.ckpt.exists():
        content = read_checkpoint(args.ckpt)
        if "format" not in content:
            cure = "Give it as --init: its weights are taken, its optimisers are not"
            raise InputError("is a checkpoint of an older script", where=args.ckpt, cure=cure)
        state = State(Architecture(**content["architecture"]), _pick(Rates, args), device)
        state.load(content)
        return state
    torch.manual_seed(args.seed)
    state = State(_pick(Architecture, args), _pick(Rates, args), device)
    state.notes |= {"seed": args.seed, "start": "scratch"}
    if args.init is not None:
        state.start_from(args.init)
        state.notes["start"] = args.init.name
    return state


def _note_faces(state: State, source: ImageSource, rows: Sequence[int], args: argparse.Namespace) -> None:
    """Keep which faces are held back; refuse to go on with others, which the run has been trained on.

    Raises:
        ConfigError: the checkpoint was made with other faces.
    """
    names = "\n".join(source.name(row) for row in held_back_rows(len(source), args.held_back))
    used = {
        "num_faces": len(source),
        "held_back": args.held_back,
        "held_back_sha256": hashlib.sha256(names.encode()).hexdigest(),
    }
    before = {name: state.notes.get(name, value) for name, value in used.items()}
    if before != used:
        cure = f"Use the same --data and --held_back {before['held_back']}"
        raise ConfigError("the run so far was trained with other faces held back", where=args.ckpt, cure=cure)
    state.notes |= {**used, "trained_on": len(rows)}  # the rest of the others are twins of held-back faces


def _open(args: argparse.Namespace) -> ImageSource:
    if args.data is None:
        raise ConfigError("--data is missing", cure="Give the folder of the faces")
    return open_source(args.data)


def _stage_options(args: argparse.Namespace) -> StageOptions:
    g_lr = DEFAULT_G_LR.get(args.stage, 0.0) if args.g_lr is None else args.g_lr
    names = [field.name for field in dataclasses.fields(StageOptions) if field.name not in ("g_lr", "bf16")]
    return StageOptions(**{name: getattr(args, name) for name in names}, g_lr=g_lr, bf16=args.precision == "bf16")


def _pick(record: type, args: argparse.Namespace) -> object:
    return record(**{field.name: getattr(args, field.name) for field in dataclasses.fields(record)})


if __name__ == "__main__":
    sys.exit(main())
