"""Files of Python code, each read once for as long as it stays as it is: where in them classes and functions stand."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

__all__ = ["Definition", "SourceFile", "first_line", "first_line_of", "source_file"]

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@frozen(eq=False)
class SourceFile:
    """A file as it was read: its definitions by the line in which they begin, its classes by their qualified names.

    `stamp` tells whether it is that still.
    """

    stamp: int
    lines: tuple[str, ...]
    tree: ast.Module
    definitions: dict[int, Definition]
    classes: dict[str, ast.ClassDef]


_known: dict[str, SourceFile] = {}


def source_file(file: str) -> SourceFile:
    """A file as Python reads it; an empty one where it cannot."""
    stamp = stamp_of(file)
    known = _known.get(file)
    if known is None or known.stamp != stamp:
        known = _known[file] = read(file, stamp)
    return known


def stamp_of(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


def read(file: str, stamp: int) -> SourceFile:
    try:
        text = Path(file).read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return SourceFile(stamp, (), ast.Module([], []), {}, {})
    named = list(definitions_in(tree, ""))
    definitions = {first_line(node): node for _, node in named}
    # The first of a name, as `inspect` has it.
    classes = {name: node for name, node in reversed(named) if isinstance(node, ast.ClassDef)}
    return SourceFile(stamp, tuple(text.splitlines()), tree, definitions, classes)


def definitions_in(tree: ast.AST, outer: str) -> Iterator[tuple[str, Definition]]:
    """Every class and function with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            name = f"{outer}{node.name}"
            yield name, node
            yield from definitions_in(node, f"{name}." if isinstance(node, ast.ClassDef) else f"{name}.<locals>.")
        else:
            yield from definitions_in(node, outer)


def first_line(node: Definition) -> int:
    """The line in which a definition begins, a decorator's if there is one."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def first_line_of(written: Any) -> tuple[str, int] | None:
    """The file of a class or function, and the line in which it begins; None where nobody can say.

    `inspect.getsourcelines` says the same, and reads the whole file for each class.
    """
    try:
        name = inspect.getsourcefile(written)
    except TypeError:
        return None
    if name is None or not os.path.exists(name):
        return line_in_memory(written, name)
    file = os.path.abspath(name)
    code = getattr(inspect.unwrap(written), "__code__", None)
    if code is not None:
        return file, code.co_firstlineno
    node = source_file(file).classes.get(getattr(written, "__qualname__", ""))
    return None if node is None else (file, first_line(node))


def line_in_memory(written: Any, name: str | None) -> tuple[str, int] | None:
    """Of what was typed at a prompt, or into a notebook."""
    try:
        _, line = inspect.getsourcelines(written)
    except (OSError, TypeError):
        return None
    return (name or "", line)
