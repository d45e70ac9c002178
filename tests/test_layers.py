"""Imports point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import leverframe

PACKAGE = Path(leverframe.__file__).parent

# Each may import those before it, and itself.
LAYERS = ("wording", "errors", "typed", "persistence", "machines", "cli")

# The public face names what stands behind it, for those who come from outside.
FACES = {"__init__", "__main__"}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "leverframe" and len(parts) > 1 else None


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_layers_are_all_there() -> None:
    """Every module belongs to a layer that this test knows."""
    assert {name for _, name in modules()} == set(LAYERS) | FACES


def test_imports_point_one_way() -> None:
    """No module imports one of a later layer."""
    wrong: list[str] = []
    for path, here in modules():
        for line, module in imported(path):
            there = layer(module)
            if here in LAYERS and there in LAYERS and LAYERS.index(there) > LAYERS.index(here):
                wrong.append(f"{path}:{line}: {here} imports {there}")
    assert wrong == []


def test_machines_and_commands_use_the_public_face_or_what_is_below() -> None:
    """The layers that make up the face do not import it."""
    below = ("wording", "errors", "typed", "persistence")
    wrong = [
        f"{path}:{line}"
        for path, here in modules()
        if here in below
        for line, module in imported(path)
        if module == "leverframe"
    ]
    assert wrong == []


def test_only_the_adapter_touches_python_statemachine() -> None:
    """Private modules of python-statemachine are imported by the adapter, and its metaclass by the one other."""
    wrong = [
        f"{path.name}:{line}: {module}"
        for path, _ in modules()
        for line, module in imported(path)
        if module.startswith("statemachine.") and path.name not in {"native.py", "machine.py", "reserved.py"}
    ]
    assert wrong == []
