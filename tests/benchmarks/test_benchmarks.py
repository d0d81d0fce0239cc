"""The benchmarks run at toy size and write what their schema says; no figure is asserted."""

from __future__ import annotations

import json

import pytest

from benchmarks import age_command, common, synthesis
from benchmarks.run_all import BENCHMARKS


def test_a_report_survives_its_file_and_names_the_machine(tmp_path, capsys):
    path = tmp_path / "synthesis.json"
    assert common.main("synthesis", synthesis.run, ["--quick", "--repeats", "2", "--output", str(path)]) == 0
    report = common.Report.model_validate_json(path.read_text(encoding="utf-8"))
    assert report.quick and report.benchmark == "synthesis"
    assert report.machine.num_cores >= 1 and "paddlepaddle" in report.machine.packages
    assert all(case.timing.num_repeats in (1, 2) and case.timing.median > 0 for case in report.cases)
    assert report.ratios["dygraph / compiled"] > 0
    assert "written to" in capsys.readouterr().out


@pytest.mark.bundled
def test_the_age_command_is_timed_as_a_process():
    report = age_command.run(quick=True, num_repeats=1)
    assert [case.name for case in report.cases] == ["first run", "later runs"]


def test_summaries_are_medians_and_quartiles():
    timing = common.summarise([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (timing.lower_quartile, timing.median, timing.upper_quartile, timing.minimum) == (2.0, 3.0, 4.0, 1.0)
    assert common.summarise([7.0]).upper_quartile == 7.0


def test_a_failing_case_is_one_line(tmp_path, capsys):
    def run(quick, num_repeats):
        return common.run_case("benchmarks.synthesis", "draw", {"name": "x", "size": 17})

    assert common.main("broken", run, ["--output", str(tmp_path / "x.json")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_schema_refuses_strangers():
    with pytest.raises(ValueError, match="median"):
        common.Timing.model_validate(json.loads('{"median": -1}'))


def test_every_benchmark_file_is_run_by_make_bench():
    own = {path.stem for path in (common.ROOT / "benchmarks").glob("*.py")}
    assert own - {"__init__", "common", "run_all"} == set(BENCHMARKS)
