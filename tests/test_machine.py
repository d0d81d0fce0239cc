"""The machine's cores, container limits and kernel settings, read from the kernel's text files."""

import pytest

from ppgan_ext import machine


def test_the_kernels_selection_is_read():
    assert machine.bracketed_word("always [madvise] never\n") == "madvise"
    assert machine.bracketed_word("") == ""


def processors(*ids):
    return "\n\n".join(
        f"processor\t: {number}\nmodel name\t: x\nphysical id\t: {package}\ncore id\t\t: {core}"
        for number, package, core in ids
    )


TWO_PACKAGES_WITH_HYPERTHREADS = processors((0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 0, 0), (5, 0, 1))


@pytest.mark.parametrize(
    ("cpuinfo", "allowed", "quota", "expected"),
    [
        (TWO_PACKAGES_WITH_HYPERTHREADS, range(6), None, 4),
        (TWO_PACKAGES_WITH_HYPERTHREADS, {0, 4}, None, 1),
        (TWO_PACKAGES_WITH_HYPERTHREADS, {0, 1, 4}, None, 2),
        (TWO_PACKAGES_WITH_HYPERTHREADS, range(6), 2.0, 2),
        (TWO_PACKAGES_WITH_HYPERTHREADS, range(6), 0.3, 1),
        (TWO_PACKAGES_WITH_HYPERTHREADS, range(6), 50.0, 4),
        ("", range(3), None, 3),
        ("processor\t: 0\n\nprocessor\t: 1\n", range(2), None, 2),
        ("", set(), None, 1),
    ],
)
def test_count_cores(cpuinfo, allowed, quota, expected):
    assert machine.count_cores(cpuinfo, allowed, quota) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([], None),
        (["max 100000\n", ""], None),
        (["max 100000\n", "150000 100000\n"], 1.5),
        (["400000 100000", "50000 100000"], 0.5),
        (["-1\n 100000\n"], None),
        (["100 0"], None),
        (["rubbish"], None),
    ],
)
def test_cpu_quota(limits, expected):
    assert machine.cpu_quota(limits) == expected


GB = 2**30
MEMORY = f"MemTotal: {8 * 2**20} kB\nMemAvailable:   {6 * 2**20} kB\n"


@pytest.mark.parametrize(
    ("meminfo", "limits", "expected"),
    [
        ("", [], None),
        (MEMORY, [], 6 * GB),
        (MEMORY, [("max\n", f"{GB}\n", "")], 6 * GB),
        (MEMORY, [(f"{4 * GB}\n", f"{3 * GB}\n", f"anon 5\nfile {GB}\n")], 2 * GB),  # cached files can go
        (MEMORY, [(f"{4 * GB}", f"{3 * GB}", f"cache 7\ntotal_cache {GB}\n"), (str(2**63 - 1), "0", "")], 2 * GB),
        (MEMORY, [(str(GB), str(2 * GB), "")], 0),
        ("", [("", "", "")], None),
    ],
)
def test_free_memory_is_the_least_of_machine_and_containers(meminfo, limits, expected):
    assert machine.free_bytes(meminfo, limits) == expected
