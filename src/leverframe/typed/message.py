"""What hooks return: a message, committed in the same transaction as the move that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from leverframe.errors import InvalidField, InvalidValue

__all__ = ["Message"]


@frozen
class Message:
    """Something for others to read once the move is committed.

    `topic` and `kind` are names of the sender's choosing; `correlation_id` ties messages about one matter together
    (empty: none).  None of the three may have a NUL in it, for not every store could keep that.  `body` holds what
    JSON can hold: strings, numbers, booleans, None, lists, dictionaries with string keys.

    >>> from leverframe import Message
    >>> Message("stories", "merged", correlation_id="story-7", body={"commits": 3})
    Message(topic='stories', kind='merged', correlation_id='story-7', body={'commits': 3})
    """

    topic: str
    kind: str
    correlation_id: str = ""
    body: Mapping[str, Any] = field(factory=dict[str, Any])

    def __attrs_post_init__(self) -> None:
        for name in ("topic", "kind", "correlation_id"):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise InvalidField("Message", name, "str", text)
            if "\0" in text:
                raise InvalidValue(f"Message.{name}", "be text without a NUL", text)
        if not isinstance(self.body, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise InvalidField("Message", "body", "dict", self.body)
