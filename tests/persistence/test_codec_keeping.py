"""What does a codec keep?  Itself, one for each machine, and nothing that it was given."""

from datetime import UTC, datetime
from typing import Any

from forms import Paper

from leverframe import Positive
from leverframe.machines.pipeline import Blocked, BranchName, Coding, Merge, Pipeline, Qa
from leverframe.persistence.codec import codec_of


def test_what_was_given_is_not_kept() -> None:
    """A state does not change with the object that it was read from."""
    raw: dict[str, Any] = {"type": "Form", "body": {"ages": {"a": 1}, "numbers": [1]}}
    read: Any = codec_of(Paper).parse_state(raw)
    raw["body"]["ages"]["a"] = 2
    raw["body"]["numbers"].append(2)
    assert (read.ages, read.numbers) == ({"a": 1}, [1])


def test_one_codec_a_machine() -> None:
    """Making a codec takes milliseconds, so it is made once."""
    assert codec_of(Pipeline) is codec_of(Pipeline)
    assert codec_of(Pipeline).encode_state(Merge(BranchName("x"), Positive(1)))
    assert codec_of(Pipeline).encode_state(Blocked(datetime(2024, 1, 2, tzinfo=UTC), "x"))


def test_a_class_without_fields_has_one_text() -> None:
    """A state without fields is written as an empty body."""
    codec = codec_of(Pipeline)
    for _ in range(2):
        assert codec.encode_state(Qa()) == '{"body":{},"type":"Qa"}'
        assert codec.decode_state('{"body":{},"type":"Qa"}') == Qa()


def test_other_spellings_of_it_are_read_and_not_kept() -> None:
    """Texts that differ in space are the same state, and the codec does not grow with them."""
    codec = codec_of(Pipeline)
    for spaces in range(5):
        text = '{"body":{},"type":' + " " * spaces + '"Coding"}'
        assert codec.decode_state(text) == Coding()
    kept: Any = codec
    assert sum("Coding" in text for text in kept.states._values) == 1
