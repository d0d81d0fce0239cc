"""Logs for VisualDL and for TensorBoard, for those who watch their runs there."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from ppgan_ext.errors import ConfigError
from ppgan_ext.types import Image


class Board:
    """A log that another program shows; a subclass names the package that writes it.

    Attributes:
        key: of a configuration, which asks for the board.
        package: what has to be installed.
        writer: its class that writes logs.
        title: its name for messages.

    Args:
        folder: folder of the log.

    Raises:
        ConfigError: the package is not installed.
    """

    key: ClassVar[str]
    package: ClassVar[str]
    writer: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._writer = self.find_writer()(logdir=str(folder))

    @classmethod
    def find_writer(cls) -> Callable[..., Any]:
        """Return the class that writes logs.

        Raises:
            ConfigError: the package is not installed.
        """
        try:
            found: Callable[..., Any] = getattr(importlib.import_module(cls.package), cls.writer)
        except ImportError as error:
            cure = f"Install it (pip install {cls.package}) or set {cls.key}: False"
            raise ConfigError(f"{cls.title} is not installed", where=cls.key, cure=cure) from error
        return found

    def scalar(self, name: str, value: float, iteration: int) -> None:
        """Show a number."""
        self._writer.add_scalar(name, value, iteration)

    def image(self, name: str, image: Image, iteration: int) -> None:
        """Show a picture, (H, W, 3) RGB uint8."""
        self._writer.add_image(name, image, iteration)

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.close()


class VisualDL(Board):
    """A log for VisualDL."""

    key, package, writer, title = "enable_visualdl", "visualdl", "LogWriter", "VisualDL"


class TensorBoard(Board):
    """A log for TensorBoard, written by tensorboardX, which needs neither TensorFlow nor PyTorch."""

    key, package, writer, title = "enable_tensorboard", "tensorboardX", "SummaryWriter", "tensorboardX"

    def image(self, name: str, image: Image, iteration: int) -> None:
        """Show a picture, (H, W, 3) RGB uint8."""
        self._writer.add_image(name, image, iteration, dataformats="HWC")


BOARDS: tuple[type[Board], ...] = (VisualDL, TensorBoard)


def wanted_boards(settings: object) -> list[type[Board]]:
    """Return the boards whose keys are true in the settings of a run.

    Raises:
        ConfigError: what one of them needs is not installed.
    """
    wanted = [board for board in BOARDS if getattr(settings, board.key)]
    for board in wanted:
        board.find_writer()
    return wanted
