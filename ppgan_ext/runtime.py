"""CPU defaults that Paddle leaves wrong, set before Paddle is imported; and the choice of a device.

Paddle 3 reaches 3% of a CPU's peak by default. Three things cure it, all of them settled when Paddle's libraries load:

1. one thread is used unless OMP_NUM_THREADS is set;
2. the bundled MKL takes a slow path on AMD unless MKL_DEBUG_CPU_TYPE names an instruction set;
3. glibc maps and unmaps every large activation, so that half the time goes into page faults: mallopt keeps the pages,
   and they are huge ones (2 MB) where the kernel leaves that to the program, which saves another tenth.

What the user has set is left alone, and PPGAN_EXT_TUNE=0 turns everything off. Only Linux with glibc on x86-64 is
touched. The decisions are pure functions of `Machine` and the environment; `tune` is the one place that acts.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import platform
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ppgan_ext.errors import ConfigError

SWITCH = "PPGAN_EXT_TUNE"
THREADS = "OMP_NUM_THREADS"
MKL_PATH = "MKL_DEBUG_CPU_TYPE"

_AMD_VENDORS = frozenset({"AuthenticAMD", "HygonGenuine"})
_MKL_AVX512 = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
_MKL_AVX2 = frozenset({"avx2", "fma"})

# malloc.h: parameter numbers. -1 becomes the largest size_t, which means "never give memory back". One arena, because
# those of other threads than the first give their memory back whatever the threshold says.
MALLOC_CURE: tuple[tuple[str, int, int], ...] = (
    ("M_MMAP_MAX", -4, 0),
    ("M_TRIM_THRESHOLD", -1, -1),
    ("M_TOP_PAD", -2, 256 << 20),
    ("M_ARENA_MAX", -8, 1),
)
# Addresses whose pages shall be huge, at most; they cost nothing until they are written to.
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
# What Paddle prints when it is imported with several threads; the advice is for data-parallel training.
_PADDLES_ADVICE = ("WARNING: OMP_NUM_THREADS set to", "PLEASE USE OMP_NUM_THREADS WISELY")
_OTHER_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


class LateImportWarning(UserWarning):
    """Paddle was imported before ppgan_ext, too late for the settings that make it fast on this CPU."""


@dataclass(frozen=True)
class Machine:
    """What the decisions depend on.

    Attributes:
        system: `platform.system()`.
        architecture: `platform.machine()`.
        libc: "glibc 2.36" and the like; empty for any other C library.
        vendor: the processor's vendor string, e.g. "GenuineIntel"; empty if unknown.
        model: the processor's name; empty if unknown.
        flags: instruction sets, in the kernel's spelling.
        num_cores: physical cores that this process may use, at least 1.
        huge_pages: the kernel's mode of transparent huge pages, "always", "madvise" or "never"; empty if unknown.
    """

    system: str
    architecture: str
    libc: str
    vendor: str
    model: str
    flags: frozenset[str]
    num_cores: int
    huge_pages: str = ""

    @property
    def is_supported(self) -> bool:
        """Whether the cures are known to be right here: Linux, glibc, x86-64."""
        return self.system == "Linux" and self.libc.startswith("glibc") and self.architecture == "x86_64"


@dataclass(frozen=True)
class Plan:
    """What is to be done on a machine, and why the rest is not.

    Attributes:
        environment: variables to set, with their values.
        malloc: rows of `MALLOC_CURE` to apply.
        huge_pages: whether to put malloc's memory on huge pages.
        notes: one sentence for each cure that is not needed or not wanted.
    """

    environment: tuple[tuple[str, str], ...] = ()
    malloc: tuple[tuple[str, int, int], ...] = ()
    huge_pages: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuntimeReport:
    """What `tune` found and did.

    Attributes:
        machine: the machine as found.
        environment: variables that were set.
        malloc: names of the malloc parameters that were set.
        huge_pages: whether malloc's memory was put on huge pages.
        missed: settings that came too late, since Paddle was already imported, as "NAME=value".
        notes: why the other cures were left out.
    """

    machine: Machine
    environment: tuple[tuple[str, str], ...]
    malloc: tuple[str, ...]
    huge_pages: bool
    missed: tuple[str, ...]
    notes: tuple[str, ...]


_report: RuntimeReport | None = None


def tune() -> RuntimeReport:
    """Apply the cures that this machine needs, once per process.

    Warns:
        LateImportWarning: Paddle is already imported and a setting that it reads at import is missing.
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
    """Say what was found and set when the package was imported."""
    return tune()


