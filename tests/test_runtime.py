"""The CPU settings: tables of decisions for every kind of machine, and their effect in a fresh interpreter."""

import gc
import json
import os
import subprocess
import sys

import pytest

from ppgan_ext import runtime
from ppgan_ext.errors import ConfigError
from ppgan_ext.machine import Machine, inspect_machine

AVX2 = frozenset({"sse4_2", "avx", "avx2", "fma"})
AVX512 = AVX2 | {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


def machine(**changes):
    fields = {
        "system": "Linux",
        "architecture": "x86_64",
        "libc": "glibc 2.36",
        "vendor": "GenuineIntel",
        "model": "a processor",
        "flags": AVX512,
        "num_cores": 6,
        "huge_pages": "madvise",
    }
    return Machine(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"OMP_NUM_THREADS": "6"}),
        ({"flags": AVX2}, {"OMP_NUM_THREADS": "6"}),
        ({"vendor": "AuthenticAMD"}, {"OMP_NUM_THREADS": "6", "MKL_DEBUG_CPU_TYPE": "7"}),
        ({"vendor": "AuthenticAMD", "flags": AVX2}, {"OMP_NUM_THREADS": "6", "MKL_DEBUG_CPU_TYPE": "5"}),
        ({"vendor": "AuthenticAMD", "flags": AVX2 - {"avx2"}}, {"OMP_NUM_THREADS": "6"}),
        ({"vendor": "AuthenticAMD", "flags": AVX2 | {"avx512f"}}, {"OMP_NUM_THREADS": "6", "MKL_DEBUG_CPU_TYPE": "5"}),
        ({"vendor": "HygonGenuine", "flags": AVX2}, {"OMP_NUM_THREADS": "6", "MKL_DEBUG_CPU_TYPE": "5"}),
        ({"vendor": "CentaurHauls"}, {"OMP_NUM_THREADS": "6"}),
        ({"vendor": ""}, {"OMP_NUM_THREADS": "6"}),
        ({"num_cores": 1}, {"OMP_NUM_THREADS": "1"}),
    ],
)
def test_plan_per_processor(changes, expected):
    plan = runtime.make_plan(machine(**changes), {})
    assert dict(plan.environment) == expected
    assert plan.malloc == runtime.MALLOC_SETTINGS
    assert plan.huge_pages


@pytest.mark.parametrize("mode", ["always", "never", ""])
def test_huge_pages_only_where_the_kernel_lets_the_program_choose(mode):
    plan = runtime.make_plan(machine(huge_pages=mode), {})
    assert not plan.huge_pages
    assert plan.malloc == runtime.MALLOC_SETTINGS


@pytest.mark.parametrize(
    "changes",
    [
        {"system": "Darwin", "architecture": "arm64", "libc": ""},
        {"system": "Darwin", "architecture": "x86_64", "libc": ""},
        {"system": "Windows", "architecture": "AMD64", "libc": "", "vendor": "AuthenticAMD"},
        {"libc": ""},
        {"architecture": "aarch64"},
    ],
    ids=["mac-arm", "mac-intel", "windows", "musl", "arm"],
)
def test_nothing_happens_elsewhere(changes):
    plan = runtime.make_plan(machine(**changes), {})
    assert plan.environment == ()
    assert plan.malloc == ()
    assert not plan.huge_pages
    assert len(plan.notes) == 1


@pytest.mark.parametrize("value", ["0", "off", "False", " no "])
def test_the_switch_turns_everything_off(value):
    plan = runtime.make_plan(machine(vendor="AuthenticAMD"), {"PPGAN_EXT_TUNE": value})
    assert (plan.environment, plan.malloc, plan.huge_pages) == ((), (), False)


def test_the_switch_set_to_one_changes_nothing():
    assert runtime.make_plan(machine(), {"PPGAN_EXT_TUNE": "1"}) == runtime.make_plan(machine(), {})


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE"])
def test_variables_of_the_user_stay(name):
    plan = runtime.make_plan(machine(vendor="AuthenticAMD"), {name: "3"})
    other = {"OMP_NUM_THREADS": "MKL_DEBUG_CPU_TYPE", "MKL_DEBUG_CPU_TYPE": "OMP_NUM_THREADS"}[name]
    assert [key for key, _ in plan.environment] == [other]
    assert f"{name}=3: set by the user" in plan.notes


