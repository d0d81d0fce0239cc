"""The machine that this process runs on: processor, usable cores, C library and the kernel's huge pages."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The facts on which the CPU settings of `ppgan_ext.runtime` depend.

    Attributes:
        system: `platform.system()`.
        architecture: `platform.machine()`.
        libc: e.g. "glibc 2.36"; empty for any other C library.
        vendor: the processor's vendor string, e.g. "GenuineIntel"; empty if unknown.
        model: the processor's name; empty if unknown.
        flags: instruction sets, in the kernel's spelling.
        num_cores: physical cores that this process may use, at least 1.
        huge_pages: the kernel's mode for transparent huge pages: "always", "madvise" or "never"; empty if unknown.
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
        """Whether the settings are known to be right for this machine: Linux, glibc, x86-64."""
        return self.system == "Linux" and self.libc.startswith("glibc") and self.architecture == "x86_64"


def inspect_machine() -> Machine:
    """Describe the machine that this process runs on."""
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
        huge_pages=bracketed_word(_read("/sys/kernel/mm/transparent_hugepage/enabled")),
    )


def count_cores(cpuinfo: str, allowed: Iterable[int], quota: float | None) -> int:
    """Count the physical cores among the allowed logical processors, within a container's quota.

    Two hyperthreads of one core share its arithmetic units: one thread for each slows dense algebra down.

    Args:
        cpuinfo: text of /proc/cpuinfo; a processor without "core id" counts as a core of its own.
        allowed: numbers of the logical processors that the process may use.
        quota: the container's CPU limit, in processors; None for no limit.
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
    """Return the lowest of several cgroup limits, in processors, or None if there is no limit.

    Args:
        limits: each "quota period" in microseconds; a quota of "max" or -1 means no limit.
    """
    shares = []
    for text in limits:
        words = text.split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]) > 0:
            shares.append(int(words[0]) / int(words[1]))
    return min(shares, default=None)


def bracketed_word(text: str) -> str:
    """Return the word in brackets, the kernel's mark of a selected mode: "madvise" for "always [madvise] never"."""
    return text.partition("[")[2].partition("]")[0]


def free_memory() -> int | None:
    """Return the bytes of main memory that this process can still get, or None where the system does not tell.

    Files that the system keeps in memory count as free; the limits of a container count.
    """
    return free_bytes(_read("/proc/meminfo"), _memory_limits())


def free_bytes(meminfo: str, limits: Iterable[tuple[str, str, str]]) -> int | None:
    """Return the lowest of what a machine and its control groups have left, in bytes, or None if nothing tells.

    Args:
        meminfo: text of /proc/meminfo, in kB.
        limits: limit, usage and statistics of each control group; a limit of "max" is none.
    """
    fields = dict(_fields(meminfo))
    left = [int(words[0]) * 1024 for words in [fields.get("MemAvailable", "").split()] if words and words[0].isdigit()]
    for limit, usage, statistics in limits:
        if limit.strip().isdigit() and usage.strip().isdigit():
            counts = dict(line.split() for line in statistics.splitlines() if len(line.split()) == 2)
            cached = counts.get("file", counts.get("total_cache", "0"))  # as versions 2 and 1 call it
            left.append(max(0, int(limit) - int(usage) + int(cached if cached.isdigit() else 0)))
    return min(left, default=None)


def _cgroup_limits() -> list[str]:
    """Return the CPU limits of this process's control group and its parents (cgroups version 1 and 2)."""
    return [
        _read(folder / "cpu.max")
        if unified
        else _read(folder / "cpu.cfs_quota_us") + " " + _read(folder / "cpu.cfs_period_us")
        for folder, unified in _cgroup_folders("cpu")
    ]


def _memory_limits() -> list[tuple[str, str, str]]:
    """Return limit, usage and statistics of the memory of this process's control group and its parents."""
    first, second = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    return [
        (_read(folder / limit), _read(folder / usage), _read(folder / "memory.stat"))
        for folder, unified in _cgroup_folders("memory")
        for limit, usage in [first if unified else second]
    ]


def _cgroup_folders(controller: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of this process's control groups and their parents, and whether they are of version 2."""
    for line in _read("/proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", *((controller,) if controllers else ()))
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield root.joinpath(*parts[:depth]), not controllers


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


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
