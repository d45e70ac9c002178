"""One run: who there is, a schedule that is played to its end, and then rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import field, frozen

from leverframe.coordination.policies import LeasePolicy, WakeUp
from leverframe.errors import Key
from leverframe.testing import actors
from leverframe.testing.account import Account
from leverframe.testing.calm import come_to_rest, is_at_rest
from leverframe.testing.chance import Chance
from leverframe.testing.database import Violation
from leverframe.testing.ledger import Call, Ledger
from leverframe.testing.moves import Moves
from leverframe.testing.schedule import Action, draw_schedule, play
from leverframe.testing.surroundings import MakeSubject, behaviours_around
from leverframe.testing.world import Behaviour, World

__all__ = ["Plan", "Run", "begin", "run"]

SOMETIMES = 0.3
"""How often a worker claims what is next with a move, or says what time it is by its own clock."""

PAIRS = 2
"""Of those who look after all instances there are so many, which must not disturb each other."""


@frozen(kw_only=True)
class Plan:
    """What is simulated; `within` is in microseconds.

    `key` names the instances, by their number; `at_most` is the limit that workers say; `subject` makes what gates are
    about.  `beside` are further processes, None for those who look after that, and `checks` are made behind each
    commit.
    """

    lease: LeasePolicy
    seed: int
    workers: int
    instances: int
    steps: int
    within: int
    create: Callable[[Chance], Any]
    work: actors.Work | None = None
    key: Callable[[int], Key] = "instance-{}".format
    at_most: int | None = None
    subject: MakeSubject | None = None
    beside: Mapping[str, Mapping[str, Behaviour]] | None = None
    checks: Sequence[Callable[[Ledger, Call], None]] = ()

    def schedule(self) -> list[Action]:
        """What happens, as the seed has it."""
        return draw_schedule(self.seed, self.steps, actor_names(self.behaviours(Stage(self))), self.lease)

    def behaviours(self, stage: Stage) -> dict[str, Mapping[str, Behaviour]]:
        """What each process does."""
        do = self.work or stage.work
        working: dict[str, Behaviour] = {"work": partial(actors.work, do=do), "renew": actors.renew}
        found: dict[str, Mapping[str, Behaviour]] = {f"worker-{number + 1}": working for number in range(self.workers)}
        keepers: dict[str, Behaviour] = {} if self.lease.expiry is None else {"reaper": actors.reap}
        if any(isinstance(policy, WakeUp) and policy.move for policy in self.lease.machine._policies):
            keepers["waker"] = actors.wake
        for name, keep in keepers.items():
            found |= {f"{name}-{number + 1}": {"look": keep} for number in range(PAIRS)}
        making = partial(actors.create, number=self.instances, make=self.create, name=self.key, made=stage.made)
        found |= behaviours_around(self.lease.gates, self.subject) if self.beside is None else self.beside
        return found | {"creator": {"create": making}, "others": {"send": partial(actors.meddle, moves=stage.moves)}}


class Stage:
    """What the processes of one run share, beside the database: what would be known of the world outside."""

    def __init__(self, plan: Plan) -> None:
        self.moves = Moves(plan.lease)
        self.made: list[Key] = []
        self.at_most = plan.at_most
        self.is_calm: Callable[[], bool] = lambda: False

    def work(self, held: Any, chance: Chance) -> Iterator[None]:
        """What a worker does who is told nothing else: it sends what is accepted, and sooner or later what leads on."""
        while not held.ended:
            yield
            event = self._choose(held.now, chance)
            if event is None:
                return
            claims = chance.random() < SOMETIMES
            send = partial(held.send_and_claim, at_most=self.at_most) if claims else held.send
            send(event, at=chance.own_time() if chance.random() < SOMETIMES else None)

    def _choose(self, state: Any, chance: Chance) -> Any:
        way = "onward" if self.is_calm() else chance.choice(("onward", "any", "around", "around"))
        choose: Callable[[Any, Chance], Any] = getattr(self.moves, way)
        return choose(state, chance) or self.moves.onward(state, chance)


@frozen
class Run:
    """What came of it; `problem` is empty where all was well, `played` how many actions it took."""

    world: World
    played: int
    problem: str = ""
    trace: tuple[str, ...] = field(default=())


def actor_names(behaviours: Mapping[str, Mapping[str, Behaviour]]) -> list[str]:
    """Whoever can go on: "worker-1.work", "worker-1.renew"..."""
    return [f"{slot}.{role}" for slot, roles in behaviours.items() for role in roles]


def begin(plan: Plan) -> World:
    """A world in which nothing has happened yet."""
    stage = Stage(plan)
    # Half of the seeds decide before their transaction begins, as on PostgreSQL.
    world = World(plan.lease, plan.seed, plan.behaviours(stage), in_turn=plan.seed % 2 == 0, at_most=plan.at_most)
    stage.is_calm = lambda: world.is_calm
    world.ledger.checks += (Account(plan.lease, plan.at_most), *plan.checks)
    return world


def run(plan: Plan, actions: Sequence[Action]) -> Run:
    """Play the actions, and come to rest."""
    world = begin(plan)
    played, problem = 0, ""
    try:
        for action in actions:
            played += 1
            play(world, action)
            if is_at_rest(world, plan.instances):
                break
        come_to_rest(world, plan.instances, plan.within)
    except Violation as violation:
        problem = str(violation)
        world.tell(f"WRONG: {problem}")
    except Exception as error:
        error.add_note("\n".join((f"in the simulation with seed={plan.seed}:", *world.trace)))
        raise
    finally:
        world.close()
    return Run(world, played, problem, tuple(world.trace))
