"""What was a machine at a revision of the repository that its module is in?

The files of that revision are put into a folder of their own, and a process that has them in place of today's says what
the machine is.  Nothing of the working tree, nor of the repository, is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO, Any

from attrs import frozen

from leverframe.cli.failures import Failure
from leverframe.cli.targets import SHIPPED
from leverframe.diagrams.objects import read_picture
from leverframe.diagrams.picture import Picture

__all__ = ["picture_at_revision"]

NO_MODULE = 3
"""The exit status of a process that finds no such module, or no such machine, in the files of the revision."""

# Said to a Python of its own: what stands first in its path, the folder, and which class of which module is meant.
SCRIPT = """
import importlib, json, sys
told, sys.stdout = sys.stdout, sys.stderr
paths, folder, machines, module_name, class_name = json.loads(sys.argv[1])
from leverframe.diagrams.objects import picture_object
from leverframe.diagrams.picture import picture_of
if machines:
    # Those that come with leverframe, of the revision, upon today's library.
    import leverframe.machines
    leverframe.machines.__path__[:] = [machines]
    for name in [each for each in sys.modules if each.startswith("leverframe.machines.")]:
        del sys.modules[name]
else:
    sys.path[:] = paths
try:
    module = importlib.import_module(module_name)
except ModuleNotFoundError as error:
    if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
        sys.exit(3)
    raise
if not str(getattr(module, "__file__", "")).startswith(folder) or not hasattr(module, class_name):
    sys.exit(3)
json.dump(picture_object(picture_of(getattr(module, class_name))), told)
"""


def picture_at_revision(target: str, revision: str) -> Picture:
    """The picture of the machine as of a git revision.  Raises `Failure`, and runs the machine's module of then."""
    module_name, _, class_name = SHIPPED.get(target, target).partition(":")
    source = getattr(sys.modules[module_name], "__file__", None)
    if source is None:
        raise Failure(f"{module_name} is in no file of a repository; give --diff a lock file or a picture's JSON")
    repository = repository_of(Path(source).resolve(), revision)
    commit = commit_of(repository, revision)
    with tempfile.TemporaryDirectory(prefix="leverframe-") as name:
        folder = Path(name).resolve() / "then"
        folder.mkdir()
        unpack(repository, commit, folder)
        return ask(Then(repository, folder, module_name, class_name), revision)


# ---------------------------------------------------------------- git


def repository_of(source: Path, revision: str) -> Path:
    done = git(source.parent, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise Failure(
            f"{revision!r} is no file, and {source} is in no git repository; give --diff a lock file, a picture's JSON "
            "or a git revision"
        )
    return Path(os.fsdecode(done.stdout.rstrip(b"\n"))).resolve()


def commit_of(repository: Path, revision: str) -> str:
    done = git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        raise Failure(f"{revision!r} is neither a file nor a revision of the git repository in {repository}")
    return done.stdout.decode().strip()


def unpack(repository: Path, commit: str, folder: Path) -> None:
    """Put the files of a revision into a folder; links are left out, for they may lead elsewhere."""
    packed = folder.with_name(f"{folder.name}.tar")
    try:
        done = git(repository, "archive", "--format=tar", f"--output={packed}", commit)
        if done.returncode:
            raise Failure(f"git archive: {done.stderr.decode(errors='replace').strip()}")
        with tarfile.open(packed) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    put(content, folder / member.name)
    finally:
        packed.unlink(missing_ok=True)


def put(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(content, file)


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A hook of git's has these set for a repository that may be another one.
    environment = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise Failure("git is not installed; give --diff a lock file or a picture's JSON") from error


# ---------------------------------------------------------------- the machine of then


@frozen
class Then:
    """A machine as it was: its files are in `folder` as they are in `repository` today."""

    repository: Path
    folder: Path
    module_name: str
    class_name: str

    def as_json(self) -> str:
        """What the script is told."""
        paths = [place for each in sys.path if (place := moved(each, self.repository, self.folder)) is not None]
        return json.dumps([paths, str(self.folder), self.own_machines(), self.module_name, self.class_name])

    def own_machines(self) -> str:
        """Where the machines of leverframe itself were; empty for those of others."""
        import leverframe.machines

        if not self.module_name.startswith("leverframe.machines."):
            return ""
        today = Path(leverframe.machines.__path__[0]).resolve()
        return str(self.folder / today.relative_to(self.repository))


def ask(machine: Then, revision: str) -> Picture:
    done = subprocess.run(
        # Not with the working folder in the path: all that is looked for there is said.
        [sys.executable, "-P", "-c", SCRIPT, machine.as_json()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=machine.folder,
    )
    if done.returncode == NO_MODULE:
        raise Failure(f"there was no {machine.module_name}:{machine.class_name} at {revision}")
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it ended"])[-1]
        raise Failure(f"{machine.module_name} of {revision} cannot be used: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return read_picture(found)


def moved(place: str, repository: Path, folder: Path) -> str | None:
    """The same place among the files of the revision; None for one that the revision does not have."""
    here = Path(place or os.getcwd()).resolve()
    if not here.is_relative_to(repository) or is_installed(here):
        return place or str(here)
    there = folder / here.relative_to(repository)
    return str(there) if there.exists() else None


def is_installed(place: Path) -> bool:
    """Whether that belongs to this Python, though it may be kept inside of the repository."""
    return any(place.is_relative_to(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix))
