"""Who goes on when, and what befalls whom: a list of actions, drawn from a seed, that can be played again."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from leverframe.coordination.policies import LeasePolicy
from leverframe.testing.chance import Chance
from leverframe.testing.world import UNTROUBLED, Trouble, World

__all__ = ["Action", "draw_schedule", "play"]

MICROSECOND = timedelta(microseconds=1)

LONG = 3_600_000_000
"""Microseconds: times that a state names may lie so far ahead."""

STATEMENTS = 14
"""How many statements a call has, about."""


@frozen
class Action:
    """One thing that happens: `kind` is "step", "advance", "kill", "freeze" or "thaw"."""

    kind: str
    who: str = ""
    microseconds: int = 0
    trouble: Trouble = UNTROUBLED


def play(world: World, action: Action) -> None:
    """Let it happen."""
    match action.kind:
        case "advance":
            world.advance(action.microseconds)
        case "kill":
            world.kill(action.who)
        case "freeze":
            world.freeze(action.who)
        case "thaw":
            world.thaw(action.who)
        case _:
            world.step(action.who, action.trouble)


def spans_of(lease: LeasePolicy) -> tuple[int, ...]:
    """How much time passes at once, in microseconds: round about what the lease goes by."""
    ttl = (lease.ttl or timedelta(seconds=60)) // MICROSECOND
    beat = (lease.heartbeat or timedelta(seconds=20)) // MICROSECOND
    return (1000, beat // 2, beat, ttl - beat, ttl - 1, ttl, ttl + 1, 2 * ttl, LONG)


def draw_schedule(seed: int, steps: int, actors: list[str], lease: LeasePolicy) -> list[Action]:
    """So many actions.  Each seed has weights of its own: some kill often, others hardly let time pass."""
    return Drawing(seed, actors, lease).actions(steps)


class Drawing:
    """The drawing of one schedule."""

    def __init__(self, seed: int, actors: list[str], lease: LeasePolicy) -> None:
        self.chance = Chance(f"{seed} schedule")
        self.actors = actors
        self.weights = [0.1 + self.chance.random() for _ in actors]
        self.workers = sorted({actor.partition(".")[0] for actor in actors})
        self.spans = spans_of(lease)
        self.kinds = ("step", "advance", "kill", "freeze", "thaw")
        rare = self.chance.random
        self.kind_weights = (10.0, rare() * 2, rare() * 0.3 * self.coin(), rare() * self.coin() / 2, rare() / 2)
        self.troubled = rare() * self.coin()

    def coin(self) -> bool:
        return self.chance.random() < 0.7

    def actions(self, steps: int) -> list[Action]:
        return [self.action(kind) for kind in self.chance.choices(self.kinds, self.kind_weights, k=steps)]

    def action(self, kind: str) -> Action:
        if kind == "advance":
            return Action(kind, microseconds=self.chance.choice(self.spans))
        if kind == "step":
            return Action(kind, self.actor(), trouble=self.trouble())
        return Action(kind, self.chance.choice(self.workers))

    def actor(self) -> str:
        return self.chance.choices(self.actors, self.weights)[0]

    def trouble(self) -> Trouble:
        if self.chance.random() >= self.troubled:
            return UNTROUBLED
        chance = self.chance
        statements = chance.randrange(STATEMENTS) if chance.random() < 0.15 else None
        return Trouble(statements, self.others(), fails=chance.random() < 0.1, late=self.coin())

    def others(self) -> tuple[str | int, ...]:
        """Nobody, a few, or everybody after some time."""
        match self.chance.choice(("nobody", "few", "few", "all")):
            case "few":
                return tuple(self.other() for _ in range(self.chance.randint(1, 6)))
            case "all":
                everybody = self.actors * 2
                self.chance.shuffle(everybody)
                return (self.chance.choice(self.spans), *everybody)
            case _:
                return ()

    def other(self) -> str | int:
        return self.chance.choice(self.spans) if self.chance.random() < 0.3 else self.actor()
