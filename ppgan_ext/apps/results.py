"""What a call of a predictor made: its result, the files written, and whether Ctrl-C ended it early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ppgan_ext import pictures
from ppgan_ext.apps.result_names import ResultNames
from ppgan_ext.files import make_folder
from ppgan_ext.images import Photo
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
        replaced: those of the files that an earlier run had left there.
        remarks: what a user should know about the options, the same for every input of a run; a batch tells it once.
    """

    result: Result
    files: tuple[Path, ...] = ()
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    replaced: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def all_notes(self) -> list[str]:
        """The remarks, then the notes: what there is to know of a call on one input."""
        return [*self.remarks, *self.notes]

    def with_result(self, result: Other) -> Made[Other]:
        """Return the same files under another result."""
        return Made(result, self.files, self.interrupted, self.notes, self.replaced, self.remarks)

    def with_notes(self, notes: Iterable[str]) -> Made[Result]:
        """Return the same with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_remarks(self, remarks: Iterable[str]) -> Made[Result]:
        """Return the same with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))


class ResultFolder:
    """Writes the result files of one call into a folder, or nowhere.

    Args:
        folder: where files go, made if missing; None keeps everything in memory.
        names: the names that this run has used already; by default none.

    Attributes:
        folder: as given.
        files: files written so far, in order.

    Raises:
        OutputError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path | None, names: ResultNames | None = None) -> None:
        self.folder = None if folder is None else make_folder(folder)
        self.files: list[Path] = []
        self._names = names or ResultNames()
        self._num_replaced_before = len(self._names.replaced)

    def subfolder(self, name: str) -> ResultFolder:
        """Return a writer into a folder within this one; its files are listed here too."""
        inner = ResultFolder(None if self.folder is None else self.folder / name, self._names)
        inner.files = self.files
        return inner

    def place(self, name: str) -> Path | None:
        """Return where a file of this name goes; None where nothing is written."""
        return None if self.folder is None else self._names.place(self.folder, name)

    def image(
        self,
        name: str,
        image: Image,
        note: str = pictures.NOTE,
        original: Photo | None = None,
        grey: bool = False,
    ) -> None:
        """Write an image, marked as edited.

        Args:
            name: its suffix is the format.
            image: (H, W, 3) RGB uint8.
            note: a description of the edit.
            original: the photo that was edited, whose transparency the file gets.
            grey: the channels are equal, and the file gets one.
        """
        path = self.place(name)
        if path is not None:
            self.files.append(pictures.write_photo(path, image, original or Photo(image), note, grey=grey))

    def code(self, name: str, w_plus: FloatArray) -> None:
        """Write a latent code, (n_latent, 512), as .npy."""
        path = self.place(name)
        if path is not None:
            save_code(path, w_plus)
            self.files.append(path)

    def animation(self, name: str, frames: Iterable[Image], fps: float, note: str = "Made by a neural network") -> None:
        """Write frames as .gif or .mp4; ``frames`` is not iterated over when nothing is written."""
        path = self.place(name)
        if path is not None:
            self.files.append(pictures.write_animation(path, frames, fps, note))

    def made(self, result: Result, interrupted: bool = False, notes: Iterable[str] = ()) -> Made[Result]:
        """Return a result together with the files written so far."""
        replaced = self._names.replaced[self._num_replaced_before :]
        return Made(result, tuple(self.files), interrupted, tuple(notes), tuple(replaced))
