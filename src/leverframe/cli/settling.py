"""What becomes of the lines of a log in the store?  Each is settled once, however often the log is replayed.

An event's delivery id settles it, in the transaction that moves the instance.  Two kinds of events would be left open
by that, and a second run could find them acceptable in a later state:

* one whose handler raises, SystemExit too, or that only the owner of a lease may send: nothing is written then.  It is
  sent again, expecting a state that no instance is ever in, and so refused for good.
* one that comes before its instance's create line: there is nothing yet to settle it with.  It is settled in the
  transaction that creates the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, cast

import attrs
from attrs import define, field, frozen

from leverframe import Event, Machine, Payload, Receipt, Store, decide
from leverframe.cli.lines import CreateLine, EventLine, Line, Malformed
from leverframe.errors import (
    AlreadyExists,
    Conflict,
    Key,
    LeaseRequired,
    LeverframeError,
    NotFound,
    StaleState,
    StoreError,
    TransitionNotAllowed,
    UnreadableRow,
)
from leverframe.persistence.beside import MovePolicy, Sending
from leverframe.persistence.codec import codec_of
from leverframe.persistence.keys import encode_key
from leverframe.persistence.records import Send
from leverframe.typed.policy import declared_policies
from leverframe.wording import join_names

__all__ = ["Problem", "Settler", "Tally", "check_policies"]

AnyReceipt = Receipt[Any]

NO_INSTANCE = "no instance yet; a create line has to come first"


class HandlerRaised(Payload):
    """The state that an event is sent to expect after its handler raised: it is refused, and stays so."""


class NotCreatedYet(Payload):
    """The state that events are sent to expect which came before their instance was there."""


@frozen
class Problem:
    """A line that moved nothing: `state` is the path of the state that refused it, empty if none did."""

    line: int
    kind: Literal["refused", "malformed"]
    key: Key | None
    event: str
    state: str
    reason: str


@define
class Tally:
    """What the lines so far came to.  `events` is the sum of `moved` and `refused`."""

    events: int = 0
    moved: int = 0
    refused: int = 0
    malformed: int = 0
    duplicates: int = 0
    stories: set[Key] = field(factory=set[Key])


@frozen
class Failed:
    """In place of a receipt: the event could not be sent at all."""

    reason: str


@define
class Early:
    """Events that came before their instance: the ids, and any one of them."""

    event: Event
    delivery_ids: list[str] = field(factory=list[str])


class Settler:
    """Applies lines to the store, and tells `report` of each that moved nothing, in order.

    `stored_to` is the last line that a transaction of this run was for: up to there, all is stored.
    """

    def __init__(self, store: Store, machine: type[Machine[Any, Any]], report: Callable[[Problem], None]) -> None:
        self.tally = Tally()
        self.stored_to = 0
        self._store = store
        self._machine = machine
        self._report = report
        self._initial = initial_state(machine)
        self._present: set[Key] = set()
        self._early: dict[Key, Early] = {}
        self._problems: list[Problem] = []

    def settle(self, lines: Sequence[Line]) -> None:
        """Apply some lines, those between create lines in one transaction."""
        for line in lines:
            if isinstance(line, Malformed):
                self._malformed(line)
        for kind, group in groupby((line for line in lines if not isinstance(line, Malformed)), type):
            if kind is EventLine:
                self._send([line for line in group if isinstance(line, EventLine)])
            else:
                self._create_all(line for line in group if isinstance(line, CreateLine))
        for problem in sorted(self._problems, key=line_number):
            self._report(problem)
        self._problems.clear()

    # ------------------------------------------------------------ events

    def _send(self, lines: list[EventLine]) -> None:
        for line, receipt in self._receipts([line for line in lines if not self._comes_early(line)]):
            self._count(line, receipt)
            self.stored_to = line.number

    def _receipts(self, lines: list[EventLine]) -> Iterator[tuple[EventLine, AnyReceipt | Failed]]:
        """A receipt each.  Where a transaction fails, its halves are tried: what is good in it is not lost."""
        if not lines:
            return
        try:
            receipts = self._send_together(lines)
        except BaseException as error:
            raise_unless_of_one_line(error)
            if len(lines) == 1:
                yield lines[0], self._refuse(lines[0], error)
                return
            middle = len(lines) // 2
            yield from self._receipts(lines[:middle])
            yield from self._receipts(lines[middle:])
        else:
            yield from zip(lines, receipts, strict=True)

    def _send_together(self, lines: list[EventLine]) -> list[AnyReceipt]:
        sends = [Send(line.key, line.event, line.at, delivery_id=line.delivery_id) for line in lines]
        return self._store.send_many(self._machine, sends, create=self._initial, on_refused="return")

    def _refuse(self, line: EventLine, error: BaseException) -> AnyReceipt | Failed:
        """Settle an event as refused that raised when it was sent."""
        try:
            return self._refuse_for_good(line)
        except BaseException as second:
            # A row that cannot be read, or an instance that cannot be made: there is nothing to settle the event with.
            raise_unless_of_one_line(second)
            return Failed(told(error))

    def _refuse_for_good(self, line: EventLine) -> AnyReceipt:
        send = Send(line.key, line.event, line.at, HandlerRaised, line.delivery_id)
        return self._store.send_many(self._machine, [send], create=self._initial, on_refused="return")[0]

    def _count(self, line: EventLine, receipt: AnyReceipt | Failed) -> None:
        self.tally.events += 1
        self.tally.stories.add(line.key)
        if isinstance(receipt, Failed):
            self._refused(line, "", receipt.reason)
            return
        self.tally.duplicates += receipt.duplicate
        if receipt.moved:
            self.tally.moved += 1
        else:
            self._refused(line, self._machine.path(receipt.from_state), self._why(line, receipt))

    def _refused(self, line: EventLine, state: str, reason: str) -> None:
        self.tally.refused += 1
        self._problems.append(Problem(line.number, "refused", line.key, type(line.event).__name__, state, reason))

    def _why(self, line: EventLine, receipt: AnyReceipt) -> str:
        match receipt.error:
            case TransitionNotAllowed() as error:
                return f"{error.reason}; accepted there: {join_names(error.accepted)}"
            case StaleState(expected=NotCreatedYet.__name__):
                return NO_INSTANCE
            case StaleState():
                return why_it_failed(self._machine, receipt.state, line)
            case error:
                return str(error)

    # ------------------------------------------------------------ creations

    def _comes_early(self, line: EventLine) -> bool:
        """Whether there is nothing yet that the event could be sent to; it is counted then."""
        if self._initial is not None or self._is_present(line.key):
            return False
        self._early.setdefault(line.key, Early(line.event)).delivery_ids.append(line.delivery_id)
        self._count(line, Failed(NO_INSTANCE))
        return True

    def _is_present(self, key: Key) -> bool:
        if key not in self._present:
            try:
                self._store.get(self._machine, key)
            except NotFound:
                return False
            except UnreadableRow:
                pass
            self._present.add(key)
        return True

    def _create_all(self, lines: Iterable[CreateLine]) -> None:
        for line in lines:
            try:
                self._create(line)
            except BaseException as error:
                raise_unless_of_one_line(error)
                self._malformed(Malformed(line.number, f"create: {told(error)}", line.key))
            else:
                self.tally.stories.add(line.key)
                self._present.add(line.key)
                self.stored_to = line.number

    def _create(self, line: CreateLine) -> None:
        self._create_settling(line)
        try:
            self._store.create(self._machine, line.key, line.state, at=line.at)
        except AlreadyExists as error:
            if error.field:
                raise
            self._check_created_so(line)

    def _create_settling(self, line: CreateLine) -> None:
        """Create an instance, and in the same transaction settle the events that came before it."""
        early = self._early.get(line.key)
        if early is not None:
            sends = [Send(line.key, early.event, line.at, NotCreatedYet, each) for each in early.delivery_ids]
            self._store.send_many(self._machine, sends, create=line.state, on_refused="return")
            del self._early[line.key]

    def _check_created_so(self, line: CreateLine) -> None:
        first = self._store.at(self._machine, line.key, version=1)
        write = codec_of(self._machine).encode_state
        if write(first) != write(line.state):
            raise CreatedOtherwise(f"the instance is there already, created as {first!r}")

    def _malformed(self, line: Malformed) -> None:
        self.tally.malformed += 1
        self._problems.append(Problem(line.number, "malformed", line.key, line.event, "", line.reason))


class CreatedOtherwise(LeverframeError):
    """A create line for an instance that was created in another state."""


def line_number(problem: Problem) -> int:
    return problem.line


def initial_state(machine: type[Machine[Any, Any]]) -> Any:
    """The machine's initial leaf, ready to start from; None if it has fields that somebody has to fill."""
    leaf = machine.initial()
    needed = [each for each in attrs.fields(leaf) if each.init and each.default is attrs.NOTHING]
    return None if needed else leaf()


