"""The data sets of a run, opened once, and the fixed samples that its pictures show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgan_ext.data.common_vision_dataset import CommonVisionOptions, Download
from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.data.idx_files import md5_of
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.picture_listing import describe_left_out
from ppgan_ext.types import FloatArray
from ppgan_ext.weights.download import Request, download

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ppgan_ext.data.assembly import Dataset
    from ppgan_ext.training.random_streams import RandomStreams
    from ppgan_ext.training.settings import Settings


_MAX_DOWNLOAD = 64 * 2**20  # bytes of one file of MNIST, which has 10 MB at most


class SampleSets:
    """The training set and the test set of a run.

    Args:
        train: the data set to train on.
        test: the data set for metrics and pictures; None: the training set.
        random: random numbers of the run, for the transforms of the samples in pictures.

    Attributes:
        train: the data set to train on.
        test: the data set for metrics and pictures.
    """

    def __init__(self, train: Any, test: Any | None, random: RandomStreams) -> None:
        self.train, self.test = train, train if test is None else test
        self._random = random

    @classmethod
    def open(cls, settings: Settings, random: RandomStreams) -> SampleSets:
        """Open the data sets of a configuration, after downloading what is missing of public ones.

        Raises:
            InputError: a data set contains no pictures or cannot be opened.
            WeightsError: a public data set is not on this machine and cannot be downloaded.
        """
        dataset = settings.dataset
        blocks = {"train": dataset.train} | ({} if dataset.test is None else {"test": dataset.test})
        for part, block in blocks.items():
            if isinstance(block, CommonVisionOptions):
                _fetch_missing(part, block)
        test = None if dataset.test is None else build_part("test", dataset.test)
        return cls(build_part("train", dataset.train), test, random)

    def notes(self) -> list[str]:
        """Say what the folders or files of the data sets contain beside pictures."""
        sources = [dataset.source for dataset in (self.train, self.test)]
        notes = [f"{source}: left out: {describe_left_out(source.left_out)}" for source in sources if source.left_out]
        return list(dict.fromkeys(notes))  # both sets may be one folder

    def first(self, count: int, *, training: bool = False, key: str = "A") -> list[FloatArray]:
        """Read the first samples of the test set, skipping unreadable ones.

        Args:
            count: maximum number of samples.
            training: read the training set instead.
            key: name of the array to return of each sample.

        Returns:
            Arrays (3, H, H) in [-1, 1], at least one.

        Raises:
            InputError: no sample can be read.
        """
        dataset = self.train if training else self.test
        arrays: list[FloatArray] = []
        problem: InputError | None = None
        for index in range(len(dataset)):
            if len(arrays) == count:
                break
            try:
                arrays.append(dataset.sample(index, self._random.generator("pictures", index))[key])
            except InputError as error:
                problem = error
        if not arrays:
            cure = "Name a folder of pictures as dataroot"
            raise problem or InputError("the data set is empty", where="dataset", cure=cure)
        return arrays


def build_part(part: str, block: BaseModel) -> Dataset:
    """Build the data set of ``dataset.train`` or ``dataset.test``; an error about a path names its key too.

    Args:
        part: "train" or "test".
        block: its options.

    Raises:
        InputError: a path leads nowhere, or there are no pictures.
    """
    try:
        return build_dataset(block)
    except InputError as error:
        for key, root in block:
            if key.startswith("dataroot") and error.where == str(Path(root)):
                where = f"dataset.{part}.{key}: {error.where}"
                cure = (error.cure or "").replace("Check dataroot", "Check this path, or set another with -o")
                raise InputError(error.what, where=where, cure=cure) from error
        raise


def _fetch_missing(part: str, block: CommonVisionOptions) -> None:
    """Download what a public data set lacks; an error names the part, whose files may be elsewhere on this machine."""
    where = f"dataset.{part}"
    cure = f"or name files of this machine as {where}.params.image_path and {where}.params.label_path"
    try:
        for item in block.downloads():
            fetch_public(item)
        block.check_files()
    except PpganExtError as error:
        what = f"needs the part '{block.params.mode}' of {block.dataset_name}: {error.where}: {error.what}"
        raise type(error)(what, where=where, cure=f"{error.cure}; {cure}") from error


def fetch_public(item: Download) -> None:
    """Download a file of a public data set to where Paddle keeps it, and verify it.

    Raises:
        WeightsError: it cannot be downloaded, or has another hash than Paddle states; nothing is left.
        OutputError: the folder cannot be written.
    """

    def check(path: Path) -> None:
        if item.md5 and md5_of(path) != item.md5:
            raise InputError("is not the file that Paddle describes", where=item.url, cure="Download it by other means")

    download(Request(item.url, item.target, max_bytes=_MAX_DOWNLOAD, check=check))
