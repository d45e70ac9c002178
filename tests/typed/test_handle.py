"""Handles: a machine known to be in a state, as a value."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import frozen

from leverframe import (
    Event,
    Handle,
    Machine,
    Message,
    NotInState,
    Payload,
    State,
    TransitionNotAllowed,
    UnknownState,
    entering,
    in_state,
    on,
    state,
)
from leverframe.machines.pipeline import (
    Abandon,
    Abandoned,
    Active,
    Archived,
    Backlog,
    Block,
    Blocked,
    Coding,
    DepsMet,
    Done,
    GatesStarted,
    GitSha,
    Pipeline,
    Qa,
    Unblock,
)

NOW = datetime(2030, 1, 2, tzinfo=UTC)


@frozen
class Open(Payload):
    tries: int = 0


@frozen
class Waiting(Open): ...


@frozen
class Working(Open): ...


@frozen
class Failed(Payload): ...


@frozen
class Fail(Event):
    hard: bool = False


@frozen
class Work(Event): ...


class Task(Machine[Waiting | Working | Failed, Fail | Work]):
    class open(State.Compound):
        waiting = state(Waiting)
        working = state(Working)

    failed = state(Failed)

    def may_retry(self, s: Working, e: Fail) -> bool:
        if e.hard:
            raise ZeroDivisionError
        return s.tries < 2

    @on
    def work(self, s: Waiting, e: Work) -> Working:
        return Working(s.tries)

    @on(cond=may_retry)
    def retry(self, s: Working, e: Fail) -> Waiting:
        return Waiting(s.tries + 1)

    @on
    def fail(self, s: Open, e: Fail) -> Waiting | Failed:
        return Failed()

    @entering
    def tell_failed(self, s: Failed) -> list[Message]:
        return [Message("tasks", "failed")]

    @entering
    def tell_waiting(self, s: Waiting) -> list[Message]:
        return [Message("tasks", "waiting", body={"at": self.now().isoformat()})]


# ---------------------------------------------------------------- start and send


def test_start_tells_what_entering_tells() -> None:
    """A started handle has the state it was given, and the messages of entering it at the given time."""
    handle = Task.start(Waiting(1), NOW)
    assert handle.state == Waiting(1)
    assert [message.body["at"] for message in handle.messages] == ["2030-01-02T00:00:00+00:00"]


def test_start_in_a_foreign_state() -> None:
    """A machine starts in none but its own states; the error names them."""
    for start in (Task.start, Task.native):
        with pytest.raises(UnknownState, match="Coding is no state of Task; known: Failed, Waiting, Working"):
            start(Coding())  # type: ignore[arg-type]  # pyright: ignore


def test_send_returns_the_next_handle() -> None:
    """`send` returns the next handle, with the messages of that event, and leaves its own as it was."""
    first = Task.start(Working())
    second = first.send(Fail(), NOW)
    assert (second.state, [message.kind for message in second.messages]) == (Waiting(1), ["waiting"])
    assert (first.state, first.messages) == (Working(), ())


def test_send_uses_the_given_time() -> None:
    """`send` decides at the time it is given, in UTC."""
    assert Pipeline.start(Coding()).send(Abandon(), NOW).state == Abandoned(NOW)


def test_send_without_a_time_reads_the_clock() -> None:
    """Without a time, a handler that asks gets the present one."""
    before = datetime.now(UTC)
    after = Pipeline.start(Coding()).send(Abandon()).as_(Abandoned).state.archived_at
    assert before <= after <= datetime.now(UTC)
    assert after.tzinfo is UTC


def test_refused_send_changes_nothing() -> None:
    """A refused event leaves the handle as it was; the error says state, event, why, and what is accepted."""
    handle = Pipeline.start(Abandoned(NOW))
    with pytest.raises(TransitionNotAllowed) as caught:
        handle.send(Unblock())
    error = caught.value
    assert (error.machine, error.event, error.state, error.accepted) == (
        "Pipeline",
        "Unblock",
        "archived.abandoned",
        (),
    )
    assert str(error).endswith("refuses Unblock: no move takes it there; accepted there: nothing")
    assert handle == Pipeline.start(Abandoned(NOW))


def test_refusal_by_guards_names_them() -> None:
    """A refusal by a guard names the guard."""

    class Guarded(Machine[Waiting | Working, Work]):
        waiting = state(Waiting)
        working = state(Working)

        def has_tried(self, s: Waiting, e: Work) -> bool:
            return s.tries > 0

        @on(cond=has_tried)
        def work(self, s: Waiting, e: Work) -> Working:
            return Working()

    with pytest.raises(TransitionNotAllowed, match="has_tried said no; accepted there: Work"):
        Guarded.start(Waiting()).send(Work())


def test_foreign_event() -> None:
    """An event of another machine is refused, with the nearest name."""
    handle: Any = Task.start(Waiting())
    with pytest.raises(TransitionNotAllowed, match="DepsMet: it is no event of Task; known: Fail, Work"):
        handle.send(DepsMet())
    with pytest.raises(TransitionNotAllowed, match="str: it is no event of Task"):
        handle.send("Work")


# ---------------------------------------------------------------- fire


def test_fire_takes_the_named_move() -> None:
    """`fire` returns the handle in the state that the named move leads to."""
    blocked = Pipeline.start(Qa()).as_(Active).fire(Pipeline.block, Block("why"), NOW)
    assert blocked.state == Blocked(NOW, "why")


def test_fire_where_the_guard_says_no() -> None:
    """`fire` is refused where a guard says no and the event would go another way."""
    handle = Task.start(Working(2))
    with pytest.raises(TransitionNotAllowed, match="retry was asked for, but here fail takes it"):
        handle.as_(Working).fire(Task.retry, Fail())
    assert handle.send(Fail()).state == Failed()


def test_fire_where_nothing_takes_the_event() -> None:
    """`fire` of a move that does not start here is refused as `send` is."""
    handle: Any = Pipeline.start(Backlog())
    with pytest.raises(TransitionNotAllowed, match="no move takes it there"):
        handle.fire(Pipeline.gates_started, GatesStarted())


def test_fire_a_move_that_a_leaf_overrides() -> None:
    """`fire` of a superstate's move is refused where the leaf has its own in place of it."""
    handle: Handle[Task, Working] = Task.start(Working()).as_(Working)
    with pytest.raises(TransitionNotAllowed, match="fail was asked for, but here retry takes it"):
        handle.fire(Task.fail, Fail())
    assert handle.fire(Task.retry, Fail()).state == Waiting(1)


