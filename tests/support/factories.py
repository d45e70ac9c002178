"""A picture of a machine of sixty states, which nobody has written as a machine."""

from __future__ import annotations

from collections.abc import Iterator

from leverframe.diagrams.picture import Field, Move, Picture, State

__all__ = ["FACTORY"]

HALLS = ("Intake", "Planning", "Building", "Verifying", "Releasing", "Operating")
STEPS = ("Waiting", "Assigned", "Started", "Paused", "Retrying", "Checked", "Approved", "Rejected", "Parked")
FIELDS = (Field("owner", "AgentName"), Field("branch", "BranchName | None"), Field("deadline", "datetime"))


def states() -> Iterator[State]:
    for hall in HALLS:
        path = hall.lower()
        inner = tuple(f"{path}.{step.lower()}" for step in STEPS)
        yield State(path, hall, "", inner, hall == HALLS[0], False, (Field("since", "datetime"),))
        for number, leaf in enumerate(inner):
            own = FIELDS[: number % (len(FIELDS) + 1)]
            fields = (Field("since", "datetime", inherited=True), *own)
            yield State(leaf, STEPS[number], path, (), number == 0, False, fields)
    yield State("finished", "Finished", "", (), False, True, ())
    yield State("cancelled", "Cancelled", "", (), False, True, (Field("reason", "str"),))


def moves() -> Iterator[Move]:
    for hall, following in zip(HALLS, (*HALLS[1:], ""), strict=True):
        inner = [f"{hall.lower()}.{step.lower()}" for step in STEPS]
        for step, source, target in zip(STEPS[1:], inner, inner[1:], strict=False):
            yield Move(f"{hall}_{step}".lower(), f"{step}Event", (source,), (target,))
        yield Move(f"{hall}_back".lower(), "SentBack", (inner[-1],), (inner[2],), guard="may_retry")
        yield Move(f"{hall}_cancel".lower(), "Cancel", (hall.lower(),), ("cancelled",))
        yield Move(f"{hall}_restart".lower(), "Restart", (inner[4],), (inner[4],))
        end = f"{following.lower()}.waiting" if following else "finished"
        yield Move(f"{hall}_end".lower(), "Finished", (inner[-1],), (end,))


FACTORY = Picture("Factory", "Six halls, one behind the other.", tuple(states()), tuple(moves()))
