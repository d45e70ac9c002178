"""For tests of one's own machines: paths to every move, which moves the tests take, and what may go wrong.

path_search.py  `paths`: the shortest path to every move and every state
path.py         one path, and how it is gone again
samples.py      events to try, the same ones each time
values.py       values of a type, as hypothesis draws them
strategies.py   `events` and `states`, for hypothesis
path_tests.py   `all_paths`: each path as a test of its own
walking.py      one instance of a store, led along and compared with `decide`
stateful.py     `MachineRules`: a machine driven by hypothesis
crashing.py     `crash_paths`: every path, killed at every statement of every commit
killing.py      a store's statements, and the killing of who says them
noticing.py     which moves are taken, and only while somebody asks
move_report.py  how often each move was taken, and which never
plugin.py       the pytest plugin that tells it

simulation.py   `simulate`, the one verb
running.py      one run: who there is, a schedule, and then rest
shrinking.py    the part of a run that is needed for it to fail
schedule.py     what happens, drawn from a seed
calm.py         whether all comes to rest once nothing fails
world.py        processes, and their stores
actors.py       what each process does
moves.py        which event can be sent, and which one leads on
surroundings.py  what gates are about: who brings it, and moves it
ledger.py       what has to be so behind each commit
account.py      whether limits and gates hold
database.py     a database in memory, and the killing of who uses it
clock.py        the time
chance.py       numbers, states and events from a seed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leverframe.testing.chance import Chance
    from leverframe.testing.crashing import Crashes, crash_paths
    from leverframe.testing.move_report import MoveReport, marks_of
    from leverframe.testing.path import Path, Unreached
    from leverframe.testing.path_search import Paths, paths
    from leverframe.testing.path_tests import all_paths
    from leverframe.testing.simulation import Simulated, simulate
    from leverframe.testing.stateful import MachineRules
    from leverframe.testing.strategies import events, states
    from leverframe.testing.values import register

__all__ = [
    "Chance",
    "Crashes",
    "MachineRules",
    "MoveReport",
    "Path",
    "Paths",
    "Simulated",
    "Unreached",
    "all_paths",
    "crash_paths",
    "events",
    "marks_of",
    "paths",
    "register",
    "simulate",
    "states",
]

# Late: the plugin is loaded with every run of pytest, and what the others need is not always installed.
_LATE = {
    "Chance": "chance",
    "Crashes": "crashing",
    "MachineRules": "stateful",
    "MoveReport": "move_report",
    "Path": "path",
    "Paths": "path_search",
    "Simulated": "simulation",
    "Unreached": "path",
    "all_paths": "path_tests",
    "crash_paths": "crashing",
    "events": "strategies",
    "marks_of": "move_report",
    "paths": "path_search",
    "register": "values",
    "simulate": "simulation",
    "states": "strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("hypothesis", "pytest"):
            raise
        from leverframe.errors import MissingExtra

        problem = f"needs {missing}, which is not installed; run: pip install 'leverframe[testing]'"
        raise MissingExtra(f"leverframe.testing.{name}", problem) from error
