"""Imports run downward only: the layer table of docs/architecture.md, checked on every import statement."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ppgan_ext"

# What each layer may import, beside itself and the ground floor.
MAY_IMPORT = {
    "ground": set(),
    "nn": set(),
    "networks": {"nn"},
    "weights": {"nn", "networks"},
    "losses": {"nn", "networks", "weights"},
    "engine": {"nn", "networks", "weights", "losses"},
    "faces": {"weights"},
    "latents": {"nn", "networks", "weights", "losses", "engine"},
    "data": set(),
    "metrics": {"nn", "networks", "weights", "losses", "engine", "faces", "data"},
    "training": {"nn", "networks", "weights", "losses", "engine", "latents", "data", "metrics"},
    "apps": {"nn", "networks", "weights", "losses", "engine", "faces", "latents", "data", "metrics"},
    "web": {"apps"},
    "__main__": {"apps"},
}

# The same among the folders of `faces`; all of them may import the files beside them, which find faces by `detectors`.
ROOMS_OF_FACES = {
    "detectors": set(),
    "head": set(),
    "occlusion": {"head"},
    "drawing": {"head"},
    "ageing": {"head", "occlusion"},
    "swap": {"head", "occlusion"},
    "": {"detectors"},
}


def layer_of(parts):
    return parts[0] if parts[0] in MAY_IMPORT else "ground"


def imported_modules(path):
    """Yield (line, dotted name) of every import of the package in a file, functions and type-checking blocks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
                continue
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "ppgan_ext")


def faults_of(path, relative):
    layer = layer_of([*relative.parts[:-1], relative.stem])
    for line, name in imported_modules(path):
        if name.startswith("."):
            yield f"{relative}:{line}: relative import {name}"
            continue
        target = layer_of(name.split(".")[1:] or ["__init__"])
        if target not in ("ground", layer) and target not in MAY_IMPORT[layer]:
            yield f"{relative}:{line}: {layer} imports {name}"


@pytest.mark.slow
def test_imports_run_downward():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 5
    faults = [fault for path in files for fault in faults_of(path, path.relative_to(PACKAGE))]
    assert faults == []


def test_the_rooms_of_faces_import_each_other_downward():
    faults, seen = [], set()
    for path in sorted((PACKAGE / "faces").rglob("*.py")):
        room = path.relative_to(PACKAGE / "faces").parent.as_posix().removeprefix(".")
        for line, name in imported_modules(path):
            target = name.split(".")[2:3] if name.startswith("ppgan_ext.faces.") else []
            if set(target) & ROOMS_OF_FACES.keys() - {room}:
                seen.add(room)
                if target[0] not in ROOMS_OF_FACES[room]:
                    faults.append(f"{path.name}:{line}: {room or 'faces'} imports {name}")
    assert faults == []
    assert seen >= {"ageing", "swap", "occlusion"}
    assert {path.name for path in (PACKAGE / "faces").iterdir() if any(path.glob("*.py"))} == set(ROOMS_OF_FACES) - {""}


def test_every_folder_is_a_known_layer():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= set(MAY_IMPORT)


def test_the_ground_floor_never_imports_paddle_at_import():
    for path in sorted(PACKAGE.glob("*.py")):
        names = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
        assert "paddle" not in names, path.name


def test_there_is_no_cycle_in_the_table():
    order = list(MAY_IMPORT)
    for position, layer in enumerate(order):
        assert all(order.index(below) < position for below in MAY_IMPORT[layer])


@pytest.mark.parametrize(
    ("file", "code", "fault"),
    [
        ("nn/a.py", "from ppgan_ext.networks import stylegan2", "nn imports ppgan_ext.networks.stylegan2"),
        ("faces/a.py", "def f():\n    import ppgan_ext.latents.codes", "faces imports ppgan_ext.latents.codes"),
        ("latents/a.py", "from ppgan_ext import faces", "latents imports ppgan_ext.faces"),
        ("web/a.py", "from ppgan_ext.faces import detect", "web imports ppgan_ext.faces.detect"),
        ("apps/a.py", "from ppgan_ext.web import server", "apps imports ppgan_ext.web.server"),
        ("images.py", "from ppgan_ext.nn.activation import x", "ground imports ppgan_ext.nn.activation.x"),
        ("apps/a.py", "from . import b", "relative import ."),
    ],
)
def test_the_check_sees_a_fault(tmp_path, file, code, fault):
    path = tmp_path / Path(file)
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    assert [text.split(": ", 1)[1] for text in faults_of(path, Path(file))] == [fault]


def test_the_check_lets_good_imports_pass(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("import os\nfrom ppgan_ext.errors import InputError\nfrom ppgan_ext.engine import open_model\n")
    assert list(faults_of(path, Path("latents/a.py"))) == []
