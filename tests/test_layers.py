"""Imports point one way, and each package says what is in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import leverframe

PACKAGE = Path(leverframe.__file__).parent

# Each may import those before it, and itself.
LAYERS = (
    "wording",
    "errors",
    "typed",
    "persistence",
    "coordination",
    "diagrams",
    "machines",
    "checks",
    "adoption",
    "testing",
    "cli",
)

# The public face names what stands behind it, for those who come from outside.
FACES = {"__init__", "__main__"}

# In persistence/, what every database needs, and what is built upon that.
GROUND = (
    "effects",
    "leases",
    "leasing",
    "keys",
    "instants",
    "codec",
    "statements",
    "tables",
    "upkeep",
    "tending",
    "backend",
)
BUILT = ("store", "sending", "binding", "records", "lookups", "sqlite")

LISTED = re.compile(r"^ *(\w+(?:\.py|/)) {2,}\S", re.MULTILINE)


def imported(path: Path, *, for_checkers: bool = True) -> Iterator[tuple[int, str]]:
    """The lines that import, and what; those under `if TYPE_CHECKING` as well, or not."""
    for node in statements(parse(path), for_checkers):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""
            # What is imported from a package may be a module of it.
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, module) for module in inside if is_ours(module))
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def is_ours(module: str) -> bool:
    place = PACKAGE.parent.joinpath(*module.split("."))
    return place.is_relative_to(PACKAGE) and (place.is_dir() or place.with_suffix(".py").is_file())


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(node: ast.AST, for_checkers: bool) -> Iterator[ast.AST]:
    yield node
    inside = ast.iter_child_nodes(node)
    if not for_checkers and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        inside = iter(node.orelse)
    for child in inside:
        yield from statements(child, for_checkers)


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


def test_the_public_face_is_for_what_is_above_it() -> None:
    """Machines and commands may import `leverframe` itself; what that is made of may not."""
    below = ("wording", "errors", "typed", "persistence", "coordination")
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


def test_typed_has_no_circle() -> None:
    """Inside typed/ no module imports itself by way of others, but for names that only type checkers need."""
    graph = {
        f"leverframe.typed.{path.stem}": {module for _, module in imported(path, for_checkers=False)}
        for path in (PACKAGE / "typed").glob("*.py")
        if path.stem != "__init__"
    }
    assert circle(graph) == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("name", GROUND)
def test_rows_know_nothing_of_the_store(name: str) -> None:
    """Inside persistence/, what says rows and text imports nothing of the store that is built upon it."""
    folder = PACKAGE / "persistence"
    paths = [*(folder / name).rglob("*.py"), *folder.glob(f"{name}.py")]
    assert paths
    built = tuple(f"leverframe.persistence.{each}." for each in BUILT)
    wrong = [
        f"{path}:{line}: {module}"
        for path in paths
        for line, module in imported(path)
        if f"{module}.".startswith(built)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["typed", "persistence", "persistence/codec", "testing", "cli"])
def test_a_package_lists_its_modules(package: str) -> None:
    """The docstring of a package says of each module and folder in it what it is for."""
    folder = PACKAGE / package
    there = {path.name for path in folder.glob("*.py")} | {
        f"{path.parent.name}/" for path in folder.glob("*/__init__.py")
    }
    said = ast.get_docstring(parse(folder / "__init__.py")) or ""
    assert sorted(LISTED.findall(said)) == sorted(there - {"__init__.py"})
