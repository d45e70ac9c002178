"""Where is it written, and what does a comment there accept?"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from leverframe.diagrams.source_files import Definition, first_line, first_line_of, source_file

__all__ = ["Written", "body_of", "function_node", "written_class", "written_function", "written_member"]

ACCEPTED = re.compile(r"#\s*leverframe:\s*ignore\[(?P<codes>[\w\s,-]*)\]")


@frozen
class Written:
    """Lines of a file: `line` is the one to look at; in those from `first` to `last` a comment may accept a finding."""

    file: str
    line: int
    first: int
    last: int

    def accepted(self) -> dict[int, frozenset[str]]:
        """The codes that comments there accept, by their lines."""
        lines = enumerate(source_file(self.file).lines[self.first - 1 : self.last], self.first)
        found = ((number, ACCEPTED.search(text)) for number, text in lines)
        return {number: codes_in(comment["codes"]) for number, comment in found if comment}

    def at(self, line: int) -> Written:
        """One line of the file."""
        return Written(self.file, line, line, line)

    @property
    def shown(self) -> str:
        """The file's name as seen from the working folder; outside of that, as its package has it."""
        path = Path(self.file)
        here = Path.cwd()
        if path.is_relative_to(here):
            return path.relative_to(here).as_posix()
        folder = path.parent
        while (folder / "__init__.py").exists():
            folder = folder.parent
        return path.relative_to(folder).as_posix()

    def __str__(self) -> str:
        return f"{self.shown}:{self.line}"


def codes_in(text: str) -> frozenset[str]:
    return frozenset(code.strip() for code in text.split(",") if code.strip())


def source_of(thing: Any) -> tuple[str, Definition] | None:
    """The file of a class or function, and what of it is that; None where nobody can say."""
    found = first_line_of(thing)
    if found is None:
        return None
    file, line = found
    node = source_file(file).definitions.get(line)
    return None if node is None else (file, node)


# ---------------------------------------------------------------- what is written there


def written_class(cls: type) -> Written | None:
    """Where a class is written."""
    found = source_of(cls)
    return None if found is None else heading(*found)


def written_function(function: Any) -> Written | None:
    """Where a function is written."""
    return written_class(function)


def heading(file: str, node: Definition) -> Written:
    """The lines of a definition, up to its body."""
    body = node.body[0].lineno
    last = body if body == node.lineno else max(node.lineno, body - 1)
    return Written(file, node.lineno, first_line(node), last)


def written_member(machine: type, path: str) -> Written | None:
    """Where the machine's body has a state of this path, or a policy or look-up of this name."""
    found = source_of(machine)
    if found is None:
        return None
    file, node = found
    *outer, name = path.split(".")
    body: Iterable[ast.stmt] = node.body
    for each in outer:
        body = [part for inner in body if isinstance(inner, ast.ClassDef) and inner.name == each for part in inner.body]
    for statement in body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return heading(file, statement)
        if name in names_set(statement):
            return Written(file, statement.lineno, statement.lineno, statement.end_lineno or statement.lineno)
    return None


def names_set(statement: ast.stmt) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id


def body_of(machine: type) -> Written | None:
    """All lines of a machine class."""
    found = source_of(machine)
    if found is None:
        return None
    file, node = found
    return Written(file, node.lineno, first_line(node), node.end_lineno or node.lineno)


def function_node(function: Any) -> tuple[str, Definition] | None:
    """The file of a function and its tree; None where nobody can say."""
    return source_of(function) if inspect.isfunction(function) else None
