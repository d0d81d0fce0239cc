"""The base of the engines of generators and encoders: a frozen network on a device, and its compiled program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import numpy as np
import paddle
from paddle import nn

from ppgan_ext import runtime
from ppgan_ext.engine import compile_rule
from ppgan_ext.engine.compiled import CompiledProgram, ProgramSpec, find_program, try_open_program
from ppgan_ext.errors import ConfigError
from ppgan_ext.nn.inference import freeze
from ppgan_ext.types import FloatArray


class NetworkEngine(ABC):
    """A network that is only run: moved to its device, frozen, in evaluation mode, and on a CPU compiled if it pays.

    The engine owns the network, which must not change afterwards.

    Args:
        network: with its weights.
        name: of the model, for messages and the cache.
        weights_hash: identifies the weights; None hashes them.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU when that pays (`compile_rule`), and falls back to dygraph with a warning;
            True insists on a program; False never compiles.
        can_compile: False turns a ``compiled`` of None into False.

    Raises:
        ConfigError: ``half`` on a CPU, ``compiled`` on a GPU, or a value of PPGAN_EXT_COMPILE that is none.
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
        choice = compile_rule.choice() if compiled is None else "always" if compiled else "never"
        self._choice: compile_rule.Choice = choice if compiled or (self.device == "cpu" and can_compile) else "never"
        self._required = bool(compiled)
        self._weights_hash = weights_hash
        self._program: CompiledProgram | None = None
        self._is_settled = self._choice == "never"
        self._num_parameters = sum(parameter.size for parameter in network.parameters())
        self._num_drawn = 0
        self._num_expected = 0

    def expect(self, num_pictures: int) -> None:
        """Say that so many pictures will follow, so that a program which they pay for is compiled at once."""
        self._num_expected = num_pictures

    @abstractmethod
    def _program_spec(self) -> ProgramSpec:
        """Describe the program to compile."""

    def _choose_program(self, num_pictures: int) -> CompiledProgram | None:
        """Return the program that the next pictures are drawn with; None if they are drawn in dygraph.

        Args:
            num_pictures: how many the current call draws, all in the same way.
        """
        if not self._is_settled:
            is_first = self._num_drawn == 0
            to_come = max(num_pictures, self._num_expected)
            if self._choice == "always" or compile_rule.pays(self._num_parameters, self._num_drawn, to_come):
                self._program, self._is_settled = try_open_program(self._program_spec(), self._required), True
            elif is_first:
                self._program = find_program(self._program_spec())
                self._is_settled = self._program is not None
        self._num_drawn += num_pictures
        self._num_expected = max(0, self._num_expected - num_pictures)
        return self._program

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
