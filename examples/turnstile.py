"""A turnstile: locked until somebody pays.  Run it: python examples/turnstile.py"""

from attrs import frozen

from leverframe import Event, Machine, Payload, Positive, on, state


# fmt: off
@frozen
class Locked(Payload): ...
@frozen
class Unlocked(Payload):
    paid: Positive  # cents
@frozen
class Coin(Event):
    cents: Positive
@frozen
class Push(Event): ...
# fmt: on


class Turnstile(Machine[Locked | Unlocked, Coin | Push]):
    locked = state(Locked, initial=True)
    unlocked = state(Unlocked)

    @on
    def coin(self, s: Locked, e: Coin) -> Unlocked:
        return Unlocked(e.cents)

    @on
    def push(self, s: Unlocked, e: Push) -> Locked:
        return Locked()


if __name__ == "__main__":
    gate = Turnstile.start(Locked()).send(Coin(Positive(50)))
    print(gate, [event.__name__ for event in gate.accepts()])
    print(gate.send(Push()))
