"""Modules that are loaded when something of theirs is asked for."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from ppgan_ext.deferred_import import deferred


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose ``tools`` note that they run, and which imports them and one of their modules."""
    root = tmp_path / "toypackage"
    (root / "tools").mkdir(parents=True)
    (root / "__init__.py").write_text("ran = []\nfrom . import tools\nimport toypackage.tools.light as light\n")
    (root / "tools" / "__init__.py").write_text(
        "import toypackage\ntoypackage.ran.append(__name__)\nfrom .heavy import build\n__all__ = ['build']\n"
    )
    (root / "tools" / "heavy.py").write_text("def build():\n    return 'built'\n")
    (root / "tools" / "light.py").write_text("weight = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.meta_path)
    with deferred(["toypackage.tools"]):
        import toypackage
    assert sys.meta_path == before
    yield toypackage
    for name in [name for name in sys.modules if name.partition(".")[0] == "toypackage"]:
        del sys.modules[name]


def test_a_module_is_loaded_when_something_of_it_is_asked_for(package):
    tools = package.tools
    assert package.light.weight == 3 and "toypackage.tools.heavy" not in sys.modules
    assert tools.__file__.endswith("__init__.py") and not hasattr(tools, "__warningregistry__")
    assert package.ran == []
    assert tools.build() == "built"
    assert package.ran == ["toypackage.tools"]
    assert tools.build is tools.heavy.build and type(tools) is ModuleType
    assert "heavy" not in repr(tools.__loader__) and tools.__spec__.loader is tools.__loader__
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = tools.missing


@pytest.mark.parametrize("line", ["from toypackage.tools import build", "from toypackage.tools import *"])
def test_names_can_be_imported_from_it(package, line):
    names = {}
    exec(line, names)
    assert names["build"]() == "built" and package.ran == ["toypackage.tools"]


def test_an_error_of_its_code_comes_each_time(package):
    Path(package.tools.__file__).with_name("heavy.py").write_text("raise ImportError('no compiler')\n")
    for _ in range(2):
        with pytest.raises(ImportError, match="no compiler"):
            _ = package.tools.build
    assert package.ran == ["toypackage.tools"] * 2
