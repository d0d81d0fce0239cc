"""Scripts of tools/ only parse a command line and call the package."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "tools").glob("*.py"))
MAX_LINES = 40


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_thin(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_all_scripts_are_checked():
    assert len(SCRIPTS) > 5