def test_fire_a_move_of_another_class_of_states() -> None:
    """`fire` is refused where a later move takes the event, and takes that one when it is named."""

    class Both(Machine[Waiting | Working | Failed, Fail | Work]):
        waiting = state(Waiting)
        working = state(Working)
        failed = state(Failed)

        def never(self, s: Waiting, e: Work) -> bool:
            return False

        @on(cond=never)
        def first(self, s: Waiting, e: Work) -> Working:
            return Working()

        @on
        def second(self, s: Waiting, e: Work | Fail) -> Failed:
            return Failed()

        @on
        def third(self, s: Failed, e: Work) -> Working:
            return Working()

    handle = Both.start(Waiting()).as_(Waiting)
    with pytest.raises(TransitionNotAllowed, match="first was asked for, but here second takes it"):
        handle.fire(Both.first, Work())
    assert handle.fire(Both.second, Work()).state == Failed()


# ---------------------------------------------------------------- questions


def test_can_with_an_event_asks_the_guards() -> None:
    """`can` of an event is what `send` would do, guards asked and nothing built."""
    assert Task.start(Working(1)).can(Fail())
    assert not Task.start(Failed()).can(Fail())
    with pytest.raises(ZeroDivisionError):
        Task.start(Working(1)).can(Fail(hard=True))


def test_can_with_a_class_does_not() -> None:
    """`can` of an event class is whether a handler takes it, guards not asked."""
    assert Task.start(Working(1)).can(Fail)
    assert not Task.start(Failed()).can(Fail)


def test_accepts_in_order_of_declaration() -> None:
    """`accepts` lists the event classes that a handler takes, the leaf's own before its superstates'."""
    assert Task.start(Waiting()).accepts() == (Work, Fail)
    assert Pipeline.start(Abandoned(NOW)).accepts() == ()


