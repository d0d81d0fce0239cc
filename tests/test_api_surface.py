"""No public name disappears unnoticed: removing one means editing api_surface.json in the same change.

``python tests/test_api_surface.py`` writes the list anew.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "ppgan_ext"
RECORD = TESTS / "api_surface.json"


def public_names() -> dict[str, list[str]]:
    """For each module the functions, classes and constants it defines, and the methods of its classes."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts):
            continue
        names: set[str] = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names.update(_names_of(node))
        public = sorted(name for name in names if not any(part.startswith("_") for part in name.split(".")))
        if public:
            found[path.relative_to(PACKAGE.parent).as_posix()] = public
    return found


def _names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.ClassDef):
        methods = {f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
        return {node.name, *methods}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_public_names_are_those_recorded():
    recorded, found = json.loads(RECORD.read_text(encoding="utf-8")), public_names()
    gone = [f"{path}: {name}" for path, names in recorded.items() for name in names if name not in found.get(path, [])]
    new = [f"{path}: {name}" for path, names in found.items() for name in names if name not in recorded.get(path, [])]
    assert (gone, new) == ([], []), "run python tests/test_api_surface.py if this is meant"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(public_names(), indent=1) + "\n", encoding="utf-8")
