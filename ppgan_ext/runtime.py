"""Better CPU defaults for Paddle, set before it is imported, and the choice of a device.

By default, Paddle 3 reaches 3% of a CPU's peak, for three reasons that can only be cured before its libraries load:

1. one thread is used unless OMP_NUM_THREADS is set;
2. the bundled MKL takes a slow path on AMD unless MKL_DEBUG_CPU_TYPE names an instruction set;
3. glibc maps and unmaps every large activation, and half the time goes into page faults. mallopt makes it keep the
   pages; huge pages (2 MB), if the kernel lets the program choose them, save another tenth.

The user's own settings are respected, and PPGAN_EXT_TUNE=0 turns everything off. Only Linux with glibc on x86-64 is
tuned. The decisions are pure functions of `Machine` and the environment; only `tune` acts on them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from ppgan_ext.errors import ConfigError
from ppgan_ext.machine import Machine, inspect_machine

HOW_TO_GET_MATPLOTLIB = "pip install matplotlib, or the extra 'plot': pip install -e '.[plot]'"
SWITCH = "PPGAN_EXT_TUNE"
THREADS = "OMP_NUM_THREADS"
MKL_PATH = "MKL_DEBUG_CPU_TYPE"

_AMD_VENDORS = frozenset({"AuthenticAMD", "HygonGenuine"})
_MKL_AVX512 = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
_MKL_AVX2 = frozenset({"avx2", "fma"})

# Name, parameter number (malloc.h), value. -1 becomes the largest size_t: never return memory to the system. There is
# only one arena, because the arenas of further threads return their memory whatever the threshold is.
MALLOC_SETTINGS: tuple[tuple[str, int, int], ...] = (
    ("M_MMAP_MAX", -4, 0),
    ("M_TRIM_THRESHOLD", -1, -1),
    ("M_TOP_PAD", -2, 256 << 20),
    ("M_ARENA_MAX", -8, 1),
)
# The largest range of addresses to back with huge pages; addresses cost nothing until they are written to.
_HUGE_BYTES = 4 << 30
_HUGE_PAGE = 2 << 20
_MADV_HUGEPAGE = 14
_MALLOC_VARIABLES = (
    "MALLOC_MMAP_MAX_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_ARENA_MAX",
)
_OTHER_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


class LateImportWarning(UserWarning):
    """Paddle was imported before ppgan_ext: too late for the settings that make it fast on this CPU."""


@dataclass(frozen=True)
class Plan:
    """The settings to apply on a machine.

    Attributes:
        environment: variables to set, with their values.
        malloc: rows of `MALLOC_SETTINGS` to apply.
        huge_pages: whether to put malloc's memory on huge pages.
        notes: one sentence for each setting left out, with the reason.
    """

    environment: tuple[tuple[str, str], ...] = ()
    malloc: tuple[tuple[str, int, int], ...] = ()
    huge_pages: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuntimeReport:
    """The machine and the settings that `tune` applied to it.

    Attributes:
        machine: the machine.
        environment: variables that were set.
        malloc: names of the malloc parameters that were set.
        huge_pages: whether malloc's memory was put on huge pages.
        missed: settings, as "NAME=value", that came too late because Paddle was already imported.
        notes: one sentence for each setting left out, with the reason.
    """

    machine: Machine
    environment: tuple[tuple[str, str], ...]
    malloc: tuple[str, ...]
    huge_pages: bool
    missed: tuple[str, ...]
    notes: tuple[str, ...]


_report: RuntimeReport | None = None


def tune() -> RuntimeReport:
    """Apply the settings that this machine needs, once per process.

    Warns:
        LateImportWarning: Paddle is already imported, and a setting that it reads at import is missing.
    """
    global _report
    if _report is not None:
        return _report
    machine = inspect_machine()
    plan = make_plan(machine, os.environ)
    late = "paddle" in sys.modules
    missed = tuple(f"{name}={value}" for name, value in plan.environment) if late else ()
    if missed:
        message = (
            "Paddle was imported before ppgan_ext and runs slowly on this CPU. "
            f"Import ppgan_ext first, or start Python with {' '.join(missed)} (silence this with {SWITCH}=0)."
        )
        warnings.warn(message, LateImportWarning, stacklevel=3)
    else:
        os.environ.update(plan.environment)
    applied = apply_malloc(plan.malloc)
    huge = plan.huge_pages and len(applied) == len(plan.malloc) and reserve_huge_pages()
    _report = RuntimeReport(machine, () if late else plan.environment, applied, huge, missed, plan.notes)
    return _report


def report() -> RuntimeReport:
    """Return the report of the settings that importing the package has applied."""
    return tune()


def num_threads() -> int:
    """Return the number of threads per computation: OMP_NUM_THREADS if that is a number, else the usable cores."""
    return _leading_count(os.environ.get(THREADS, "")) or report().machine.num_cores


def choose_device(cpu: bool | None = None) -> str:
    """Return the device to run on, in Paddle's spelling.

    Args:
        cpu: True forces the CPU; None or False selects the GPU that Paddle's launcher has given to this process, else
            the first that Paddle can use, else the CPU.

    Returns:
        "cpu" or "gpu:N".
    """
    if cpu:
        return "cpu"
    paddle = import_paddle()
    num_gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    given = _leading_count(os.environ.get("FLAGS_selected_gpus", ""))
    return f"gpu:{given if given < num_gpus else 0}" if num_gpus else "cpu"


def import_paddle() -> ModuleType:
    """Import Paddle.

    Raises:
        ConfigError: Paddle is not installed.
    """
    try:
        with _no_garbage_collection():
            return importlib.import_module("paddle")
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        cure = "Install it: pip install 'paddlepaddle>=3.0', or paddlepaddle-gpu for an NVIDIA GPU"
        raise ConfigError("PaddlePaddle is not installed", where="paddle", cure=cure) from error


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Put garbage collection off: the objects of an import stay, and looking through them is an eighth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def release_memory() -> None:
    """Return freed memory to the system, which malloc does not do by itself once `tune` has set it up."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    if report().huge_pages:
        reserve_huge_pages()  # trimming has released their addresses too


