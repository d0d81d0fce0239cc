"""How a result is made again: settings as YAML and as one command line, and both read back from files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ppgan_ext.apps.command_line import PROGRAM
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.options import Options
from ppgan_ext.config import load_options, read_yaml
from ppgan_ext.files import write_bytes
from ppgan_ext.picture_settings import find_settings

# Options of a recipe that say where things are on one machine, or how it works there: no part of a recipe.
_OF_THE_MACHINE = ("output_path", "cpu", "workers", "recursive")
_PHOTO = "PHOTO"
_HEADING = re.compile(rf"# {PROGRAM} (\w+)\b.*")


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a run was asked for.

    Attributes:
        command: name of the command that makes the same.
        options: its options, without the photos.
        photos: option -> name of the visitor's file.
    """

    command: str
    options: Options
    photos: Mapping[str, str]

    def settings(self) -> dict[str, Any]:
        """Return the options that were set and are no default."""
        fields = type(self.options).model_fields
        given = self.options.model_dump(include=self.options.model_fields_set - {*_OF_THE_MACHINE, *self.photos})
        return {
            name: value for name, value in given.items() if value != fields[name].get_default(call_default_factory=True)
        }

    def yaml(self) -> str:
        """Return the settings as the text of a file for ``--config``; its first line names the command."""
        words = " ".join(f"--{name} {_PHOTO}" for name in self.photos)
        heading = f"# {PROGRAM} {self.command} {words}".rstrip() + " --config THIS_FILE"
        settings = self.settings()
        body = (
            yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, default_flow_style=None) if settings else ""
        )
        return f"{heading}\n{body}"

    def command_line(self) -> str:
        """Return the command line that makes the same, in the folder where the photos are."""
        words = [PROGRAM, self.command]
        for name, photo in self.photos.items():
            words += [f"--{name}", photo]
        for name, value in self.settings().items():
            words += _as_flags(name, value)
        return shlex.join(words)


def _as_flags(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no_{name}"]
    if isinstance(value, Mapping):
        return [f"--{name}", *(f"{key}={_as_word(number)}" for key, number in value.items())]
    if isinstance(value, (list, tuple)):
        return [f"--{name}", *map(_as_word, value)]
    return [f"--{name}", _as_word(value)]


def _as_word(value: Any) -> str:
    """Write a value with all its digits: a rounded one would make something else."""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read_recipe(path: Path, scratch: Path) -> Recipe | None:
    """Read settings from a YAML file of the page, or from a picture that it wrote.

    Args:
        path: a visitor's file.
        scratch: a folder for the text that a picture holds.

    Returns:
        The recipe, its values checked; None if the file holds none.

    Raises:
        ConfigError: wrong keys or values.
        InputError: the file cannot be read.
    """
    with path.open("rb") as file:
        begins_as_text = file.read(2) == b"# "
    text_file = path
    if not begins_as_text:
        text = find_settings(path)
        if text is None:
            return None
        text_file = scratch / "settings.yaml"
        write_bytes(text_file, text.encode())
    with text_file.open("rb") as file:
        heading = _HEADING.fullmatch(file.readline(1000).decode("utf-8", "replace").strip())
    if heading is None or heading[1] not in COMMANDS:
        return None
    model = COMMANDS[heading[1]].options
    if not read_yaml(text_file)[0]:
        return Recipe(heading[1], model(), {})
    return Recipe(heading[1], load_options(model, text_file), {})