def num_threads() -> int:
    """Threads that one computation uses: OMP_NUM_THREADS if it is a number, else the physical cores at hand."""
    return _leading_count(os.environ.get(THREADS, "")) or report().machine.num_cores


def choose_device(cpu: bool | None = None) -> str:
    """Name the device to run on, as Paddle spells it.

    Args:
        cpu: True forces the CPU; None or False takes the first GPU that Paddle can use, else the CPU.

    Returns:
        "cpu" or "gpu:0".
    """
    if cpu:
        return "cpu"
    paddle = import_paddle()
    has_gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    return "gpu:0" if has_gpu else "cpu"


def import_paddle() -> ModuleType:
    """Import Paddle without its advice on threads and compilers, which is for another use of it.

    Whatever else it says passes through.

    Raises:
        ConfigError: Paddle is not installed.
    """
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(said):
            warnings.filterwarnings("ignore", message="No ccache found")
            return importlib.import_module("paddle")
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        cure = "Install it: pip install 'paddlepaddle>=3.0', or paddlepaddle-gpu for an NVIDIA GPU"
        raise ConfigError("PaddlePaddle is not installed", where="paddle", cure=cure) from error
    finally:
        for line in said.getvalue().splitlines():
            if not line.startswith(_PADDLES_ADVICE):
                print(line, file=sys.stderr)


def release_memory() -> None:
    """Give freed memory back to the system, which `tune` has told malloc not to do by itself."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
    if report().huge_pages:
        reserve_huge_pages()  # trimming has given their addresses back too


def make_plan(machine: Machine, environ: Mapping[str, str]) -> Plan:
    """Decide what to set on a machine under an environment. Pure."""
    if environ.get(SWITCH, "").strip().lower() in ("0", "off", "false", "no"):
        return Plan(notes=(f"{SWITCH}={environ[SWITCH]}: nothing is set",))
    if not machine.is_supported:
        kind = " ".join(filter(None, (machine.system, machine.architecture, machine.libc or "without glibc")))
        return Plan(notes=(f"nothing is needed or known for {kind}",))
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
        malloc=() if owner else MALLOC_CURE,
        huge_pages=not owner and machine.huge_pages == "madvise",
        notes=tuple(notes),
    )


def mkl_path(vendor: str, flags: Iterable[str]) -> str:
    """Name MKL's code path for an AMD processor: "7" with AVX-512, "5" with AVX2, else "" (MKL's own choice)."""
    known = frozenset(flags)
    if vendor not in _AMD_VENDORS:
        return ""
    if known >= _MKL_AVX512:
        return "7"
    return "5" if known >= _MKL_AVX2 else ""


def malloc_owner(environ: Mapping[str, str]) -> str:
    """Say who else has taken charge of malloc: a variable's or a preloaded library's name; "" for nobody."""
    for name in _MALLOC_VARIABLES:
        if name in environ:
            return name
    if "glibc.malloc." in environ.get("GLIBC_TUNABLES", ""):
        return "GLIBC_TUNABLES"
    preloaded = environ.get("LD_PRELOAD", "")
    return next((name for name in _OTHER_ALLOCATORS if name in preloaded), "")


def apply_malloc(rows: Iterable[tuple[str, int, int]]) -> tuple[str, ...]:
    """Call mallopt for each (name, parameter, value) and return the names of those that it accepted."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # TypeError: Windows has no handle of the program itself
        return ()
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return tuple(name for name, parameter, value in rows if mallopt(parameter, value) == 1)


