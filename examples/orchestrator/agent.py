"""One agent: a program that works on a branch, step by step, and may be killed in the midst of any.

    python -m examples.orchestrator.agent STORY ROUND ATTEMPT TOKEN

The first line of its standard input is `Settings`.  Each step is one commit, and is published by moving the branch from
the commit that it was made on.  A step that is in the branch already, whoever made it, is not made again.  The exit
code is 0, or 75 for "come back later", or another.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path
from typing import TypeAlias

from .repository import Repository
from .settings import STANDARD_INPUT, Settings

__all__ = ["COME_BACK_LATER", "run_agent"]

COME_BACK_LATER = 75
LEFT_ALONE = 3
FAULT = 1

Files: TypeAlias = dict[str, str]


def run_agent(settings: Settings, story: str, number: int, attempt: int, token: int) -> int:
    """Do the steps of a round that are not done; the exit code."""
    repository = settings.open_repository()
    chance = random.Random(f"{settings.seed}/{story}/{number}/{attempt}")
    for name, files in steps(settings, story, number).items():
        if chance.random() < settings.rate_limits:
            return COME_BACK_LATER
        do_step(repository, story, f"{story}/{number}/{name}", files, token)
        if chance.random() < settings.faults:
            return FAULT
    return 0


def do_step(repository: Repository, story: str, step: str, files: Files, token: int) -> None:
    """Commit the step to the story's branch, once, whoever else is at it."""
    message = f"{step}\n\nStory: {story}\nStep: {step}\nLease: {token}"
    while repository.find(story, "Step", step) is None:
        old = repository.tip(story)
        with repository.worktree(f"{story}-agent", token, old or repository.base()) as folder:
            write(folder, files)
            new = repository.commit(folder, message)
        repository.move(story, new, old)


def write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- what it writes


def steps(settings: Settings, story: str, number: int) -> dict[str, Files]:
    """In the first round a function and its test, in those after it whatever the gates want mended."""
    name = story.replace("-", "_")
    wrong = random.Random(f"{settings.seed}/{story}/{number}").random() < settings.mistakes
    function = {f"features/{name}.py": f"def name():\n    return {'' if wrong else story!r}\n"}
    test = {f"features/test_{name}.py": f"from {name} import name\n\nassert name() == {story!r}, name()\n"}
    return {"function": function, "test": test} if number == 1 else {"mended": function}


# ---------------------------------------------------------------- the program


def end_with_parent() -> None:
    """Standard input ends when the worker does, however it does."""

    def wait() -> None:
        # Not sys.stdin, which the interpreter locks when it ends.
        while os.read(STANDARD_INPUT, 1):
            pass
        os._exit(LEFT_ALONE)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    told = Settings.told()
    end_with_parent()
    name, *numbers = sys.argv[1:]
    sys.exit(run_agent(told, name, *map(int, numbers)))