# ---------------------------------------------------------------- failures

OF_ONE_LINE = (AlreadyExists, Conflict, LeaseRequired, NotFound, UnreadableRow)
"""The errors of a store that are about one instance; all others are about the store."""


def raise_unless_of_one_line(error: BaseException) -> None:
    """Raise the error again if other lines would fail as well, or if somebody wants the command to end.

    That is Ctrl-C alone: a machine that calls `sys.exit` has no say in it.
    """
    if isinstance(error, (KeyboardInterrupt, MemoryError)):
        raise error
    if isinstance(error, StoreError) and not isinstance(error, OF_ONE_LINE):
        raise error


def told(error: BaseException) -> str:
    """An error in the words of a reason."""
    if isinstance(error, LeverframeError):
        return str(error)
    return f"raised {type(error).__name__}: {error}".removesuffix(": ")


def why_it_failed(machine: type[Machine[Any, Any]], state: Any, line: EventLine) -> str:
    """What the event's handler raised.  A handler is pure: asked again, in the same state, it answers the same."""
    try:
        decision = decide(machine, state, line.event, line.at)
        codec_of(machine).encode_state(decision.state)
        check_policies(machine, line.key, state, line.event, decision.edge)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return told(error)
    return "its handler raised an error in an earlier run"


def check_policies(machine: type[Machine[Any, Any]], key: Key, state: Any, event: Any, edge: Any) -> None:
    """Raise `LeaseRequired` for a move that a store takes from a lease's owner alone, or makes itself."""
    sending = Sending(encode_key(key), state, event, edge, fenced=False)
    for policy in declared_policies(machine):
        cast("MovePolicy", policy).check(sending)
