"""Bodies of older code: the road through upcasters to today's classes, and what stands in its way."""

from typing import Any

import pytest
from attrs import frozen

from leverframe import DecodeError, Event, Machine, MachineDefinitionError, NonEmpty, Payload, Positive, on, state
from leverframe.persistence.codec import MachineCodec, codec_of

Body = dict[str, Any]


@frozen
class Open(Payload): ...


@frozen
class Merge(Payload):
    branch: NonEmpty
    ahead: Positive


@frozen
class Ready(Event):
    branch: NonEmpty


Codec = MachineCodec[Open | Merge, Ready]


def story() -> Any:
    """A machine of its own for each test: upcasters stay with their class."""

    class Story(Machine[Open | Merge, Ready]):
        opened = state(Open, initial=True)
        merge = state(Merge)

        @on
        def ready(self, s: Open, e: Ready) -> Merge:
            return Merge(e.branch, Positive(1))

    return Story


MERGE = Merge(NonEmpty("x"), Positive(2))


def add_ahead(body: Body) -> Body:
    return {**body, "ahead": 2}


def forget(body: Body) -> Body:
    del body
    return {}


def spoil(body: Body) -> Body:
    del body
    return {"branch": 3, "extra": 1}


def lose(body: Body) -> None:
    del body


def rename_branch(body: Body) -> Body:
    body["branch"] = body.pop("feature")
    return body


def problems_of(codec: Any, raw: object) -> tuple[tuple[str, str], ...]:
    with pytest.raises(DecodeError) as caught:
        codec.parse_state(raw)
    return caught.value.problems


# ---------------------------------------------------------------- writing


def test_the_first_version_is_not_written() -> None:
    """A class that no upcaster leads to is written without a version."""
    assert codec_of(story()).encode_state(MERGE) == '{"body":{"ahead":2,"branch":"x"},"type":"Merge"}'


def test_an_upcaster_makes_the_next_version() -> None:
    """What is written carries the version that the upcasters lead to."""
    machine = story()
    machine.upcast("Merge", version=1)(add_ahead)
    codec = codec_of(machine)
    assert codec.encode_state(MERGE) == '{"body":{"ahead":2,"branch":"x"},"type":"Merge","v":2}'
    assert codec.decode_state(codec.encode_state(MERGE)) == MERGE


def test_a_class_without_fields_has_versions_too() -> None:
    """An empty body of a later version carries it."""
    machine = story()
    machine.upcast("Open", version=1)(forget)
    codec = codec_of(machine)
    assert codec.encode_state(Open()) == '{"body":{},"type":"Open","v":2}'
    assert codec.decode_state('{"body":{"since":1},"type":"Open"}') == Open()


def test_versions_may_be_left_out() -> None:
    """The version is the highest one that an upcaster leads to."""
    machine = story()
    machine.upcast("Merge", version=1, to_version=5)(add_ahead)
    assert codec_of(machine).encode_state(MERGE).endswith(',"type":"Merge","v":5}')


def test_declaring_an_upcaster_makes_a_new_codec() -> None:
    """An upcaster counts from the next use on, however late it is declared."""
    machine = story()
    before = codec_of(machine)
    assert codec_of(machine) is before
    machine.upcast("Merge", version=1)(add_ahead)
    assert codec_of(machine) is not before
    assert codec_of(machine) is codec_of(machine)


# ---------------------------------------------------------------- reading


def test_upcasters_follow_one_another() -> None:
    """A body goes through every version between its own and today's."""
    machine = story()
    machine.upcast("Merge", version=1)(rename_branch)
    machine.upcast("Merge", version=2)(add_ahead)
    codec = codec_of(machine)
    assert codec.decode_state('{"body":{"feature":"x"},"type":"Merge"}') == MERGE
    assert codec.decode_state('{"body":{"branch":"x"},"type":"Merge","v":2}') == MERGE
    assert codec.decode_state('{"body":{"ahead":2,"branch":"x"},"type":"Merge","v":3}') == MERGE


def test_a_class_may_have_had_another_name() -> None:
    """An upcaster from a name of older code leads to today's class, and on from there."""
    machine = story()
    machine.upcast("MergeReady", version=1, to=Merge)(rename_branch)
    machine.upcast("Merge", version=1)(add_ahead)
    codec = codec_of(machine)
    assert codec.decode_state('{"body":{"feature":"x"},"type":"MergeReady"}') == MERGE
    assert codec.parse_state({"type": "MergeReady", "feature": "x"}) == MERGE


def test_events_have_versions_of_their_own() -> None:
    """An upcaster of an event changes nothing about the states."""
    machine = story()
    machine.upcast("Ready", version=1)(rename_branch)
    machine.upcast("MergeRequested", version=1, to=Ready, to_version=2)(rename_branch)
    codec = codec_of(machine)
    ready = Ready(NonEmpty("x"))
    assert codec.encode_event(ready) == '{"body":{"branch":"x"},"type":"Ready","v":2}'
    assert codec.parse_event({"type": "Ready", "feature": "x"}) == ready
    assert codec.parse_event({"type": "Ready", "v": 2, "branch": "x"}) == ready
    assert codec.parse_event({"type": "MergeRequested", "feature": "x"}) == ready
    assert codec.encode_state(MERGE) == '{"body":{"ahead":2,"branch":"x"},"type":"Merge"}'


