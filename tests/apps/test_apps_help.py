"""What --help of every command and tool says of defaults: one form, in the words of a command line."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from pathlib import Path

import pytest

from ppgan_ext.apps import command_line
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.flags import add_arguments
from ppgan_ext.apps.options import Options, option

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "tools").glob("*.py")) + sorted((ROOT / "applications" / "tools").glob("*.py"))
# What only Python writes: lists, dicts, quoted text, None; whole numbers with a fraction; nothing.
NO_WORDS = re.compile(r"\(default: ([\[({'\"]|None|True|False|PydanticUndefined|-?\d+\.0\b[^.]|\))")


def parser_of(monkeypatch, run):
    """Return the parser whose help is printed."""
    seen = []
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(argparse.ArgumentParser, "print_help", lambda self, file=None: seen.append(self))
        raise SystemExit(run())
    (parser,) = seen
    return parser


def check(parser):
    """Check the flags; a parser without a description says nothing of what the command does."""
    assert parser.description or parser.epilog
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help is argparse.SUPPRESS:
            continue
        text, flag = formatter._expand_help(action), action.option_strings or action.dest
        assert text.count("default:") == text.count("(default: "), flag
        assert not NO_WORDS.search(text), f"{flag}: {text}"
        has_value = action.default not in (None, False, True, [], argparse.SUPPRESS) and action.nargs != 0
        assert not has_value or "(default: " in text, f"{flag} does not show its default, {action.default}"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_defaults_are_words_of_a_command_line(name, monkeypatch):
    check(parser_of(monkeypatch, lambda: command_line.main([name, "--help"])))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_tools_defaults_are_words_of_a_command_line(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    check(parser_of(monkeypatch, lambda: runpy.run_path(str(script), run_name="__main__")))


def test_notebooks_are_not_built_without_jupytext(monkeypatch):
    script = next(path for path in SCRIPTS if path.stem == "build_notebooks")
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    with pytest.raises(SystemExit, match=r"error: jupytext is not installed. Install it: pip install -e '\.\[test\]'"):
        runpy.run_path(str(script), run_name="__main__")


def test_edit_lists_directions_with_ranges(capsys):
    assert command_line.main(["edit", "--help"]) == 0
    directions = capsys.readouterr().out.partition("directions of the default model")[2]
    signs = {
        "smile +-2.5 to 2.5 standard deviations": "lifts the corners of the mouth, - lowers them",
        "gender +-1 to 1 .*": "towards a woman's face, - a man's",
        "yaw +-25 to 25 degrees": "turns to the right in the picture, - to the left",
    }
    for amounts, does in signs.items():
        assert re.search(rf"^  {amounts} +\+ {does}$", directions, re.M), amounts


def test_defaults_of_every_kind():
    def field(default, text):
        return option(default, text, group="output")

    class Toy(Options):
        many: list[float] = field([-20.0, 0.5], "numbers")
        names: list[str] = field(["age", "smile"], "names")
        named: dict[str, float] = field({"smile": 1.0}, "amounts")
        whole: float = field(1.0, "factor")
        small: float = field(0.025, "rate")
        text: str = field("", "label")
        empty: list[str] = field([], "words")
        on: bool = field(True, "switch")
        off: bool = field(False, "switch")

    parser = argparse.ArgumentParser(prog="toy", description="toy")
    add_arguments(parser, Toy)
    helps = {action.dest: action.help for action in parser._actions if action.help is not argparse.SUPPRESS}
    shown = {name: re.search(r"\(default: (.*)\)", text) for name, text in helps.items() if name != "help"}
    assert {name: found[1] for name, found in shown.items() if found} == {
        "many": "-20 0.5",
        "names": "age smile",
        "named": "smile=1",
        "whole": "1",
        "small": "0.025",
        "on": "on; --no_on turns it off",
    }
    check(parser)
