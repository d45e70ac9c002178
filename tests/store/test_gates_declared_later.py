"""Gates that a later version of the program declares otherwise: what was kept because of them follows."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from leverframe import (
    Event,
    Gates,
    Lease,
    LookupsChanged,
    Machine,
    OneAtATime,
    Payload,
    Prerequisites,
    Store,
    on,
    open_store,
    state,
)


@frozen
class Written(Payload): ...


@frozen
class Reviewed(Payload): ...


@frozen
class Merged(Payload): ...


@frozen
class Review(Event): ...


@frozen
class Merge(Event): ...


@frozen
class Reopen(Event): ...


def patch(met: type[Payload], *, reopens: bool = True) -> Any:
    """One version of the program: in which state a patch keeps others waiting no longer, and which states end it."""

    class Patch(Machine[Written | Reviewed | Merged, Review | Merge | Reopen]):
        written = state(Written, initial=True)
        reviewed = state(Reviewed)
        merged = state(Merged)

        @on
        def review(self, s: Written, e: Review) -> Reviewed:
            return Reviewed()

        @on
        def merge(self, s: Written, e: Merge) -> Merged:
            return Merged()

        @on(cond=lambda machine, s, e: False)
        def reopen_written(self, s: Written, e: Reopen) -> Written:
            return s

        if reopens:

            @on
            def reopen(self, s: Reviewed, e: Reopen) -> Written:
                return Written()

        prerequisites = Prerequisites(met=met)
        turn = OneAtATime(group=lambda key: "all")

    return Patch


def unmet(store: Store, machine: Any) -> list[Any]:
    return [(each.key, each.on) for each in store.dependencies(machine) if not each.met]


def three_that_wait(store: Store, machine: Any) -> None:
    """Three patches, each in a state of its own, and one that waits for all of them."""
    for key, event in (("written", None), ("reviewed", Review()), ("merged", Merge())):
        store.create(machine, key, Written())
        if event is not None:
            store.send(machine, key, event)
    store.create(machine, "last", Written())
    for key in ("written", "reviewed", "merged"):
        store.add_dependency(machine, "last", on=key)


def test_other_states_meet_it(shared_url: str) -> None:
    """Where other states meet what waits for them, dependencies that were declared before follow, both ways."""
    before, after = patch(Merged), patch(Reviewed)
    with open_store(shared_url) as store:
        three_that_wait(store, before)
        assert unmet(store, before) == [("last", "reviewed"), ("last", "written")]
    with open_store(shared_url) as store:
        assert unmet(store, after) == [("last", "merged"), ("last", "written")]
        store.send(after, "written", Review())
        assert unmet(store, after) == [("last", "merged")]


def test_of_every_tenant(shared_url: str) -> None:
    """Each tenant's dependencies follow its own instances."""
    before, after = patch(Merged), patch(Reviewed)
    with open_store(shared_url) as store:
        three_that_wait(store.scoped("ann"), before)
        three_that_wait(store.scoped("bob"), before)
        store.scoped("bob").send(before, "written", Review())
    with open_store(shared_url) as store:
        assert unmet(store.scoped("ann"), after) == [("last", "merged"), ("last", "written")]
        assert unmet(store.scoped("bob"), after) == [("last", "merged")]


def test_what_is_gone_stays(shared_url: str) -> None:
    """A dependency on what is not there any more stays as it was, met or not."""
    before, after = patch(Merged), patch(Reviewed)
    with open_store(shared_url) as store:
        three_that_wait(store, before)
        for key in ("reviewed", "merged"):
            store.delete(before, key)
    with open_store(shared_url) as store:
        assert unmet(store, after) == [("last", "reviewed"), ("last", "written")]


def test_older_programs_are_refused(shared_url: str) -> None:
    """A program that goes by other states is refused, and writes nothing."""
    before, after = patch(Merged), patch(Reviewed)
    with open_store(shared_url) as store, open_store(shared_url) as other:
        three_that_wait(store, before)
        assert len(unmet(other, after)) == 2
        with pytest.raises(LookupsChanged):
            store.send(before, "written", Merge())
        with pytest.raises(LookupsChanged):
            store.add_dependency(before, "written", on="merged")
        assert type(other.get(after, "written").state) is Written


def test_the_same_states(shared_url: str) -> None:
    """Where the same states meet it, and something else is declared, what was met stays met: it may be made anew."""
    before, after = patch(Merged), patch(Merged, reopens=False)
    with open_store(shared_url) as store:
        three_that_wait(store, before)
        store.delete(before, "merged")
    with open_store(shared_url) as store:
        store.create(before, "merged", Written())
        assert unmet(store, after) == [("last", "reviewed"), ("last", "written")]


# ---------------------------------------------------------------- turns


@frozen
class Free(Payload):
    patch: str


@frozen
class Taken(Payload):
    patch: str


@frozen
class Take(Event): ...


def job(subjects: Any) -> Any:
    class Job(Machine[Free | Taken, Take]):
        free = state(Free, initial=True)
        taken = state(Taken)

        @on
        def take(self, s: Free, e: Take) -> Taken:
            return Taken(s.patch)

        lease = Lease(claim=take, gates=Gates(subject=lambda s: s.patch, of=subjects))
        of = subjects

    return Job


@pytest.mark.parametrize(("reopens", "last"), [(False, "job-2"), (True, None)])
def test_a_turn_that_is_over(shared_url: str, reopens: bool, last: str | None) -> None:
    """The turn of what is in a state that takes no event by now is over; that of any other goes on."""
    before, after = job(patch(Merged)), job(patch(Reviewed, reopens=reopens))
    with open_store(shared_url) as store:
        for key in ("a", "b"):
            store.create(before.of, key, Written())
        for name, subject in (("job-1", "a"), ("job-2", "b")):
            store.create(before, name, Free(subject))
        assert [each.key for each in store.claim_many(before.lease, worker="w", limit=9)] == ["job-1"]
        store.send(before.of, "a", Review())
        assert store.claim(before.lease, worker="w") is None
    with open_store(shared_url) as store:
        held = store.claim(after.lease, worker="w")
        assert (None if held is None else held.key) == last