@pytest.mark.parametrize(
    ("environ", "owner"),
    [
        ({"MALLOC_TOP_PAD_": "1000"}, "MALLOC_TOP_PAD_"),
        ({"MALLOC_TRIM_THRESHOLD_": "1000"}, "MALLOC_TRIM_THRESHOLD_"),
        ({"MALLOC_ARENA_MAX": "2"}, "MALLOC_ARENA_MAX"),
        ({"GLIBC_TUNABLES": "glibc.rtld.nns=2:glibc.malloc.mmap_max=7"}, "GLIBC_TUNABLES"),
        ({"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}, "jemalloc"),
    ],
)
def test_malloc_of_the_user_stays(environ, owner):
    plan = runtime.make_plan(machine(), environ)
    assert plan.malloc == ()
    assert not plan.huge_pages
    assert f"malloc: left to {owner}" in plan.notes
    assert dict(plan.environment) == {"OMP_NUM_THREADS": "6"}


@pytest.mark.parametrize(
    "environ", [{"GLIBC_TUNABLES": "glibc.rtld.nns=2"}, {"LD_PRELOAD": "libother.so"}, {"MALLOC_CHECK_": "3"}]
)
def test_unrelated_settings_leave_malloc_to_us(environ):
    assert runtime.make_plan(machine(), environ).malloc == runtime.MALLOC_SETTINGS


@pytest.mark.parametrize(("text", "expected"), [("4", 4), ("3,2", 3), (" 8 ", 8)])
def test_num_threads_follows_the_variable(monkeypatch, text, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert runtime.num_threads() == expected


@pytest.mark.parametrize("text", ["", "many", "0"])
def test_num_threads_falls_back_to_the_cores(monkeypatch, text):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert runtime.num_threads() == runtime.report().machine.num_cores


def test_forcing_the_cpu_needs_no_paddle(monkeypatch):
    monkeypatch.setitem(sys.modules, "paddle", None)  # an import would raise
    assert runtime.choose_device(cpu=True) == "cpu"


@pytest.mark.parametrize(
    ("compiled", "num_gpus", "cpu", "expected"),
    [
        (True, 2, None, "gpu:0"),
        (True, 2, False, "gpu:0"),
        (True, 2, True, "cpu"),
        (True, 0, None, "cpu"),
        (False, 0, None, "cpu"),
    ],
)
def test_choose_device(monkeypatch, compiled, num_gpus, cpu, expected):
    import paddle

    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: compiled)
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: num_gpus)
    assert runtime.choose_device(cpu) == expected


def in_fresh_python(code, **variables):
    """Run code in a new interpreter, without the variables that importing the package has set in this one."""
    ours = (runtime.THREADS, runtime.MKL_PATH, runtime.SWITCH)
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    finished = subprocess.run(
        [sys.executable, "-c", code], env={**environ, **variables}, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished


SHOW = """
import json, os, ppgan_ext.runtime as runtime
report = runtime.report()
print(json.dumps([dict(report.environment), list(report.malloc), os.environ.get("OMP_NUM_THREADS"), report.missed]))
"""
supported = pytest.mark.skipif(not inspect_machine().is_supported, reason="nothing is set on this system")


@supported
def test_import_sets_the_variables_and_malloc():
    environment, malloc, threads, missed = json.loads(in_fresh_python(SHOW).stdout)
    assert environment["OMP_NUM_THREADS"] == threads == str(inspect_machine().num_cores)
    assert malloc == ["M_MMAP_MAX", "M_TRIM_THRESHOLD", "M_TOP_PAD", "M_ARENA_MAX"]
    assert missed == []


@supported
def test_import_with_the_switch_off_sets_nothing():
    assert json.loads(in_fresh_python(SHOW, PPGAN_EXT_TUNE="0").stdout) == [{}, [], None, []]


LATE = "import sys, types; sys.modules['paddle'] = types.ModuleType('paddle');"


@supported
def test_a_late_import_warns_once_with_the_cure():
    run = in_fresh_python(LATE + "import ppgan_ext\nimport ppgan_ext.runtime as r; r.tune(); r.report()" + SHOW)
    assert run.stderr.count("LateImportWarning") == 1
    assert f"OMP_NUM_THREADS={inspect_machine().num_cores}" in run.stderr
    assert "<string>:1" in run.stderr or 'File "<string>", line 1' in run.stderr  # points at the user's import
    environment, malloc, threads, missed = json.loads(run.stdout)
    assert (environment, threads) == ({}, None)
    assert len(malloc) == 4
    assert missed


@pytest.mark.parametrize("variables", [{"PPGAN_EXT_TUNE": "0"}, {"OMP_NUM_THREADS": "1", "MKL_DEBUG_CPU_TYPE": "5"}])
def test_a_late_import_is_silent_when_nothing_is_missed(variables):
    assert in_fresh_python(LATE + "import ppgan_ext", **variables).stderr == ""


@pytest.mark.slow
@supported
def test_malloc_stops_the_page_faults():
    """Repeatedly allocating and freeing 64 MiB faults its pages in every time by default, but only once when tuned."""
    code = """
import resource, ppgan_ext, numpy as np
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        np.empty(16 << 20, np.float32).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""
    tuned = int(in_fresh_python(code).stdout)
    plain = int(in_fresh_python(code, PPGAN_EXT_TUNE="0").stdout)
    assert tuned < plain / 4


@pytest.mark.parametrize("is_on", [True, False])
def test_an_import_leaves_garbage_collection_as_it_was(monkeypatch, is_on):
    seen, was_on = [], gc.isenabled()
    monkeypatch.setattr(runtime.importlib, "import_module", lambda name: seen.append((name, gc.isenabled())))
    try:
        gc.enable() if is_on else gc.disable()
        runtime.import_paddle()
        assert gc.isenabled() is is_on
    finally:
        gc.enable() if was_on else gc.disable()
    assert seen == [("paddle", False)]


def test_importing_paddle_hides_only_the_advice(tmp_path):
    (tmp_path / "paddle").mkdir()
    (tmp_path / "paddle" / "__init__.py").write_text(
        "import sys, warnings\n"
        "warnings.warn('No ccache found. Please be aware')\n"
        "print('WARNING: OMP_NUM_THREADS set to 2, not 1.', file=sys.stderr)\n"
        "print('PLEASE USE OMP_NUM_THREADS WISELY.', file=sys.stderr)\n"
        "print('libcuda is too old', file=sys.stderr)\n"
    )
    code = "import ppgan_ext.runtime as r; print(r.import_paddle().__name__)"
    run = in_fresh_python(code, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert run.stdout == "paddle\n"
    assert run.stderr == "libcuda is too old\n"


def test_a_missing_paddle_is_an_error_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "paddle", None)
    with pytest.raises(ConfigError, match=r"paddle: PaddlePaddle is not installed\. Install it: pip install"):
        runtime.import_paddle()


def test_released_memory_returns_to_the_system():
    code = """
import ppgan_ext.runtime as runtime
from pathlib import Path
def rss(): return int(next(l for l in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in l).split()[1])
import numpy as np
block = np.ones(64 << 20, np.uint8); keep = np.ones(1 << 20, np.uint8); full = rss(); del block
kept = rss(); runtime.release_memory(); print(full, kept, rss())
"""
    full, kept, released = map(int, in_fresh_python(code).stdout.split())
    assert released < full - (48 << 10)
    if inspect_machine().is_supported:
        assert kept > full - (16 << 10)


HUGE = """
import re, ppgan_ext.runtime as runtime
from pathlib import Path
import numpy as np
def huge(): return sum(map(int, re.findall(r"AnonHugePages: *(\\d+)", Path("/proc/self/smaps_rollup").read_text())))
{before}
block = np.ones(256 << 20, np.uint8)
print(runtime.report().huge_pages, huge())
"""


@pytest.mark.skipif(inspect_machine().huge_pages != "madvise", reason="the kernel does not let the program choose")
@pytest.mark.parametrize("before", ["", "runtime.release_memory()"], ids=["at first", "after giving memory back"])
@supported
def test_large_blocks_lie_on_huge_pages(before):
    reserved, kilobytes = in_fresh_python(HUGE.format(before=before)).stdout.split()
    assert reserved == "True"
    assert int(kilobytes) > 128 << 10  # the kernel may not have enough huge pages for all of it


def test_a_limit_on_addresses_is_not_an_error():
    code = """
import resource
resource.setrlimit(resource.RLIMIT_DATA, (600 << 20, 600 << 20))
import ppgan_ext.runtime as runtime
print(runtime.report().huge_pages, len(bytearray(100 << 20)))
"""
    assert in_fresh_python(code).stdout.split()[1] == str(100 << 20)


def test_untouched_addresses_take_no_memory():
    code = """
import ppgan_ext
from pathlib import Path
print(next(int(l.split()[1]) for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l))
"""
    assert int(in_fresh_python(code).stdout) < 64 << 10


@pytest.mark.slow
@pytest.mark.parametrize("first", ["paddle", "ppgan_ext.nn", "ppgan_ext.apps.fusion.refinement"])
def test_paddle_is_quiet_whoever_imports_it(first):
    code = f"import ppgan_ext, {first}, sys; import paddle; print(paddle.__spec__.loader, sys.meta_path)\n"
    code += "import warnings; warnings.simplefilter('ignore')\n"  # whoever builds extensions is told about compilers
    code += "print('setuptools' in sys.modules, paddle.utils.cpp_extension.CppExtension.__name__)"
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"} | {"OMP_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert run.stderr == ""
    loaders, build_tools = run.stdout.splitlines()
    assert "quiet_import" not in loaders and "deferred_import" not in loaders  # the loader is Python's own again
    assert build_tools == "False CppExtension"