def test_an_upcaster_gets_a_copy() -> None:
    """An upcaster may change the dictionary it gets: the caller's stays as it was."""
    machine = story()

    def strip(body: Body) -> Body:
        body["names"].append("y")
        return {"branch": body.pop("names")[0], "ahead": 2}

    machine.upcast("Merge", version=1)(strip)
    raw = {"type": "Merge", "body": {"names": ["x"]}}
    assert codec_of(machine).parse_state(raw) == MERGE
    assert raw == {"type": "Merge", "body": {"names": ["x"]}}


# ---------------------------------------------------------------- faults


def test_a_body_of_a_newer_version_is_refused() -> None:
    """A program does not read what a newer one wrote."""
    machine = story()
    machine.upcast("Merge", version=1)(add_ahead)
    ((path, text),) = problems_of(codec_of(machine), {"type": "Merge", "v": 3, "branch": "x", "ahead": 2})
    assert path == ""
    assert text == (
        "Merge is written in version 3, and this program knows version 2: "
        "the program is older than the data; run a newer one"
    )


def test_a_version_that_nothing_leads_from_is_refused() -> None:
    """A gap between versions names the upcaster that is missing."""
    machine = story()
    machine.upcast("Merge", version=2)(add_ahead)
    ((_, text),) = problems_of(codec_of(machine), {"type": "Merge", "branch": "x"})
    assert text == ("no upcaster leads from Merge version 1 to 3; declare one with @Story.upcast('Merge', version=1)")


def test_another_version_of_an_older_name_is_refused() -> None:
    """A name of older code is known in the versions that upcasters lead from."""
    machine = story()
    machine.upcast("MergeReady", version=2, to=Merge)(add_ahead)
    ((_, text),) = problems_of(codec_of(machine), {"type": "MergeReady", "branch": "x"})
    assert text == "unknown type 'MergeReady'; upcasters lead from version 2"


def test_an_upcaster_that_fails_is_named() -> None:
    """The error says which upcaster raised what, and keeps what it raised."""
    machine = story()
    machine.upcast("Merge", version=1)(rename_branch)
    with pytest.raises(DecodeError) as caught:
        codec_of(machine).decode_state('{"body":{"fature":"x"},"type":"Merge","v":1}')
    assert caught.value.problems == (("", "upcaster rename_branch of Merge version 1 raised KeyError: 'feature'"),)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_body_of_today_without_its_version_gets_a_hint() -> None:
    """Who writes an event by hand in today's form is told to say so."""
    machine = story()
    machine.upcast("Merge", version=1)(rename_branch)
    ((_, text),) = problems_of(codec_of(machine), {"type": "Merge", "branch": "x", "ahead": 2})
    assert text.endswith('raised KeyError: \'feature\' (a body without "v" is of version 1; write "v": 2 for today\'s)')


def test_an_upcaster_must_return_a_dictionary() -> None:
    """What an upcaster returns is checked."""
    machine = story()
    machine.upcast("Merge", version=1)(lose)
    ((_, text),) = problems_of(codec_of(machine), {"type": "Merge"})
    assert text == "upcaster lose of Merge version 1 returned NoneType; it must return the new body, a dict"


def test_what_an_upcaster_returns_is_read_strictly() -> None:
    """A body made by an upcaster is no less checked than a stored one."""
    machine = story()
    machine.upcast("Merge", version=1)(spoil)
    assert problems_of(codec_of(machine), {"type": "Merge"}) == (
        ("branch", "must be a string, got int 3"),
        ("ahead", "missing"),
        ("extra", "unknown field; known: ahead, branch"),
    )


def test_upcasters_in_a_circle_are_refused() -> None:
    """A chain without an end is told when the codec is made."""
    machine = story()
    machine.upcast("Merge", version=1, to=Open)(add_ahead)
    machine.upcast("Open", version=1, to=Merge)(add_ahead)
    with pytest.raises(MachineDefinitionError, match="in a circle: Merge version 1 -> Open version 1"):
        codec_of(machine)


# ---------------------------------------------------------------- names of older code


def test_a_state_that_was_renamed_is_found() -> None:
    """A stored name leads to today's class, whatever the version."""
    machine = story()
    machine.upcast("Reviewed", version=1, to=Open)(add_ahead)
    machine.upcast("Reviewed", version=2, to=Merge)(add_ahead)
    machine.upcast("Submitted", version=1, to=Merge)(add_ahead)
    codec = codec_of(machine)
    assert codec.current_state("Merge") is Merge
    assert codec.current_state("Submitted") is Merge
    assert codec.current_state("Reviewed") is Merge
    assert codec.current_state("Nothing") is None
    assert codec.current_state("Ready") is None


def test_a_chain_of_names_is_followed() -> None:
    """A name that became another one, which became today's, leads there."""
    machine = story()
    machine.upcast("First", version=1, to=Open)(add_ahead)
    machine.upcast("Open", version=1, to=Merge)(add_ahead)
    codec = codec_of(machine)
    assert codec.current_state("First") is Merge
    assert codec.current_state("Open") is Open
