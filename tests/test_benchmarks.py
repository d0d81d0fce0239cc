"""The benchmarks run, their JSON keeps its schema, and a case that fails is not a figure."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import common, run_all
from benchmarks.common import BenchmarkError, Case, Report, make_report, measure, summarise

ROOT = Path(__file__).resolve().parents[1]


def case(name, seconds):
    return Case(name=name, timing=summarise(seconds), peak_rss_mb=100.0)


def test_the_schema_is_the_published_one():
    """Whoever changes it changes benchmarks/schema.json and SCHEMA_VERSION with it."""
    published = json.loads((ROOT / "benchmarks" / "schema.json").read_text())
    assert Report.model_json_schema() == published
    assert published["properties"]["schema_version"]["default"] == common.SCHEMA_VERSION


def test_summary():
    timing = summarise([5.0, 1.0, 2.0, 3.0, 4.0], [0.5, 0.1, 0.3])
    assert (timing.median, timing.lower_quartile, timing.upper_quartile) == (3.0, 2.0, 4.0)
    assert (timing.minimum, timing.cpu_median, timing.num_repeats) == (1.0, 0.3, 5)
    alone = summarise([2.5])
    assert alone.median == alone.lower_quartile == alone.upper_quartile == 2.5
    assert alone.cpu_median is None


def test_measure_leaves_the_warm_up_out():
    calls = []

    def work():
        calls.append(1)
        time.sleep(0.2 if len(calls) == 1 else 0.001)

    timing = measure(work, num_repeats=3)
    assert len(calls) == 4
    assert timing.num_repeats == 3
    assert timing.upper_quartile < 0.15


def test_the_report_compares_medians():
    cases = [case("slow", [4.0, 6.0, 5.0]), case("fast", [2.0, 2.0, 100.0])]
    report = make_report("toy", True, cases, {"slow / fast": ("slow", "fast")})
    assert report.ratios == {"slow / fast": 2.5}
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert report.machine.num_threads >= 1


@pytest.mark.parametrize(("target", "word"), [(3.0, "met"), (1.0, "MISSED")])
def test_the_table_says_whether_targets_are_met(capsys, target, word):
    result = case("one", [2.0])
    result.target_seconds, result.target_rss_mb = target, 50.0
    common.print_report(make_report("toy", True, [result], {}))
    line = capsys.readouterr().out.splitlines()[1]
    assert f"target {target} s: {word}" in line
    assert "target 50 MB: MISSED" in line


@pytest.mark.slow
def test_a_fresh_process_returns_its_case(tmp_path):
    arguments = {"name": "toy", "size": 16, "num_repeats": 2, "compiled": True}
    result = common.run_case("benchmarks.synthesis", "draw", arguments, {"PPGAN_EXT_HOME": str(tmp_path)})
    assert result.name == "toy"
    assert result.timing.num_repeats == 2
    assert result.peak_rss_mb is None or 100 < result.peak_rss_mb < 3000
    assert list((tmp_path / "compiled").iterdir())


def test_a_case_that_fails_is_named():
    with pytest.raises(BenchmarkError, match=r"benchmarks\.encoding encode: .*missing"):
        common.run_case("benchmarks.encoding", "encode", {"name": "no kind"})


def test_a_failed_benchmark_ends_with_1_and_writes_nothing(tmp_path, capsys):
    def run(quick, num_repeats):
        raise BenchmarkError("no memory", where="toy")

    assert common.main("toy", run, ["--output", str(tmp_path / "toy.json")]) == 1
    assert capsys.readouterr().err == "toy: no memory\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_writes_what_the_schema_says(tmp_path):
    output = tmp_path / "results" / "encoding.json"
    command = [sys.executable, "-m", "benchmarks.encoding", "--quick", "--output", str(output)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    report = Report.model_validate_json(output.read_text())
    assert report.quick
    assert [result.name for result in report.cases] == ["toy, compiled", "toy, dygraph"]
    assert report.ratios["toy: dygraph / compiled"] > 0


def test_run_all_goes_on_after_a_failure(monkeypatch):
    ran = []

    class Module:
        def __init__(self, name):
            self.name, self.run = name, None

        def main(self, name, run, argv):
            ran.append((name, argv))
            return int(name == "encoding")

    monkeypatch.setattr(run_all.importlib, "import_module", Module)
    assert run_all.main(["--quick"]) == 1
    assert ran == [(name, ["--quick"]) for name in run_all.BENCHMARKS]


def test_every_benchmark_is_in_run_all():
    names = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {
        "__init__",
        "common",
        "run_all",
        "torch_training",
        "torch_translation",
    }
    assert names == set(run_all.BENCHMARKS)
