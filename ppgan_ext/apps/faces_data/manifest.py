"""The record of a folder of training faces: the source of every file, and the photos that are done.

A file of JSON lines: first the options with which everything in the folder was made, then a line for each photo; of
several lines for one photo the last counts. Lines are only ever added, so that nothing is lost when a run is killed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppgan_ext.errors import ConfigError, InputError, OutputError
from ppgan_ext.files import append_text, write_bytes
from ppgan_ext.picture_formats import SUFFIXES
from ppgan_ext.version import __version__

FILE_NAME = "manifest.jsonl"
_FORMAT = 1


class Manifest:
    """The manifest of a folder; it is made if there is none.

    Args:
        folder: the folder of faces.
        options: the options with which they are made, serialisable as JSON.

    Attributes:
        entries: photo's name -> its line.

    Raises:
        ConfigError: the folder was made with other options.
        OutputError: the folder contains pictures but no manifest, or cannot be written to.
        InputError: the manifest cannot be read.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self._path = folder / FILE_NAME
        self.entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            self._read(options)
        else:
            self._begin(folder, options)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write a photo's line.

        Args:
            entry: the line; "source" is the photo's name.

        Raises:
            OutputError: the line cannot be written.
        """
        append_text(self._path, _as_line(entry))
        self.entries[entry["source"]] = dict(entry)

    def _begin(self, folder: Path, options: Mapping[str, Any]) -> None:
        if folder.is_dir() and any(path.suffix.lower() in SUFFIXES for path in folder.iterdir()):
            cure = "Choose a new or an empty folder for --output"
            raise OutputError(f"holds pictures but no {FILE_NAME}", where=folder, cure=cure)
        header = {"format": _FORMAT, "software": f"ppgan_ext {__version__}", "options": dict(options)}
        write_bytes(self._path, (json.dumps(header) + "\n").encode())

    def _read(self, options: Mapping[str, Any]) -> None:
        try:
            lines = self._path.read_bytes().split(b"\n")
            header, *entries = [json.loads(line) for line in lines[:-1]]
            made_with = header["options"]
            if header["format"] != _FORMAT:
                raise ValueError(f"format {header['format']}")
            self.entries = {entry["source"]: entry for entry in entries}
        except (OSError, ValueError, KeyError, TypeError) as error:
            cure = "Fix the file, or choose another --output"
            raise InputError(f"is not a valid manifest ({error})", where=self._path, cure=cure) from error
        changed = [name for name in options if made_with.get(name) != options[name]]
        if changed:
            before = " ".join(f"--{name} {made_with.get(name)}" for name in changed)
            now = " ".join(f"--{name} {options[name]}" for name in changed)
            cure = "Use the same options, or choose another --output"
            raise ConfigError(f"the folder was made with {before}, not {now}", where=self._path, cure=cure)
        if lines[-1]:  # an incomplete line of a run that was killed; that photo is done again
            write_bytes(self._path, b"\n".join([*lines[:-1], b""]))


def _as_line(entry: Mapping[str, Any]) -> str:
    """Write an entry as one line; a name that is no UTF-8 is escaped, other names stay legible."""
    line = json.dumps(entry, ensure_ascii=False)
    if not line.isascii() and any("\ud800" <= character <= "\udfff" for character in line):
        line = json.dumps(entry)
    return line + "\n"
