"""YAML documents, read as the API server's own clients read them, with the line of every field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml


class UnreadableYaml(ValueError):
    """The text is not YAML, or ambiguous.

    Attributes:
        line: Where, from 1; None if that is not known.
    """

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One document of a file.

    Attributes:
        content: What it holds, as plain Python.
        node: Its syntax tree.
    """

    content: Any
    node: yaml.Node

    def line(self, field: str) -> int:
        """Returns the line, from 1, of a field such as ``spec.steps[2].http.port``, or of the closest one above it."""
        node, line = self.node, self.node.start_mark.line
        for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", field):
            found = _child(node, key, index)
            if found is None:
                break
            line, node = found
        return line + 1


def _child(node: yaml.Node, key: str, index: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode) and key:
        for name, value in reversed(node.value):  # what << merged in stands before the mapping's own
            if name.value == key:
                return name.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
        value = node.value[int(index)]
        return value.start_mark.line, value
    return None


class _Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does: what that would send to the API server as text is text here too."""


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float | str:
    """Reads a number; 12:30 is one too in YAML 1.1, which pyyaml speaks, namely 750 seconds."""
    if ":" in node.value:
        return str(node.value)
    whole = node.tag == "tag:yaml.org,2002:int"
    return loader.construct_yaml_int(node) if whole else loader.construct_yaml_float(node)


def _text(_loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def _refuse_repeated_keys(root: yaml.Node) -> None:
    """Raises for a key that is given twice: YAML libraries silently take one, and the other is a lost intention."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        children = list(node.value) if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                children.append(value)
                if not isinstance(key, yaml.ScalarNode):
                    continue
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise UnreadableYaml(f"{key.value!r} is given twice, first in line {lines[key.value]}", line)
                lines[key.value] = line
        waiting += [child for child in children if id(child) not in seen]  # an alias leads to a node again
        seen.update(id(child) for child in children)


def documents(text: str) -> Iterator[Document]:
    """Yields the documents of a file; empty ones are left out.

    Raises:
        UnreadableYaml: The text is not YAML, or a key is given twice.
    """
    try:
        loader = _Loader(text)
        while loader.check_node():
            node: yaml.Node = loader.get_node()  # type: ignore[assignment] # after check_node there is one
            _refuse_repeated_keys(node)
            content = loader.construct_document(node)
            if content is not None:
                yield Document(content, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise UnreadableYaml(f"is not YAML: {words}", mark.line + 1 if mark else None) from error
    except RecursionError as error:
        raise UnreadableYaml("is nested too deeply", None) from error
    except yaml.reader.ReaderError as error:
        raise UnreadableYaml(f"is not YAML: {error.reason} at character {error.position}", None) from error
