"""`leverframe diagram --diff`: what has changed since a file, or since a git revision."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

LAMP = '''
from attrs import frozen
from leverframe import Event, Machine, Payload, on, state
from {package}parts import Wattage

@frozen
class Off(Payload): ...

@frozen
class On(Payload):
    power: Wattage

@frozen
class Switched(Event):
    power: Wattage

class Lamp(Machine[Off | On, Switched]):
    """A lamp."""

    off = state(Off, initial=True)
    lit = state(On)

    @on
    def switched(self, s: Off, e: Switched) -> On:
        return On(e.power)
'''

PARTS = "from leverframe import Positive\nclass Wattage(Positive): ...\n"

CHANGED = LAMP.replace("power: Wattage", "power: Wattage\n    hue: str").replace("On(e.power)", "On(e.power, e.hue)")

NOISY = LAMP + 'print("imported")\n'
"""As it was, and what a module says while it is imported is no part of the picture."""

ADDED = """
    %% Lamp: {old} to now
    %% added: lit: field hue: str
    %% added: Switched: field hue: str
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository whose machine has changed since its only commit, v1."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    package = folder / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(PARTS)
    (package / "lamps_sold.py").write_text(NOISY.format(package="shop."))
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "one")
    git(folder, "tag", "v1")
    (package / "lamps_sold.py").write_text(CHANGED.format(package="shop."))
    monkeypatch.setattr(sys, "path", [str(folder / "src"), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] == "shop"]:
        del sys.modules[name]


TARGET = "shop.lamps_sold:Lamp"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_revision(run: Run, project: Path) -> None:
    """Against a revision, what is new since then is marked, and no file of the project or its repository changes."""
    before = files(project)
    result = run("diagram", TARGET, "--diff", "v1")
    assert result.exit_code == 0, result.stderr
    assert ADDED.format(old="v1") in result.stdout
    assert "lit : hue: str (added)" in result.stdout
    assert files(project) == before


def test_modules_of_then(run: Run, project: Path) -> None:
    """What the machine's module imports is of the revision too, though the working tree no longer has it."""
    (project / "src" / "shop" / "lamps_sold.py").write_text(CHANGED.replace("from {package}parts", "from shop.other"))
    (project / "src" / "shop" / "parts.py").rename(project / "src" / "shop" / "other.py")
    result = run("diagram", TARGET, "--diff", "v1")
    assert result.exit_code == 0, result.stderr
    assert ADDED.format(old="v1") in result.stdout


def test_no_difference(run: Run, project: Path) -> None:
    """Where nothing has changed since the revision, that is said."""
    git(project, "commit", "-am", "two")
    assert "%% no difference\n" in run("diagram", TARGET, "--diff", "HEAD").stdout
    assert ADDED.format(old="HEAD^") in run("diagram", TARGET, "--diff", "HEAD^").stdout


@pytest.mark.parametrize(
    ("revision", "told"),
    [("v9", "'v9' is neither a file nor a revision of the git repository"), ("--help", "'--help' is neither a file")],
)
def test_no_such_revision(run: Run, project: Path, revision: str, told: str) -> None:
    """A revision that the repository does not have is refused."""
    result = run("diagram", TARGET, f"--diff={revision}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_not_there_then(run: Run, project: Path) -> None:
    """A machine that the revision does not have, or not under this name, is told to be new."""
    shop = project / "src" / "shop"
    (shop / "later.py").write_text((shop / "lamps_sold.py").read_text())
    result = run("diagram", "shop.later:Lamp", "--diff", "v1")
    assert (result.exit_code, result.stderr) == (2, "Error: there was no shop.later:Lamp at v1\n")
    (shop / "lamps_sold.py").write_text(CHANGED.format(package="shop.").replace("Lamp", "Torch"))
    result = run("diagram", "shop.lamps_sold:Torch", "--diff", "v1")
    assert (result.exit_code, result.stderr) == (2, "Error: there was no shop.lamps_sold:Torch at v1\n")


def test_broken_then(run: Run, project: Path) -> None:
    """A module that could not be imported at the revision is refused with what it raised."""
    (project / "src" / "shop" / "lamps_sold.py").write_text("raise RuntimeError('half done')")
    git(project, "commit", "-am", "broken")
    (project / "src" / "shop" / "lamps_sold.py").write_text(CHANGED.format(package="shop."))
    result = run("diagram", TARGET, "--diff", "HEAD")
    assert result.exit_code == 2
    assert result.stderr == "Error: shop.lamps_sold of HEAD cannot be used: RuntimeError: half done\n"


def test_no_repository(run: Run, folder: Path) -> None:
    """Outside of a repository only files can be compared with."""
    (folder / "lone_lamp.py").write_text(LAMP.replace("from {package}parts import Wattage", PARTS))
    result = run("diagram", "lone_lamp:Lamp", "--diff", "v1")
    assert result.exit_code == 2
    assert "is in no git repository; give --diff a lock file" in result.stderr


def test_no_git(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, that is said."""
    run("diagram", TARGET)
    monkeypatch.setenv("PATH", str(project))
    result = run("diagram", TARGET, "--diff", "v1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "git is not installed" in result.stderr


# ---------------------------------------------------------------- files


def test_files(run: Run, project: Path) -> None:
    """A lock file and a picture's JSON are compared with as a revision is."""
    shop = project / "src" / "shop" / "lamps_sold.py"
    now, old = shop.read_text(), LAMP.format(package="shop.")
    shop.write_text(old)
    for command in (("lock", "pipeline", TARGET, "-o", "old.lock"), ("diagram", TARGET, "-o", "old.json")):
        done = subprocess.run(
            [sys.executable, "-m", "leverframe", *command],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    shop.write_text(now)
    for name in ("old.lock", "old.json"):
        result = run("diagram", TARGET, "--diff", name)
        assert result.exit_code == 0, result.stderr
        assert ADDED.format(old=name) in result.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no json", "is neither a lock file, nor a picture"),
        (b"[]", "is neither a lock file, nor a picture"),
        (b'{"machine": "Lamp"}', "old has no Pipeline; it has Lamp"),
        (b"\xff", "is no text"),
    ],
)
def test_files_that_are_none(run: Run, folder: Path, content: bytes, told: str) -> None:
    """A file that says nothing of the machine is refused."""
    (folder / "old").write_bytes(content)
    result = run("diagram", "pipeline", "--diff", "old")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
