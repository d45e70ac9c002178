"""Machines whose moves, hooks and look-ups are wrong."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from leverframe import Event, Machine, Message, Payload, Positive, entering, leaving, lookup, on, state
from leverframe.machines.pipeline import (
    Active,
    BranchName,
    Coding,
    GatesStarted,
    Merge,
    Pipeline,
    PipelineEvent,
    PipelineState,
    Qa,
    QaSkipped,
)


@frozen
class ForeignEvent(Event): ...


@frozen
class ForeignState(Payload): ...


class NoPayload: ...


class Moves(Machine[PipelineState, PipelineEvent]):
    @on
    def wrong_target(self, s: Coding, e: QaSkipped) -> Merge:
        return Coding()  # E: builds another state

    @on
    def wrong_choice(self, s: Coding, e: QaSkipped) -> Merge | Qa:
        return Coding()  # E: builds none of them

    @on
    def forgets_field(self, s: Coding, e: QaSkipped) -> Merge:
        return Merge(e.feature_branch)  # E: no commits_ahead

    @on
    def forgets_return(self, s: Coding, e: QaSkipped) -> Merge:  # E: returns nothing
        print(e)

    @on
    def reads_event(self, s: Coding, e: GatesStarted) -> Merge:
        return Merge(e.feature_branch, Positive(1))  # E: the event has no such field

    @on
    def reads_state(self, s: Active, e: GatesStarted) -> Merge:
        return Merge(s.feature_branch, Positive(1))  # E: not every active state has it

    @on
    def passes_plain_value(self, s: Coding, e: QaSkipped) -> Merge:
        return Merge(e.feature_branch, e.commits_ahead + 1)  # E: a sum is a plain integer

    @on  # E: parameters swapped
    def swapped(self, e: QaSkipped, s: Coding) -> Merge:
        return Merge(e.feature_branch, e.commits_ahead)

    @on  # E: no event
    def no_event(self, s: Coding) -> Qa:
        return Qa()

    @on  # E: a parameter too many
    def too_many(self, s: Coding, e: GatesStarted, more: int) -> Qa:
        return Qa()

    @on  # E: returns no state
    def no_state(self, s: Coding, e: GatesStarted) -> str:
        return ""

    @on  # E: None is no state
    def maybe(self, s: Coding, e: GatesStarted) -> Qa | None:
        return None

    @on  # E: not a state
    def no_payload(self, s: NoPayload, e: GatesStarted) -> Qa:
        return Qa()

    @on  # E: an awaitable is no state
    async def waits(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on
    def foreign_event(self, s: Coding, e: ForeignEvent) -> Qa:  # R: refused when the class is made
        return Qa()

    @on
    def foreign_source(self, s: ForeignState, e: GatesStarted) -> Qa:  # R: refused when the class is made
        return Qa()

    @on
    def superstate_target(self, s: Coding, e: GatesStarted) -> Active:  # R: refused when the class is made
        return Qa()


class Guards(Machine[PipelineState, PipelineEvent]):
    def about_merge(self, s: Merge, e: GatesStarted) -> bool:
        return s.commits_ahead > 1

    def about_qa_skipped(self, s: Coding, e: QaSkipped) -> bool:
        return e.commits_ahead > 1

    def no_answer(self, s: Coding, e: GatesStarted) -> str:
        return ""

    def about_coding(self, s: Coding, e: GatesStarted) -> bool:
        return True

    @on(cond=about_merge)  # E: the guard is for another state
    def by_state(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on(cond=about_qa_skipped)  # E: the guard is for another event
    def by_event(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on(cond=no_answer)  # E: the guard returns text
    def by_answer(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on(cond="about_coding")  # E: the name of a guard is no guard
    def by_name(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on(guard=about_coding)  # E: no such argument
    def by_another_word(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()

    @on(cond=about_coding)
    def rightly(self, s: Coding, e: GatesStarted) -> Qa:
        return Qa()


class Hooks(Machine[PipelineState, PipelineEvent]):
    @entering  # E: returns no messages
    def no_message(self, s: Merge) -> str:
        return ""

    @entering  # E: a message by itself is no list of them
    def one_message(self, s: Merge) -> Message:
        return Message("a", "b")

    @leaving  # E: hooks get no event
    def with_event(self, s: Merge, e: QaSkipped) -> list[Message]:
        return []

    @leaving  # E: not a state
    def no_payload(self, s: NoPayload) -> list[Message]:
        return []

    @entering
    def reads_missing(self, s: Coding) -> list[Message]:
        return [Message("a", s.feature_branch)]  # E: no such field

    @entering
    def incomplete(self, s: Merge) -> list[Message]:
        return [Message("a")]  # E: no kind

    @entering
    def foreign(self, s: ForeignState) -> list[Message]:  # R: refused when the class is made
        return []


class Declarations(Machine[PipelineState, PipelineEvent]):
    no_payload = state(NoPayload)  # E: not a Payload
    an_object = state(Qa())  # E: not a class
    by_position = state(Qa, True)  # E: initial= and final= are named
    no_field = lookup(field="feature_branch")  # E: a look-up is named by its own name
    by_place = lookup(True)  # E: unique= is named
    nowhere = lookup()  # R: refused when the class is made: no payload has this field


class NoTypes(Machine):  # E: names no states and events
    pass


class OneType(Machine[PipelineState]):  # E: names no events
    pass


class WrongOrder(Machine[PipelineEvent, PipelineState]):  # E: events first
    pass


def same(body: dict[str, Any]) -> dict[str, Any]:
    return body


def upcasting() -> None:
    Pipeline.upcast("Merge", version="1")(same)  # E: versions are integers
    Pipeline.upcast("Merge", 1)(same)  # E: version= is named
    Pipeline.upcast("Merge", version=1, to="Merge")(same)  # E: to= is a class
    Pipeline.upcast("Merge", version=1)(len)  # E: not from a body to a body
    Pipeline.upcast("Mergee", version=1)(same)  # R: refused when it runs: no such class


print(Pipeline.gates_startd)  # E: misspelt move
print(Merge(BranchName("x"), Positive(1)).branch)  # E: misspelt field