def make_plan(machine: Machine, environ: Mapping[str, str]) -> Plan:
    """Decide which settings a machine needs, given the environment variables. Pure."""
    if environ.get(SWITCH, "").strip().lower() in ("0", "off", "false", "no"):
        return Plan(notes=(f"{SWITCH}={environ[SWITCH]}: nothing is set",))
    if not machine.is_supported:
        kind = " ".join(filter(None, (machine.system, machine.architecture, machine.libc or "without glibc")))
        return Plan(notes=(f"no settings are known for {kind}",))
    environment: list[tuple[str, str]] = []
    notes: list[str] = []
    for name, value, reason in (
        (THREADS, str(machine.num_cores), ""),
        (MKL_PATH, mkl_path(machine.vendor, machine.flags), f"{MKL_PATH}: not needed on this processor"),
    ):
        if name in environ:
            notes.append(f"{name}={environ[name]}: set by the user")
        elif value:
            environment.append((name, value))
        else:
            notes.append(reason)
    owner = malloc_owner(environ)
    if owner:
        notes.append(f"malloc: left to {owner}")
    return Plan(
        environment=tuple(environment),
        malloc=() if owner else MALLOC_SETTINGS,
        huge_pages=not owner and machine.huge_pages == "madvise",
        notes=tuple(notes),
    )


def mkl_path(vendor: str, flags: Iterable[str]) -> str:
    """Return MKL's code path for an AMD processor: "7" with AVX-512, "5" with AVX2, else "" (MKL's own choice)."""
    features = frozenset(flags)
    if vendor not in _AMD_VENDORS:
        return ""
    if features >= _MKL_AVX512:
        return "7"
    return "5" if features >= _MKL_AVX2 else ""


def malloc_owner(environ: Mapping[str, str]) -> str:
    """Return the variable or preloaded library that already configures malloc, or "" if there is none."""
    for name in _MALLOC_VARIABLES:
        if name in environ:
            return name
    if "glibc.malloc." in environ.get("GLIBC_TUNABLES", ""):
        return "GLIBC_TUNABLES"
    preloaded = environ.get("LD_PRELOAD", "")
    return next((name for name in _OTHER_ALLOCATORS if name in preloaded), "")


def apply_malloc(rows: Iterable[tuple[str, int, int]]) -> tuple[str, ...]:
    """Call mallopt for each (name, parameter, value) and return the names of the accepted ones."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # TypeError: Windows has no handle for the program itself
        return ()
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return tuple(name for name, parameter, value in rows if mallopt(parameter, value) == 1)


def reserve_huge_pages() -> bool:
    """Reserve addresses backed by huge pages for malloc's heap, and return whether that succeeded.

    A block is allocated and freed untouched: with `MALLOC_SETTINGS`, its addresses stay in the heap.
    """
    size = min(_HUGE_BYTES, _physical_bytes() // 2)
    try:
        libc = ctypes.CDLL(None)
        libc.malloc.argtypes, libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
        libc.free.argtypes = (ctypes.c_void_p,)
        libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        block = libc.malloc(size) if size > 2 * _HUGE_PAGE else None
        if not block:  # the address space is limited
            return False
        libc.free(block)
        start = -(-block // _HUGE_PAGE) * _HUGE_PAGE
        length = (block + size - start) // _HUGE_PAGE * _HUGE_PAGE
        return libc.madvise(start, length, _MADV_HUGEPAGE) == 0
    except (OSError, AttributeError, TypeError):
        return False


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _leading_count(text: str) -> int:
    """Return the first number of a list such as OMP_NUM_THREADS, which may have nested levels; 0 without one."""
    first = text.partition(",")[0].strip()
    return int(first) if first.isdigit() else 0
