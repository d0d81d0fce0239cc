"""The ``ppgan-ext`` command: ``ppgan-ext age --input_image photo.jpg --years 20``.

The words of a command line become validated options, which run the command (`commands.COMMANDS`). An error becomes one
line on stderr and an exit code: 0 done, 1 something failed, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.commands import COMMANDS, Command
from ppgan_ext.apps.flags import Parser, add_arguments, reset_alternatives
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.shares.run import is_left_to_first
from ppgan_ext.config import load_options, names_of
from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.version import __version__

PROGRAM = "ppgan-ext"
_SCRIPTS = {
    "encode": "pixel2style2pixel.py",
    "fit": "styleganv2fitting.py",
    "mix": "styleganv2mixing.py",
    "edit": "styleganv2editing.py",
    "generate": "styleganv2.py",
}


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run a command line and return its exit code; nothing is raised.

    Args:
        argv: the words after the program's name; by default those of this process.
        prog: name of the program in help texts, for a script that runs one command.
    """
    words, debug = _split_debug(argv)
    return console.run(lambda: _dispatch(words, prog), debug, "interrupted; files written so far are complete")


def run_tool(command: Command, argv: Sequence[str] | None, prog: str, interrupted: str) -> int:
    """Run a script of tools/ that is a command of its own, and return its exit code; nothing is raised.

    Args:
        command: the command.
        argv: the words after the script's name; by default those of this process.
        prog: the script's name, for help texts.
        interrupted: the message after Ctrl-C.
    """
    words, debug = _split_debug(argv)
    return console.run(lambda: command.run(read_options(command, words, prog)), debug, interrupted)


def _split_debug(argv: Sequence[str] | None) -> tuple[list[str], bool]:
    """Separate ``--debug``, which may stand anywhere, from the other words."""
    words = list(sys.argv[1:] if argv is None else argv)
    return [word for word in words if word != "--debug"], "--debug" in words


def read_options(command: Command, words: Sequence[str], prog: str) -> Options:
    """Turn the words after a command's name into its options; flags win over the file of ``--config``.

    Raises:
        ConfigError: an unknown flag or key, or a value that cannot be used.
        InputError: the file of ``--config`` cannot be read.
    """
    parser = make_parser(command, prog)
    first = _takes_words_first(command)
    if words and not words[0].startswith("-") and first:
        words = [f"--{first}", *words]
    given = parser.parse(words)
    config = given.pop("config", None)
    return load_options(command.options, config, reset_alternatives(command.options, given))


def make_parser(command: Command, prog: str) -> Parser:
    """Build the parser of a command; its help ends with the examples."""
    examples = "\n".join(f"  {prog} {line}".rstrip() for line in command.examples)
    elsewhere = _of_another_script if command in COMMANDS.values() else lambda flag: ""
    epilog = f"examples:\n{examples}"
    parser = Parser(prog, elsewhere, command.more, description=command.summary, epilog=epilog)
    if _takes_words_first(command):
        parser.usage = f"{prog} [photos] [flags]"
    add_arguments(parser, command.options)
    general = parser.add_argument_group("general")
    general.add_argument(
        "--config", metavar="FILE", default=None, help="YAML file with these options; flags win over it"
    )
    general.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    general.add_argument("--version", action="store_true", default=argparse.SUPPRESS, help="print the version and stop")
    return parser


def _takes_words_first(command: Command) -> str:
    """Return the option whose values may come first, without its flag; empty if there is none."""
    return next((name for name in ("input_image", "input") if name in command.options.model_fields), "")


def _of_another_script(flag: str) -> str:
    """Say to which of PaddleGAN's scripts a flag belongs: its tutorials name a wrong one in places."""
    for name, script in _SCRIPTS.items():
        fields = COMMANDS[name].options.model_fields
        if flag in {f"--{other}" for own, field in fields.items() for other in names_of(own, field)}:
            return f"{flag} belongs to {script} ({PROGRAM} {name})"
    return ""


def _dispatch(words: Sequence[str], prog: str | None) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if "--version" in words[:2]:
        print(f"ppgan_ext {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise ConfigError(f"unknown command '{name}'", where=PROGRAM, cure=nearest(name, COMMANDS))
    command = COMMANDS[name]
    options = read_options(command, rest, prog or f"{PROGRAM} {name}")
    if "workers" not in command.options.model_fields and is_left_to_first():
        return console.DONE
    return command.run(options)


def _overview() -> str:
    lines = [f"  {name:<9} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND [flags]",
            "",
            "Edit faces in real photos with StyleGAN2 on PaddlePaddle.",
            "",
            *lines,
            "",
            f"'{PROGRAM} COMMAND --help' explains a command; '{PROGRAM} --version' prints the version.",
        ]
    )