def test_as_a_leaf_and_a_superstate() -> None:
    """`as_` returns the same handle for the leaf it is in, and for that one's superstates."""
    handle = Pipeline.start(Qa())
    assert handle.as_(Qa) is handle
    assert handle.as_(Active) is handle


def test_as_another_state() -> None:
    """`as_` another state is NotInState, with where the machine is."""
    with pytest.raises(NotInState) as caught:
        Pipeline.start(Qa()).as_(Done)
    assert (caught.value.expected, caught.value.state) == ("Done", "active.qa")


def test_in_state_is_as_without_an_error() -> None:
    """`in_state` says whether the machine is in a leaf or superstate."""
    handle = Pipeline.start(Qa())
    assert [in_state(handle, kind) for kind in (Qa, Active, Coding, Archived)] == [True, True, False, False]


# ---------------------------------------------------------------- a value


@pytest.mark.parametrize("name", ["state", "messages", "_machine", "other"])
def test_handle_does_not_change(name: str) -> None:
    """No attribute of a handle can be set or deleted."""
    handle: Any = Pipeline.start(Qa())
    with pytest.raises(AttributeError, match=f"a Handle does not change; {name} was not set"):
        setattr(handle, name, Coding())
    with pytest.raises(AttributeError, match=f"a Handle does not change; {name} was not deleted"):
        delattr(handle, name)
    assert handle.state == Qa()


def test_equality() -> None:
    """Handles are equal where machine, state and messages are, and hash alike then."""
    assert Pipeline.start(Qa()) == Pipeline.start(Qa())
    assert hash(Pipeline.start(Qa())) == hash(Pipeline.start(Qa()))
    assert Pipeline.start(Qa()) != Pipeline.start(Coding())
    assert Task.start(Waiting(1), NOW) != Task.start(Working(1)).send(Fail(), datetime(2031, 1, 1, tzinfo=UTC))
    assert Pipeline.start(Qa()) != Qa()


def test_pickle_and_copy() -> None:
    """A handle comes back from pickle and copy equal, and goes on from there."""
    handle = Pipeline.start(Done(NOW, GitSha("abc1234")))
    for back in (pickle.loads(pickle.dumps(handle)), copy.copy(handle), copy.deepcopy(handle)):
        assert back == handle
        assert back.send(Abandon(), NOW).state == Abandoned(NOW)


def test_repr() -> None:
    """A handle shows its machine and its state."""
    assert repr(Pipeline.start(Blocked(NOW, "x"))) == f"<Pipeline in {Blocked(NOW, 'x')!r}>"


def test_handle_has_no_dictionary() -> None:
    """A handle is three slots, and no dictionary."""
    assert not hasattr(Pipeline.start(Qa()), "__dict__")


# ---------------------------------------------------------------- questions to the class


def test_path_of_leaves_and_superstates() -> None:
    """`path` spells a leaf or a superstate; of a class that is neither it is UnknownState."""
    assert [Task.path(kind) for kind in (Waiting, Open, Failed)] == ["open.waiting", "open", "failed"]
    with pytest.raises(UnknownState, match="Backlog is no state of Task"):
        Task.path(Backlog)


def test_leaves_of_a_superstate() -> None:
    """`leaves` lists the leaf classes in order of declaration, of the machine or of one superstate or leaf."""
    assert Task.leaves() == (Waiting, Working, Failed)
    assert Task.leaves(Open) == (Waiting, Working)
    assert Task.leaves(Failed) == (Failed,)
    with pytest.raises(UnknownState):
        Task.leaves(Backlog)


def test_initial_leaf() -> None:
    """`initial` is the leaf marked so, and without a mark the first one."""

    class Marked(Machine[Waiting | Working | Failed, Work]):
        failed = state(Failed)
        waiting = state(Waiting, initial=True)
        working = state(Working)

        @on
        def work(self, s: Waiting, e: Work) -> Working | Failed:
            return Working()

    assert Task.initial() is Waiting
    assert Marked.initial() is Waiting


def test_machine_name() -> None:
    """A machine is stored under its class's name unless its body says another."""

    class Renamed(Machine[Waiting, Work]):
        machine_name = "Old"
        waiting = state(Waiting)

        @on
        def work(self, s: Waiting, e: Work) -> Waiting:
            return s

    assert (Task.machine_name, Renamed.machine_name) == ("Task", "Old")
