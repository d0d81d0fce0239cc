"""The base of the engines of generators and encoders: a frozen network on a device, and its compiled program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from functools import cached_property

import numpy as np
import paddle
from paddle import nn

from ppgan_ext import runtime
from ppgan_ext.engine.compiled import CompiledProgram, ProgramSpec, try_open_program
from ppgan_ext.errors import ConfigError
from ppgan_ext.nn.inference import freeze
from ppgan_ext.types import FloatArray


class NetworkEngine(ABC):
    """A network that is only run: moved to its device, frozen, in evaluation mode, and compiled if on a CPU.

    The engine owns the network, which must not change afterwards.

    Args:
        network: with its weights.
        name: of the model, for messages and the cache.
        weights_hash: identifies the weights; None hashes them.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU and falls back to dygraph with a warning; True insists; False never compiles.
        can_compile: False turns a ``compiled`` of None into False.

    Raises:
        ConfigError: ``half`` on a CPU, or ``compiled`` on a GPU.
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        name: str,
        weights_hash: str | None,
        device: str | None,
        half: bool,
        compiled: bool | None,
        can_compile: bool = True,
    ) -> None:
        self.device = select_device(device, half, compiled)
        self.name = name
        self.half = half
        network.to(device=self.device)
        freeze(network)
        self._compiled = self.device == "cpu" and can_compile if compiled is None else compiled
        self._required = bool(compiled)
        self._weights_hash = weights_hash

    @abstractmethod
    def _program_spec(self) -> ProgramSpec:
        """Describe the program to compile."""

    @cached_property
    def _program(self) -> CompiledProgram | None:
        """The compiled program, opened at its first use; None if the network runs in dygraph."""
        return try_open_program(self._program_spec(), self._required) if self._compiled else None

    def _autocast(self) -> AbstractContextManager[None]:
        return paddle.amp.auto_cast(enable=self.half, dtype="float16", level="O1")

    def _tensor(self, array: FloatArray) -> paddle.Tensor:
        return paddle.to_tensor(np.asarray(array, dtype=np.float32), place=self.device)


def select_device(device: str | None, half: bool, compiled: bool | None) -> str:
    """Select the device, and check that it supports the options.

    Raises:
        ConfigError: ``half`` on a CPU, or ``compiled`` on a GPU.
    """
    name = runtime.choose_device() if device is None else device
    if half and name == "cpu":
        raise ConfigError("half precision needs a GPU", where="half", cure="Leave it out on a CPU")
    if compiled and name != "cpu":
        raise ConfigError("programs are compiled for the CPU only", where="compiled", cure="Leave it out on a GPU")
    return name
