"""The codec of one machine: what a store calls."""

from __future__ import annotations

from typing import Any, Generic, cast

from typing_extensions import TypeVar

from leverframe.errors import EncodeError
from leverframe.persistence.codec.explain import text_of
from leverframe.persistence.codec.family import Family
from leverframe.persistence.codec.json_text import write_plain
from leverframe.persistence.codec.scalars import Form
from leverframe.persistence.codec.versions import Versions
from leverframe.typed.machine import Machine
from leverframe.typed.payload import Event, Payload
from leverframe.wording import did_you_mean

__all__ = ["MachineCodec", "codec_of"]

S = TypeVar("S", bound=Payload)
E = TypeVar("E", bound=Event)


class MachineCodec(Generic[S, E]):
    """States and events of one machine as canonical JSON, and back; made by `codec_of`.

    Text reads as `{"body":{...},"type":"Merge"}`, with `"v"` where the class is past its first version.  What is
    written can be read back and is equal then; equal values give equal text.
    """

    def __init__(self, machine: Any) -> None:
        name, upcasters = machine.__name__, list(machine._upcasters.values())
        states, events = machine.leaves(), machine._structure.events
        self._upcasters_seen = len(upcasters)
        self._state_versions = Versions(name, states, upcasters)
        self.states: Family[S] = Family(name, "state", states, self._state_versions)
        self._event_versions = Versions(name, events, upcasters)
        self.events: Family[E] = Family(name, "event", events, self._event_versions)

    def encode_state(self, state: S) -> str:
        """A state as text.  Raises `EncodeError` for a value that would not be read back.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).encode_state(Merge(BranchName("fix"), Positive(3)))
        '{"body":{"commits_ahead":3,"feature_branch":"fix"},"type":"Merge"}'
        """
        return self.states.encode(state)

    def decode_state(self, text: str) -> S:
        """The state that a text says; older bodies go through the upcasters.  Raises `DecodeError`.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).decode_state('{"body":{"commits_ahead":0},"type":"Merge"}')
        Traceback (most recent call last):
        leverframe.errors.DecodeError: feature_branch: missing; \
commits_ahead: Positive must be an integer of at least 1, got 0
        """
        return self.states.decode(text)

    def encode_event(self, event: E) -> str:
        """An event as text.  Raises `EncodeError`.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).encode_event(DepsMet())
        '{"body":{},"type":"DepsMet"}'
        """
        return self.events.encode(event)

    def decode_event(self, text: str) -> E:
        """The event that a text says.  Raises `DecodeError`.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).decode_event('{"body":{"reason":"waiting"},"type":"Block"}')
        Block(reason='waiting')
        """
        return self.events.decode(text)

    def parse_state(self, raw: object) -> S:
        """The state that an object says: as `parse_event`.  Raises `DecodeError`.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).parse_state({"type": "Qa"})
        Qa()
        """
        return self.states.parse(raw)

    def parse_event(self, raw: object) -> E:
        """The event that an object says, as in a log or on a command line: its fields beside `type`, or in a `body`.

        A class with a field called `type`, `v` or `body` takes the second form only.  An object without `v` is of
        version 1.  Raises `DecodeError`.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).parse_event({"type": "QaSkipped", "feature_branch": "fix", "commits_ahead": 1})
        QaSkipped(feature_branch='fix', commits_ahead=1)
        >>> codec_of(Pipeline).parse_event({"type": "QaSkiped"})
        Traceback (most recent call last):
        leverframe.errors.DecodeError: unknown type 'QaSkiped'; did you mean 'QaSkipped'?
        """
        return self.events.parse(raw)

    def encode_field(self, name: str, value: object) -> str:
        """One value of a states' field as text: what look-ups compare.

        The value is one that a payload has, or what stands for it in JSON: a plain string for a refined one.  Raises
        `EncodeError` if no state could have it there.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec = codec_of(Pipeline)
        >>> codec.encode_field("feature_branch", "fix") == codec.encode_field("feature_branch", BranchName("fix"))
        True
        """
        forms = self.states.field_forms(name)
        if not forms:
            raise EncodeError(name, f"no state has this field{did_you_mean(name, self.states.field_names())}")
        problems: list[str] = []
        for convert in (_write, _read_and_write):
            for form in forms:
                try:
                    return write_plain(convert(form, value))
                except Exception as error:  # another state's field may take it
                    problems.append(text_of(error))
        # What is no JSON was meant as the value itself.
        meant = problems[len(forms) :] if isinstance(value, _JSON) else problems[: len(forms)]
        raise EncodeError(name, "; or ".join(dict.fromkeys(meant)))

    def current_state(self, type_name: str) -> type[S] | None:
        """The state class that bears this name today, or that became of the one which bore it; None if there is none.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).current_state("Merge").__name__
        'Merge'
        """
        return cast("type[S] | None", self._state_versions.class_named(type_name))

    def current_event(self, type_name: str) -> type[E] | None:
        """The event class that bears this name today, or that became of the one which bore it; None if there is none.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).current_event("DepsMet").__name__
        'DepsMet'
        """
        return cast("type[E] | None", self._event_versions.class_named(type_name))

    def state_version(self, state: type[S]) -> int:
        """The version in which bodies of a state class are written today.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).state_version(Merge)
        1
        """
        return self._state_versions.current(state.__name__)

    def event_version(self, event: type[E]) -> int:
        """The same of an event class.

        >>> from leverframe.persistence.codec import codec_of
        >>> from leverframe.machines.pipeline import *
        >>> codec_of(Pipeline).event_version(DepsMet)
        1
        """
        return self._event_versions.current(event.__name__)


_JSON = (str, int, float, list, dict, type(None))


def _write(form: Form, value: object) -> Any:
    return form.write(value)


def _read_and_write(form: Form, value: object) -> Any:
    return form.write(form.read(value, None))


def codec_of(machine: type[Machine[S, E]]) -> MachineCodec[S, E]:
    """The codec of a machine: always the same one, until an upcaster is declared.

    Raises `MachineDefinitionError` for a field that cannot be stored and read back the same.

    >>> from leverframe.persistence.codec import codec_of
    >>> from leverframe.machines import Pipeline
    >>> codec_of(Pipeline) is codec_of(Pipeline)
    True
    """
    # Kept on the class, so that it goes when the class goes.
    codec: MachineCodec[S, E] | None = vars(machine).get("_codec")
    if codec is None or codec._upcasters_seen != len(machine._upcasters):  # pyright: ignore[reportPrivateUsage]  # the package's own
        codec = MachineCodec(machine)
        type.__setattr__(machine, "_codec", codec)
    return codec
