"""Which messages is a worker given?  What is due again first, then what is new; all of it in one short transaction."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from leverframe.errors import InvalidQuery
from leverframe.persistence.backend import Writer
from leverframe.persistence.consumers import DueRow, Grasp
from leverframe.persistence.rows import MessageRow
from leverframe.wording import show_value

__all__ = ["Taken", "Taking"]

AT_ONCE = 500
"""Messages that a statement names."""


@frozen
class Taken:
    """A message that was handed out, for the how manieth time, under which token, and until when."""

    message: MessageRow
    attempt: int
    token: int
    until: int


@frozen
class Taking:
    """One call: for whom, and how long what it gives is theirs.  Times are microseconds; `now` None: the database's."""

    consumer: str
    topic: str | None
    after: int
    attempts: int
    worker: str
    now: int | None
    lease: int

    def run(self, limit: int, writer: Writer) -> list[Taken]:
        """At most `limit` messages.  Raises `InvalidQuery`."""
        held = writer.hold_consumer(self.consumer, self.topic, self.after, self.now)
        if held.topic != self.topic:
            raise InvalidQuery("", self._other_topic(held.topic))
        # Higher than any before, also than those of a consumer of this name that was removed.
        grasp = Grasp(self.worker, max(held.token + 1, held.clock), held.clock + self.lease)
        taken = self._due(limit, held.clock, grasp, writer)
        new, position = self._new(held.position, limit - len(taken), grasp, writer)
        if taken or position != held.position:
            writer.advance(self.consumer, position, grasp.token)
        return taken + new

    def _other_topic(self, topic: str | None) -> str:
        whose = f"consumer {self.consumer!r} was made for {'all topics' if topic is None else f'topic {topic!r}'}"
        return f"{whose}, not for topic={show_value(self.topic)}; give that, another name, or remove() it first"

    # ------------------------------------------------------------ once more

    def _due(self, limit: int, now: int, grasp: Grasp, writer: Writer) -> list[Taken]:
        taken: list[Taken] = []
        while (asked := min(AT_ONCE, limit - len(taken))) > 0:
            rows = writer.due(self.consumer, now, asked)
            taken += self._again(rows, now, grasp, writer)
            if len(rows) < asked:
                break
        return taken

    def _again(self, rows: Sequence[DueRow], now: int, grasp: Grasp, writer: Writer) -> list[Taken]:
        """Those that may be handed out again; none of the others is due from here on."""
        writer.drop(self.consumer, [row.position for row in rows if row.message is None])
        ended = [row.position for row in rows if row.message is not None and row.attempts >= self.attempts]
        writer.give_up(self.consumer, ended, now)
        again = [
            Taken(row.message, row.attempts + 1, grasp.token, grasp.until)
            for row in rows
            if row.message is not None and row.attempts < self.attempts
        ]
        writer.hand_out_again(self.consumer, [each.message.position for each in again], grasp)
        return again

    # ------------------------------------------------------------ for the first time

    def _new(self, position: int, limit: int, grasp: Grasp, writer: Writer) -> tuple[list[Taken], int]:
        """Messages behind a position, and the position up to which all are handed out."""
        taken: list[Taken] = []
        while (asked := min(AT_ONCE, limit - len(taken))) > 0:
            rows = writer.messages(position, self.topic, asked)
            if not rows:
                break
            # Behind a position that was set back are some that it has still; and any may be deleted at this moment.
            new = writer.hand_out(self.consumer, [row.position for row in rows], grasp)
            taken += [Taken(row, 1, grasp.token, grasp.until) for row in rows if row.position in new]
            position = rows[-1].position
        return taken, position
