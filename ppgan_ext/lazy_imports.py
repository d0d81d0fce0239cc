"""Packages whose classes are imported when they are first used (PEP 562): importing the package costs nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any


def lazy_attributes(
    package: str, modules: Mapping[str, str], names: Sequence[str], absent: Mapping[str, str] = MappingProxyType({})
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its name.
        modules: attribute -> module within the package that defines it.
        names: all names that the package offers.
        absent: attribute that users may look for -> what to use instead; it raises ImportError.
    """

    def get(name: str) -> Any:
        if name in absent:
            raise ImportError(f"{package} has no {name}: {absent[name]}", name=package)
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return get, lambda: sorted(names)
