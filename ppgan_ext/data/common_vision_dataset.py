"""CommonVisionDataset, PaddleGAN's data set of single pictures with classes: MNIST, Fashion-MNIST, class folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pydantic

from ppgan_ext.data.assembly import Sample
from ppgan_ext.data.class_folders import ClassFolderSource
from ppgan_ext.data.dataset_options import DatasetOptions
from ppgan_ext.data.idx_files import IdxSource
from ppgan_ext.data.image_source import ImageSource, PartOfSource
from ppgan_ext.data.pipeline import LoadImageFromFile, Pipeline, Transforms, build_pipeline
from ppgan_ext.data.single_dataset import KEY
from ppgan_ext.data.sources import open_source
from ppgan_ext.data.transform_table import AnyTransform
from ppgan_ext.errors import InputError
from ppgan_ext.option_types import Block, Count

DatasetName: TypeAlias = Literal["MNIST", "FashionMNIST", "DatasetFolder", "ImageFolder"]
Mode: TypeAlias = Literal["train", "test"]

_DIGITS = ("MNIST", "FashionMNIST")
_FOLDERS = {"MNIST": "mnist", "FashionMNIST": "fashion_mnist"}
_URL = "https://dataset.bj.bcebos.com"
_PREFIXES = {"train": "train", "test": "t10k"}
# What Paddle states of its copies of MNIST, in paddle.vision.datasets.
_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
_WHOLE_RANGE = ({"name": "Normalize", "mean": [127.5], "std": [127.5]},)
LABEL_KEY = "class_id"
"""PaddleGAN's key of a sample's class."""


class Download(NamedTuple):
    """A file of a public data set.

    Attributes:
        url: where Paddle keeps it.
        target: where Paddle and this package look for it.
        md5: its hash, or "" where Paddle states none.
    """

    url: str
    target: Path
    md5: str


class VisionParams(Block):
    """The block ``params``: what PaddleGAN passes on to Paddle's data sets.

    Attributes:
        mode: the part of MNIST.
        image_path: local IDX file of pictures, gzipped or not; None: Paddle's folder of downloads.
        label_path: local IDX file of labels.
        root: the folder of `DatasetFolder` or `ImageFolder`.
        download: download MNIST where it is missing.
        backend: Paddle's choice of a decoder, without effect.
    """

    mode: Mode = "train"
    image_path: str | None = None
    label_path: str | None = None
    root: str | None = None
    download: bool = True
    backend: str | None = None


class CommonVisionOptions(DatasetOptions):
    """Options of `CommonVisionDataset`."""

    name: Literal["CommonVisionDataset"]
    dataset_name: DatasetName
    transforms: tuple[AnyTransform, ...] = ()
    return_label: bool = True
    params: VisionParams = VisionParams()
    limit: Count | None = None

    @pydantic.field_validator("transforms")
    @classmethod
    def _fit_together(cls, transforms: tuple[AnyTransform, ...]) -> tuple[AnyTransform, ...]:
        load, transform = _steps(transforms)
        Pipeline([LoadImageFromFile.model_validate(load), Transforms.model_validate(transform)])
        return transforms

    @pydantic.model_validator(mode="after")
    def _has_its_files(self) -> CommonVisionOptions:
        params, is_digits = self.params, self.dataset_name in _DIGITS
        if is_digits and params.root is not None:
            raise ValueError(f"params.root: {self.dataset_name} has no folder; set params.image_path and label_path")
        if not is_digits and params.root is None:
            raise ValueError(f"params.root: missing; {self.dataset_name} needs a folder of pictures")
        if params.label_path is not None and params.image_path is None:
            raise ValueError("params.image_path: missing; labels need their pictures")
        return self

    def downloads(self) -> list[Download]:
        """Return the files that have to be downloaded before the data set can be opened."""
        if self.dataset_name not in _DIGITS or self.params.image_path is not None or not self.params.download:
            return []
        return [item for item in paddle_files(self.dataset_name, self.params.mode) if not item.target.is_file()]

    def check_files(self) -> None:
        """Check that the pictures of a public data set are where they are looked for.

        Raises:
            InputError: they are not.
        """
        if self.dataset_name in _DIGITS and self.params.image_path is None:
            _check_public(self.dataset_name, self.params.mode)


def paddle_files(dataset_name: str, mode: str) -> list[Download]:
    """Return the files of pictures and labels of MNIST or Fashion-MNIST, where Paddle keeps and puts them."""
    folder, prefix = _FOLDERS[dataset_name], _PREFIXES[mode]
    home = Path.home() / ".cache" / "paddle" / "dataset" / folder
    names = [f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"]
    hashes = _MD5 if dataset_name == "MNIST" else {}
    return [Download(f"{_URL}/{folder}/{name}", home / name, hashes.get(name, "")) for name in names]


class CommonVisionDataset:
    """Single pictures with the number of their class.

    Args:
        dataset_name: MNIST, FashionMNIST; DatasetFolder, whose subfolders are classes; ImageFolder, without classes.
        transforms: as in a YAML file, or validated. Pictures of MNIST have one channel. Transpose is added before the
            first Normalize where it is missing, as Paddle's arithmetic implies; without transforms, [0, 255] becomes
            [-1, 1].
        return_label: add the class to each sample.
        params: see `VisionParams`.
        limit: use only this many pictures, the first ones.

    Attributes:
        labels: (N,) int64, also without ``return_label``; None if there are no classes.

    Raises:
        InputError: the files are missing, truncated or wrong.
        ConfigError: a transform is unknown or out of place.
    """

    Options: ClassVar[type[DatasetOptions]] = CommonVisionOptions

    def __init__(
        self,
        dataset_name: str,
        transforms: Sequence[Mapping[str, Any] | AnyTransform] = (),
        return_label: bool = True,
        params: VisionParams | Mapping[str, Any] = VisionParams(),  # noqa: B008 - immutable
        limit: int | None = None,
    ) -> None:
        settings = params if isinstance(params, VisionParams) else VisionParams(**params)
        self._pipeline = build_pipeline(_steps(transforms))
        source = _open(dataset_name, settings)
        labels: npt.NDArray[np.int64] | None = getattr(source, "labels", None)
        self._grey = source.grey if isinstance(source, IdxSource) else None
        self.source: ImageSource = source if limit is None else PartOfSource(source, range(len(source))[:limit])
        self.labels = None if labels is None else labels[: len(self.source)]
        self._return_label = return_label

    def __len__(self) -> int:
        return len(self.source)

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 without labels."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def name(self, index: int) -> str:
        """Return a picture's path relative to the data set, or its file and number."""
        return self.source.name(index)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return ``{"A": (C, H, W) float32}``, and with labels ``"class_id"``, () int64.

        Raises:
            BadFileError: the file is not a picture, or it is damaged.
            InputError: the picture is too small for the transforms.
        """
        image = self.source.read(index) if self._grey is None else self._grey(index)
        try:
            sample: Sample = dict(self._pipeline({KEY: image}, rng))
        except InputError as error:
            raise InputError(error.what, where=self.name(index), cure=error.cure) from error
        if self._return_label and self.labels is not None:
            sample[LABEL_KEY] = np.array(self.labels[index], np.int64)
        return sample


def _steps(transforms: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the steps of a pipeline that applies transforms to the only image."""
    items = list(transforms) or [dict(item) for item in _WHOLE_RANGE]
    names = [item["name"] if isinstance(item, Mapping) else item.name for item in items]
    if not {"Transpose", "ToTensor", "PairedToTensor"} & set(names):
        place = names.index("Normalize") if "Normalize" in names else len(names)
        items.insert(place, {"name": "Transpose"})
    transform = {"name": "Transforms", "input_keys": [KEY], "pipeline": items}
    return [{"name": "LoadImageFromFile", "key": KEY}, transform]


def _open(dataset_name: str, params: VisionParams) -> ImageSource:
    if dataset_name in _DIGITS:
        if params.image_path is not None:
            return IdxSource(params.image_path, params.label_path)
        images, labels = _check_public(dataset_name, params.mode)
        return IdxSource(images.target, labels.target)
    assert params.root is not None
    return ClassFolderSource(params.root) if dataset_name == "DatasetFolder" else open_source(params.root)


def _check_public(dataset_name: str, mode: str) -> list[Download]:
    """Return where pictures and labels of a public data set are, after a check that the pictures are."""
    images, labels = files = paddle_files(dataset_name, mode)
    if not images.target.is_file():
        cure = f"Download {images.url} and {labels.url}, and name them as params.image_path and params.label_path"
        raise InputError(f"{dataset_name} is not on this machine", where=images.target, cure=cure)
    return files
