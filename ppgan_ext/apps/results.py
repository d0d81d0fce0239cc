"""What a call of a predictor made: its result, the files written, and whether Ctrl-C ended it early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ppgan_ext import pictures
from ppgan_ext.files import make_folder
from ppgan_ext.latents.codes import save_code
from ppgan_ext.types import FloatArray, Image

Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(frozen=True, eq=False)
class Made(Generic[Result]):
    """What one call made.

    Attributes:
        result: the value that the user gets.
        files: result files, in the order they were written.
        interrupted: whether Ctrl-C ended the call early; the result is the best until then.
        notes: what a user should know about the result, one line each.
    """

    result: Result
    files: tuple[Path, ...] = ()
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def with_result(self, result: Other) -> Made[Other]:
        """Return the same files under another result."""
        return Made(result, self.files, self.interrupted, self.notes)


class ResultFolder:
    """Writes the result files of one call into a folder, or nowhere.

    Args:
        folder: where files go, made if missing; None keeps everything in memory.

    Attributes:
        folder: as given.
        files: files written so far, in order.

    Raises:
        OutputError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else make_folder(folder)
        self.files: list[Path] = []

    def subfolder(self, name: str) -> ResultFolder:
        """Return a writer into a folder within this one; its files are listed here too."""
        inner = ResultFolder(None if self.folder is None else self.folder / name)
        inner.files = self.files
        return inner

    def image(self, name: str, image: Image, note: str = "Edited or made by a neural network") -> None:
        """Write an image, (H, W, 3) RGB uint8, marked as edited; the suffix of ``name`` is the format."""
        if self.folder is not None:
            self.files.append(pictures.write_image(self.folder / name, image, note))

    def code(self, name: str, w_plus: FloatArray) -> None:
        """Write a latent code, (n_latent, 512) float32, as .npy."""
        if self.folder is not None:
            save_code(self.folder / name, w_plus)
            self.files.append(self.folder / name)

    def animation(self, name: str, frames: Iterable[Image], fps: float, note: str = "Made by a neural network") -> None:
        """Write frames as .gif or .mp4; ``frames`` is not iterated over when nothing is written."""
        if self.folder is not None:
            self.files.append(pictures.write_animation(self.folder / name, frames, fps, note))

    def made(self, result: Result, interrupted: bool = False, notes: Iterable[str] = ()) -> Made[Result]:
        """Return a result together with the files written so far."""
        return Made(result, tuple(self.files), interrupted, tuple(notes))
