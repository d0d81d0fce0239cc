"""Modules that others import, but hardly anybody uses: they are loaded when something of theirs is asked for."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from types import ModuleType
from typing import Any

_lock = threading.RLock()


@contextlib.contextmanager
def deferred(names: Collection[str]) -> Iterator[None]:
    """Let what is imported in the block put off these modules: their code runs at the first use of an attribute.

    Submodules can be imported before. What the import machinery sets (``__spec__``, ``__path__`` ...) is there from the
    beginning, and asking for another special name than ``__all__`` is no use, since libraries ask all modules for some.

    Args:
        names: of modules that have not been imported, with their packages.
    """
    finder = _Finder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules of certain names as Python does, and replaces their loaders."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Makes a module without running its code."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Deferred(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader


class _Deferred(ModuleType):
    """A module whose code has not run."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _lock:
            if type(self) is _Deferred:
                self.__class__ = ModuleType  # type: ignore[assignment]  # its code may ask the module itself
                try:
                    self.__loader__.exec_module(self)  # type: ignore[union-attr]
                except BaseException:
                    self.__class__ = _Deferred
                    raise
        return getattr(self, name)
