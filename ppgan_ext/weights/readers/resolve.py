"""From the interpreter's records to arrays, numbers and containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ppgan_ext.untrusted import BudgetError
from ppgan_ext.weights.readers.records import FieldsRecord, Name, Reading, Record


def resolve(item: Any, reading: Reading, finish: Callable[[Any], Any] | None = None) -> Any:
    """Convert records to arrays, numbers and dicts, in all containers; shared objects stay shared.

    Args:
        item: from :meth:`ppgan_ext.weights.readers.unpickle.Unpickler.load`.
        reading: the read that it is part of.
        finish: called with every converted array and container; its result replaces them.

    Raises:
        BudgetError: containers are nested too deeply, contain themselves, or would be too large if nothing were shared.
        ValueError: a record is inconsistent.
    """
    return _Resolver(reading, finish or (lambda result: result)).resolve(item, 0)[0]


class _Resolver:
    def __init__(self, reading: Reading, finish: Callable[[Any], Any]) -> None:
        self._reading, self._finish = reading, finish
        self._max_items = reading.budget.max_operations
        self._done: dict[int, tuple[Any, int]] = {}

    def resolve(self, item: Any, depth: int) -> tuple[Any, int]:
        """Return the result and the number of its items, counting shared items once per occurrence."""
        earlier = self._done.get(id(item))
        if earlier is not None:
            return earlier
        self._reading.budget.check_depth(depth)
        result, size = self._resolve(item, depth + 1)
        if size > self._max_items:
            raise BudgetError(f"its containers have more than {self._max_items:,} items")
        if isinstance(result, np.ndarray | dict | list | tuple):
            result = self._finish(result)
        self._done[id(item)] = result, size
        return result, size

    def _resolve(self, item: Any, depth: int) -> tuple[Any, int]:
        if isinstance(item, FieldsRecord):
            item = item.fields
        if isinstance(item, dict):
            values, size = self._all(item.values(), depth)
            return dict(zip(item, values, strict=True)), size
        if isinstance(item, list | tuple):
            values, size = self._all(item, depth)
            return (tuple if isinstance(item, tuple) else list)(values), size
        if isinstance(item, Name):
            return item.dotted, 1
        return item.resolve(self._reading) if isinstance(item, Record) else item, 1

    def _all(self, items: Iterable[Any], depth: int) -> tuple[list[Any], int]:
        pairs = [self.resolve(item, depth) for item in items]
        return [result for result, _ in pairs], 1 + sum(size for _, size in pairs)
