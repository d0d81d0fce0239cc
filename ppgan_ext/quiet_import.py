"""Paddle's import without its advice, its hand on SIGTERM and its build tools, whichever module imports it first.

Paddle prints advice on threads and compilers on stderr while it is imported; it is meant for data-parallel training and
for building C++ extensions. And it takes over SIGTERM, to print "FatalError" and a C++ traceback: handlers of Python,
and SIG_IGN, would no longer count, and whoever ends a process would see a crash. What builds C++ extensions, a quarter
of the import's time with the setuptools that it needs, is loaded when somebody uses it.

`install` puts a finder in front of Python's own, which wraps Paddle's loader once and then goes away.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.abc
import importlib.machinery
import importlib.util
import io
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from ppgan_ext.deferred_import import deferred

_PADDLE = "paddle"
_BUILD_TOOLS = "paddle.utils.cpp_extension"
_ADVICE = ("WARNING: OMP_NUM_THREADS set to", "PLEASE USE OMP_NUM_THREADS WISELY")


def install() -> None:
    """Make the first import of Paddle quiet; does nothing where it is imported already."""
    if _PADDLE not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds Paddle as Python's own finders do, and wraps its loader."""

    def __init__(self) -> None:
        self._is_asking_others = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _PADDLE or self._is_asking_others:
            return None
        self._is_asking_others = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_asking_others = False
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader, self)
        return spec


class _QuietLoader(importlib.abc.Loader):
    """Loads a module as another loader does, without Paddle's advice."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        with _without_advice(), _handler_kept(signal.SIGTERM), deferred([_BUILD_TOOLS]):
            self._loader.exec_module(module)
        with contextlib.suppress(ValueError):  # another one that was imported at the same time
            sys.meta_path.remove(self._finder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


@contextlib.contextmanager
def _handler_kept(number: int) -> Iterator[None]:
    """Put a signal's C handler back, from any thread; `signal.signal` works in the main thread alone."""
    handler = _c_handler(number)
    try:
        yield
    finally:
        with contextlib.suppress(AttributeError):
            ctypes.pythonapi.PyOS_setsig(ctypes.c_int(number), handler)


def _c_handler(number: int) -> ctypes.c_void_p:
    """Return a signal's C handler; the default one where this Python does not tell."""
    try:
        ask = ctypes.pythonapi.PyOS_getsig
    except AttributeError:
        return ctypes.c_void_p(0)
    ask.restype = ctypes.c_void_p
    return ctypes.c_void_p(ask(ctypes.c_int(number)))


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Hide the advice; any other output is passed on."""
    output = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(output):
            warnings.filterwarnings("ignore", message="No ccache found")
            yield
    finally:
        for line in output.getvalue().splitlines():
            if not line.startswith(_ADVICE):
                print(line, file=sys.stderr)
