"""A pickle interpreter that can build arrays and containers and nothing else.

A pickle is a program that names functions and calls them. The standard library decodes its instructions
(``pickletools.genops``); this module carries them out itself, so that no name is ever looked up in a module, nothing
is hashed before it has been checked, and each step, length and nesting is counted. Every name that a checkpoint of
Paddle, NumPy or PyTorch needs stands in a table with a small function of this package; every other name is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, cast

from ppgan_ext.untrusted import shown
from ppgan_ext.weights.readers.names import COMMON_NAMES
from ppgan_ext.weights.readers.records import DictRecord, ForbiddenError, Name, Reading, Record, SetRecord

# Names are compared as Python 3 and NumPy 1 spell them.
_SPELLINGS = (("__builtin__.", "builtins."), ("numpy._core.", "numpy.core."))
_MAX_BITS = 4096  # of a whole number: few enough for Python to write it out in a message
_UNCHARGED = 64  # bytes of an argument: its instruction is counted already
# Opcodes that no checkpoint needs: they access classes in other ways, or data outside the file.
_FORBIDDEN = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID"})


class Unpickler:
    """The interpreter. One instance reads one pickle from the stream's current position.

    Args:
        stream: a buffered binary file.
        num_bytes: of the stream; lengths that reach past its end are refused before memory is allocated.
        reading: the read that the pickle is part of.
        names: dotted name -> what is allowed in addition to NumPy's and the containers.
        persistent: converts a persistent id (PyTorch's storages) to a record.
    """

    def __init__(
        self,
        stream: BinaryIO,
        num_bytes: int,
        reading: Reading,
        names: Mapping[str, Name] | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        self._stream, self._reading, self._persistent = _Bounded(stream, num_bytes, reading), reading, persistent
        self._names = COMMON_NAMES if names is None else {**COMMON_NAMES, **names}
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}
        self._num_puts = 0

    def load(self) -> Any:
        """Run the program and return its result: containers, numbers, text and records."""
        spend = self._reading.budget.spend
        for opcode, argument, _ in pickletools.genops(cast(BinaryIO, self._stream)):
            spend()
            name = opcode.name
            if name in _CONSTANTS:
                self._stack.append(argument if argument is not None else _CONSTANTS[name])
                if type(argument) is int and argument.bit_length() > _MAX_BITS:
                    raise ValueError(f"a number of more than {_MAX_BITS} bits")
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name == "STOP":
                return self._stack.pop()
            elif name in _FORBIDDEN:
                what = shown(str(argument).replace(" ", "."), 120) if name == "INST" else f"opcode {name}"
                raise ForbiddenError(f"for {what}")
            elif name == "FRAME":
                self._stream.check(int(argument or 0))
            elif name != "PROTO":
                raise ValueError(f"an unknown opcode {name}")
        raise ValueError("a pickle without an end")

    # ---- names and calls

    def _find(self, dotted: str) -> Name:
        for old, new in _SPELLINGS:
            dotted = new + dotted.removeprefix(old) if dotted.startswith(old) else dotted
        if dotted not in self._names:
            raise ForbiddenError(f"for {shown(dotted, 120)}")
        return self._names[dotted]

    def _global(self, argument: str) -> None:
        self._stack.append(self._find(argument.replace(" ", ".", 1)))

    def _stack_global(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("a name that is not text")
        self._stack.append(self._find(f"{module}.{name}"))

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of something that is not a function")
        return function.build(self._reading, *arguments)

    def _reduce(self, _: None) -> None:
        arguments = self._stack.pop()
        self._stack.append(self._call(self._stack.pop(), arguments))

    def _new_object(self, _: None) -> None:
        arguments = self._stack.pop()
        kind = self._stack.pop()
        if not isinstance(kind, Name) or not kind.is_class:
            raise ValueError("a new object of something that is not a class")
        self._stack.append(self._call(kind, arguments))

    def _new_object_with_keywords(self, _: None) -> None:
        if self._stack.pop() != {}:
            raise ValueError("a new object with keyword arguments")
        self._new_object(None)

    def _build(self, _: None) -> None:
        state, item = self._stack.pop(), self._stack[-1]
        if isinstance(item, Name):
            raise ForbiddenError(f"to change {item.dotted}")
        if isinstance(item, Record):
            item.set_state(state)
        elif not isinstance(item, DictRecord):
            raise ValueError(f"a state for a {type(item).__name__}")

    def _persistent_id(self, _: None) -> None:
        if self._persistent is None:
            raise ForbiddenError("for data outside the file")
        self._stack.append(self._persistent(self._stack.pop()))

    # ---- the stack

    def _mark(self, _: None) -> None:
        self._outer.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._outer.pop()
        return items

    def _pop(self, _: None) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def _pop_mark(self, _: None) -> None:
        self._to_mark()

    def _tuple(self, length: int) -> None:
        if len(self._stack) < length:
            raise ValueError("a tuple of items that are not there")
        self._stack[-length:] = [tuple(self._stack[-length:])]

    def _push_marked(self, build: Callable[[list[Any]], Any]) -> None:
        items = self._to_mark()
        self._stack.append(build(items))

    # ---- containers

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError(f"items for a {type(target).__name__}")
        target.extend(items)

    def _add_items(self, _: None) -> None:
        items, target = self._to_mark(), self._stack[-1]
        if not isinstance(target, SetRecord):
            raise ValueError(f"items of a set for a {type(target).__name__}")
        target.items.extend(items)

    def _append(self, _: None) -> None:
        item = self._stack.pop()
        self._extend([item])

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise ValueError(f"keys for a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            self._reading.put(target, key, value)

    def _set_item(self, _: None) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _dict(self, items: list[Any]) -> None:
        self._stack.append({})
        self._set_items(items)

    # ---- the memo

    def _put(self, index: int | None) -> None:
        """Remember the top of the stack; indices count up, so that the memo cannot be larger than the program."""
        self._num_puts += 1
        if index is None:
            index = len(self._memo)
        if not 0 <= index <= self._num_puts:
            raise ValueError("a memo index out of order")
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])


class _Bounded:
    """A stream as ``genops`` reads it, which knows its end and charges what it reads."""

    def __init__(self, stream: BinaryIO, num_bytes: int, reading: Reading) -> None:
        self._stream, self._reading = stream, reading
        self.tell = stream.tell
        self._left = num_bytes - stream.tell()

    def check(self, count: int) -> None:
        """Raise ValueError unless that many bytes follow."""
        if count > self._left:
            raise ValueError(f"it ends {self._left:,} bytes on, where {count:,} are needed")

    def read(self, count: int) -> bytes:
        if count > self._left:
            self.check(count)
        self._left -= count
        if count > _UNCHARGED:
            self._reading.budget.allocate(count)
        return self._stream.read(count)

    def readline(self) -> bytes:
        line = self._stream.readline(max(self._left, 0))
        self._left -= len(line)
        self._reading.budget.allocate(len(line))
        return line


# Opcodes that push their argument or a constant.
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False} | dict.fromkeys(
    (
        "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
        "SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
    ).split()
)
_STEPS: dict[str, Callable[[Unpickler, Any], None]] = {
    "GLOBAL": Unpickler._global,
    "STACK_GLOBAL": Unpickler._stack_global,
    "REDUCE": Unpickler._reduce,
    "NEWOBJ": Unpickler._new_object,
    "NEWOBJ_EX": Unpickler._new_object_with_keywords,
    "BUILD": Unpickler._build,
    "BINPERSID": Unpickler._persistent_id,
    "MARK": Unpickler._mark,
    "POP": Unpickler._pop,
    "POP_MARK": Unpickler._pop_mark,
    "DUP": lambda machine, _: machine._stack.append(machine._stack[-1]),
    "EMPTY_LIST": lambda machine, _: machine._stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine._stack.append({}),
    "EMPTY_TUPLE": lambda machine, _: machine._stack.append(()),
    "EMPTY_SET": lambda machine, _: machine._stack.append(SetRecord()),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "TUPLE": lambda machine, _: machine._push_marked(tuple),
    "LIST": lambda machine, _: machine._push_marked(list),
    "FROZENSET": lambda machine, _: machine._push_marked(SetRecord),
    "DICT": lambda machine, _: machine._dict(machine._to_mark()),
    "APPEND": Unpickler._append,
    "APPENDS": lambda machine, _: machine._extend(machine._to_mark()),
    "ADDITEMS": Unpickler._add_items,
    "SETITEM": Unpickler._set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._to_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Unpickler._put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Unpickler._get),
}
