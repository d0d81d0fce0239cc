"""Reading YAML with the line of every key, at a bounded cost.

YAML has aliases: a name for a part of the file that stands for it anywhere else. Nine lines of nine aliases each stand
for billions of values. So nodes are counted as often as they occur, and a file of options cannot have more than any
training needs. Keys are text as written, so that a folder called 2024 or a name like `on` stays what it is.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from ppgan_ext.errors import ConfigError
from ppgan_ext.untrusted import Budget, door, shown

KeyPath: TypeAlias = "tuple[str | int, ...]"

MAX_NODES, MAX_DEPTH, MAX_BYTES = 20_000, 50, 2**20
_MAX_INTEGER_BITS = 64
_TEXT, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_NOT_YAML, _CURE = "is not YAML", "Check indentation, colons and quotes"


class Line(int):
    """A line number, from 1; 0 for a value that stands in no file.

    Attributes:
        text: the value as written, if it is a plain one that YAML takes for something else than text; else None.
    """

    text: str | None

    def __new__(cls, number: int, text: str | None = None) -> Line:
        """Make a line number that knows the text of its value."""
        line = super().__new__(cls, number)
        line.text = text
        return line


@dataclass
class Document:
    """The content of a YAML text.

    Attributes:
        data: of its only document; None if there is none.
        lines: path of keys -> line.
        twice: path of keys, line and first line of every key that is given twice in one mapping.
    """

    data: Any = None
    lines: dict[KeyPath, Line] = field(default_factory=dict)
    twice: list[tuple[KeyPath, int, int]] = field(default_factory=list)


def load(text: str, where: object) -> Document:
    """Read YAML text; nothing in it is run.

    Args:
        text: with at most one document.
        where: it stands, for messages.

    Raises:
        ConfigError: it is not YAML, or is larger, deeper or more entangled than options can be.
    """
    with door(where, ConfigError, _CURE, what=_NOT_YAML):
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            if node is None:
                return Document()
            document = Document()
            _walk(node, (), document)  # before merge keys are resolved, so that what they bring is not given twice
            document.data = loader.construct_document(node)
            return document
        except yaml.YAMLError as error:
            raise _not_yaml(error, text, where) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, counting nodes once per occurrence."""

    def __init__(self, text: str) -> None:
        self._budget = Budget(MAX_BYTES, MAX_NODES, MAX_DEPTH)
        self._budget.allocate(len(text))
        self._sizes: dict[int, int] = {}
        self._depth = 0
        super().__init__(text)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node; an alias costs as much as what it stands for."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                raise yaml.composer.ComposerError(None, None, "an alias inside of what it stands for", mark)
            self._budget.spend(self._sizes[id(node)])
            return node
        before = self._budget.num_operations
        self._depth += 1
        self._budget.check_depth(self._depth)
        self._budget.spend()
        node = super().compose_node(parent, index)
        self._sizes[id(node)] = self._budget.num_operations - before
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct a value; what its type's own parser says about it gets a line."""
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            kind = node.tag.rsplit(":", 1)[-1]
            if kind == "timestamp" and node.tag == self.resolve(yaml.ScalarNode, node.value, (True, False)):
                return node.value  # 2024-13-01 only looks like a date
            what = f"'{shown(str(node.value), 40)}' is not a value of the type {kind}"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error
        if type(value) is int and value.bit_length() > _MAX_INTEGER_BITS:
            what = f"a number of more than {_MAX_INTEGER_BITS} bits"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Hashable, Any]:
        """Construct a mapping whose keys are text as written."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "not a mapping", node.start_mark)
        self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is not a name", key.start_mark)
            mapping[key.value] = self.construct_object(value, deep=deep)
        return mapping


def _walk(node: yaml.Node, path: KeyPath, document: Document) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            own = (*path, str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?")
            line = _line(key_node, value_node)
            if own in document.lines:
                document.twice.append((own, line, document.lines[own]))
            document.lines[own] = line
            _walk(value_node, own, document)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            place: KeyPath = (*path, index)
            document.lines[place] = _line(item, item)
            _walk(item, place, document)
    elif not path:
        document.lines[()] = _line(node, node)


def _line(place: yaml.Node, value: yaml.Node) -> Line:
    is_plain = isinstance(value, yaml.ScalarNode) and value.style is None and value.tag not in (_TEXT, _NULL)
    return Line(place.start_mark.line + 1, value.value if is_plain else None)


def _not_yaml(error: yaml.YAMLError, text: str, where: object) -> ConfigError:
    """Return the error with the line that PyYAML found, and its words."""
    line, words = None, str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        words = ", ".join(part for part in (error.context, error.problem) if part) or words
    elif isinstance(error, yaml.reader.ReaderError):
        line, words = text.count("\n", 0, error.position) + 1, f"a character that no text has (#{error.character:x})"
    place = where if line is None else f"{where}:{line}"
    return ConfigError(f"{_NOT_YAML}: {shown(words)}", where=place, cure=_CURE)