def reserve_huge_pages() -> bool:
    """Let malloc's memory grow into addresses that the kernel backs with huge pages; say whether that worked.

    A block is allocated and freed again untouched: `MALLOC_CURE` keeps its addresses in the heap.
    """
    size = min(_HUGE_BYTES, _physical_bytes() // 2)
    try:
        libc = ctypes.CDLL(None)
        libc.malloc.argtypes, libc.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
        libc.free.argtypes = (ctypes.c_void_p,)
        libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        block = libc.malloc(size) if size > 2 * _HUGE_PAGE else None
        if not block:  # a limit on addresses
            return False
        libc.free(block)
        start = -(-block // _HUGE_PAGE) * _HUGE_PAGE
        length = (block + size - start) // _HUGE_PAGE * _HUGE_PAGE
        return libc.madvise(start, length, _MADV_HUGEPAGE) == 0
    except (OSError, AttributeError, TypeError):
        return False


def inspect_machine() -> Machine:
    """Look at the machine that this process runs on."""
    cpuinfo = _read("/proc/cpuinfo")
    fields = dict(_fields(cpuinfo.partition("\n\n")[0]))
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        libc=_libc(),
        vendor=fields.get("vendor_id", ""),
        model=fields.get("model name", ""),
        flags=frozenset(fields.get("flags", "").split()),
        num_cores=count_cores(cpuinfo, _allowed_cpus(), cpu_quota(_cgroup_limits())),
        huge_pages=chosen_word(_read("/sys/kernel/mm/transparent_hugepage/enabled")),
    )


def count_cores(cpuinfo: str, allowed: Iterable[int], quota: float | None) -> int:
    """Count physical cores among the allowed logical ones, within the quota of a container.

    Two hyperthreads of one core share its arithmetic units: a thread for each makes dense algebra slower.

    Args:
        cpuinfo: text of /proc/cpuinfo; a processor without "core id" counts as a core of its own.
        allowed: numbers of the logical processors that the process may use.
        quota: processors' worth of time that the container may use; None without a limit.
    """
    core_of = {}
    for block in cpuinfo.split("\n\n"):
        fields = dict(_fields(block))
        if "processor" in fields and "core id" in fields:
            core_of[int(fields["processor"])] = (fields.get("physical id", "0"), fields["core id"])
    cores = {core_of.get(cpu, cpu) for cpu in allowed}
    limit = len(cores) if quota is None else min(len(cores), round(quota))
    return max(limit, 1)


def cpu_quota(limits: Iterable[str]) -> float | None:
    """Read the tightest of several cgroup limits, each "quota period" in microseconds; "max" or -1 is no limit."""
    shares = []
    for text in limits:
        words = text.split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]) > 0:
            shares.append(int(words[0]) / int(words[1]))
    return min(shares, default=None)


def chosen_word(text: str) -> str:
    """Return the word in brackets, as the kernel marks a choice: "always [madvise] never" gives "madvise"."""
    return text.partition("[")[2].partition("]")[0]


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _cgroup_limits() -> list[str]:
    """Collect the CPU limits of this process's control groups, from its own up to the root (versions 2 and 1)."""
    limits = []
    for line in _read("/proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", *(("cpu",) if controllers else ()))
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            folder = root.joinpath(*parts[:depth])
            quota_and_period = _read(folder / "cpu.cfs_quota_us") + " " + _read(folder / "cpu.cfs_period_us")
            limits.append(quota_and_period if controllers else _read(folder / "cpu.max"))
    return limits


def _allowed_cpus() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _fields(block: str) -> Iterable[tuple[str, str]]:
    for line in block.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _leading_count(text: str) -> int:
    """Read the first number of OMP_NUM_THREADS, which may be a list for nested levels; 0 if it is none."""
    first = text.partition(",")[0].strip()
    return int(first) if first.isdigit() else 0


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
