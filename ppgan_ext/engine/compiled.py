"""Compiled networks for the CPU: programs for paddle.inference with oneDNN, three to six times faster than dygraph.

The program is traced and saved once per network and kept by `ProgramCache`; later processes only load it. Images are
computed one by one, because batches are no faster on a CPU and cost memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import paddle
from paddle import inference, nn
from paddle.static import InputSpec

import ppgan_ext
from ppgan_ext import runtime
from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.nn.tracing import without_call_stacks
from ppgan_ext.quiet import quiet
from ppgan_ext.types import FloatArray

_PROGRAM = "program"
_SOURCE_FOLDERS = ("nn", "networks", "engine")
# Paddle raises any of these for a program that it cannot read, depending on the fault.
_LOAD_ERRORS = (RuntimeError, ValueError, SystemError, OSError)
# Paddle 3.3 crashes in these passes if a leaky ReLU follows: its slope is now a double, which they read as a float.
# The first two are the same pass under two names.
_BROKEN_PASSES = ("conv_activation_mkldnn_fuse_pass", "conv_activation_onednn_fuse_pass", "matmul_activation_fuse_pass")


# Rounding differs by about 1e-5 of the largest value, more in an untrained network; a wrong operator by about 1.
_VERIFY_TOLERANCE = 0.02


class CompileWarning(UserWarning):
    """A network could not be compiled for the CPU, so it runs more slowly."""


@dataclass(frozen=True, eq=False)
class ProgramSpec:
    """A network and a function of it to compile.

    Attributes:
        name: for the cache folder and for messages.
        layer: the network with its weights, in evaluation mode.
        function: computes the output from one tensor per input.
        input_shapes: of the inputs, all float32; the batch is 1.
        weights_hash: identifies the weights; None hashes them.
    """

    name: str
    layer: nn.Layer
    function: Callable[..., paddle.Tensor]
    input_shapes: Sequence[tuple[int, ...]]
    weights_hash: str | None = None

    @property
    def entry_name(self) -> str:
        """Name of the cache entry: a readable part, and a hash of everything that the program depends on."""
        digest = hashlib.sha256()
        parts = (paddle.__version__, type(self.layer).__name__, self.weights_hash or hash_weights(self.layer))
        for part in (*parts, str([tuple(shape) for shape in self.input_shapes]), source_hash()):
            digest.update(part.encode() + b"\0")
        for name, tensor in sorted(self.layer.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
        return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', self.name)}-{digest.hexdigest()[:16]}"


class CompiledProgram:
    """A loaded program. Calls from several threads take turns.

    When a thread that has used oneDNN ends, Paddle discards the caches of all threads, and another thread that is using
    them fails (Paddle 3.3). Calls from threads other than the main one therefore run on a thread that never ends.

    Args:
        folder: written by `build_program`.

    Raises:
        RuntimeError, ValueError, SystemError, OSError: Paddle cannot read the program.
    """

    def __init__(self, folder: Path) -> None:
        # Paddle 3 writes .json, or .pdmodel if the user has turned its new program format off.
        model = next((path for path in folder.glob(f"{_PROGRAM}.*") if path.suffix in (".json", ".pdmodel")), None)
        if model is None:
            raise OSError(f"there is no program in {folder}")
        config = inference.Config(str(model), str(folder / f"{_PROGRAM}.pdiparams"))
        config.disable_gpu()
        config.disable_glog_info()
        config.enable_mkldnn()
        for name in _BROKEN_PASSES:
            config.delete_pass(name)
        config.set_cpu_math_library_num_threads(runtime.num_threads())
        self.folder = folder
        with quiet():
            self._predictor = inference.create_predictor(config)
        names = sorted(self._predictor.get_input_names(), key=_input_index)
        self._inputs = [self._predictor.get_input_handle(name) for name in names]
        self._output = self._predictor.get_output_handle(self._predictor.get_output_names()[0])
        self._lock = threading.Lock()
        self._has_run = False

    def run(self, *arrays: FloatArray) -> FloatArray:
        """Compute the output for one float32 array per input, in the order and shapes of `ProgramSpec.input_shapes`."""
        if threading.current_thread() is threading.main_thread():
            return self._run(arrays)
        return _permanent_thread().submit(self._run, arrays).result()

    def _run(self, arrays: Sequence[FloatArray]) -> FloatArray:
        with self._lock:
            for handle, array in zip(self._inputs, arrays, strict=True):
                handle.copy_from_cpu(np.ascontiguousarray(array, dtype=np.float32))
            # The first run selects operators, and Paddle prints messages about some of them.
            with contextlib.nullcontext() if self._has_run else quiet():
                self._predictor.run()
            self._has_run = True
            return self._output.copy_to_cpu()


@cache
def _permanent_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="ppgan_ext-program")


def open_program(spec: ProgramSpec, cache: ProgramCache | None = None) -> CompiledProgram:
    """Load a program from the cache, building it if it is missing or cannot be read.

    Raises:
        RuntimeError, ValueError, SystemError, OSError: the program cannot be built or loaded, or its results differ
            from the network's.
    """
    cache = ProgramCache() if cache is None else cache
    program = find_program(spec, cache)
    if program is not None:
        return program
    return CompiledProgram(cache.publish(spec.entry_name, lambda target: _build_verified(spec, target)))


def find_program(spec: ProgramSpec, cache: ProgramCache | None = None) -> CompiledProgram | None:
    """Load a program from the cache; None if it is missing or cannot be read, and is then removed."""
    cache = ProgramCache() if cache is None else cache
    name = spec.entry_name
    folder = cache.find(name)
    if folder is not None:
        try:
            return CompiledProgram(folder)
        except _LOAD_ERRORS:  # intact, but not for this Paddle
            cache.discard(name)
    return None


def try_open_program(spec: ProgramSpec, required: bool) -> CompiledProgram | None:
    """Open a program; if that fails and the program is not required, warn and return None.

    Warns:
        CompileWarning: the network will run uncompiled, with the reason.
    """
    try:
        return open_program(spec)
    except _LOAD_ERRORS as error:
        if required:
            raise
        reason = " ".join(str(error).split())[-300:]
        warnings.warn(f"{spec.name} runs uncompiled, which is slower: {reason}", CompileWarning, stacklevel=3)
        return None


def build_program(spec: ProgramSpec, folder: Path) -> None:
    """Trace a network and save its program into a folder."""
    inputs = [InputSpec(shape, "float32", f"input_{i}") for i, shape in enumerate(spec.input_shapes)]
    save_program(spec.layer, spec.function, inputs, folder / _PROGRAM)


def save_program(
    layer: nn.Layer, function: Callable[..., paddle.Tensor], inputs: Sequence[InputSpec], prefix: Path
) -> None:
    """Trace a function of a network and save the program.

    Args:
        layer: the network with its weights, in evaluation mode.
        function: computes the output from one tensor per input.
        inputs: shape, type and name of each input.
        prefix: path of the files without their suffixes.

    Raises:
        RuntimeError, ValueError, TypeError, OSError: Paddle cannot trace the function or write the files.
    """
    with _no_earlier_traces(), without_call_stacks(), quiet(), paddle.no_grad():
        traced = paddle.jit.to_static(_Traced(layer, function), input_spec=[list(inputs)], full_graph=True)
        paddle.jit.save(traced, str(prefix))


def verify_program(spec: ProgramSpec, program: CompiledProgram) -> None:
    """Compare a program with its network on random inputs, because Paddle's oneDNN operators have had silent faults.

    The comparison is repeated with other inputs: some operators reused numbers of the first run.

    Raises:
        RuntimeError: the results differ by more than rounding.
    """
    rng = np.random.default_rng(0)
    for _ in range(2):
        inputs = [rng.standard_normal(shape).astype(np.float32) for shape in spec.input_shapes]
        with paddle.no_grad():
            expected = spec.function(*(paddle.to_tensor(array, place="cpu") for array in inputs)).numpy()
        runtime.release_memory()  # dygraph has used more memory than the program needs
        result = program.run(*inputs)
        if result.shape != expected.shape:
            raise RuntimeError(f"the program of {spec.name} returns {result.shape}, not {expected.shape}")
        error = np.abs(result - expected).max() / max(np.abs(expected).max(), 1e-12)
        if not error < _VERIFY_TOLERANCE:
            raise RuntimeError(f"the program of {spec.name} is off by {error:.2g} of the largest value")


def _build_verified(spec: ProgramSpec, folder: Path) -> None:
    build_program(spec, folder)
    verify_program(spec, CompiledProgram(folder))


def hash_weights(layer: nn.Layer) -> str:
    """Hash the names, shapes and values of a network's state dict."""
    digest = hashlib.sha256()
    for name, tensor in sorted(layer.state_dict().items()):
        array = np.ascontiguousarray(tensor.numpy())
        digest.update(f"{name}{array.dtype}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def source_hash() -> str:
    """Hash the source code that determines a program, so that a program built from older code is never used."""
    root = Path(ppgan_ext.__file__).parent
    digest = hashlib.sha256()
    for folder in _SOURCE_FOLDERS:
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class _Traced(nn.Layer):
    """Adapts a function of several tensors to the single argument that `paddle.jit.save` accepts."""

    def __init__(self, layer: nn.Layer, function: Callable[..., paddle.Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.function = function
        self.eval()

    # Paddle would rewrite the source of all that is called, which can take longer than the trace. It need not: no
    # network's control flow depends on values.
    @paddle.jit.not_to_static
    def forward(self, inputs: list[paddle.Tensor]) -> paddle.Tensor:
        """Compute the output."""
        return self.function(*inputs)


def _input_index(name: str) -> int:
    return int(name.rpartition("_")[2])


@contextlib.contextmanager
def _no_earlier_traces() -> Iterator[None]:
    """Clear Paddle's record of the parameters used while tracing, before and after a trace.

    Paddle 3.3 stores the record under the program's address and removes it when a trace succeeds. After a failed trace,
    a new program at the same address inherits parameters that no longer exist: a KeyError or a segmentation fault.
    """
    try:
        from paddle.jit.dy2static import parameter_recorder
    except ImportError:  # this Paddle traces in another way
        yield
        return

    def clear() -> None:
        for recorder in ("_global_parameter_recorder", "_global_inplace_map"):
            for record in ("params_dict", "tensor2value"):
                getattr(getattr(parameter_recorder, recorder, None), record, {}).clear()

    clear()
    try:
        yield
    finally:
        clear()
