"""Who handles which message?  Named consumers of several workers, which acknowledge messages one by one.

A message that is handed out is in flight: nobody else is given it until it is acknowledged, reported as failed, or its
lease has run out.  `persistence/consumers.py` has the rows behind it.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from attrs import define, field, frozen, setters

from leverframe.coordination.back_off import BackOff
from leverframe.coordination.settling import MICROSECOND, Settling, check_lease
from leverframe.coordination.taking import Taken, Taking
from leverframe.errors import InvalidQuery, StoreFailure
from leverframe.persistence.arguments import check_integer, check_seconds, check_text
from leverframe.persistence.backend import Backend, Writer
from leverframe.persistence.binding import read_message
from leverframe.persistence.consumers import SetAsideRow
from leverframe.persistence.instants import from_microseconds, to_microseconds
from leverframe.persistence.records import StoredMessage
from leverframe.persistence.store import SnapshotStore
from leverframe.wording import show_value

__all__ = ["Consumer", "Consuming", "Delivered", "SetAside"]

INSIDE = "messages are taken in a transaction of their own; take them before it, and acknowledge them inside"

SHORTEST_SLEEP = 0.02
"""Seconds; what is due is passed over for as long as a transaction that acknowledges it is under way."""


class Consuming(SnapshotStore):
    """The verb of a store that gives consumers of its messages."""

    def consumer(
        self,
        name: str,
        topic: str | None = None,
        *,
        attempts: int = 5,
        lease: timedelta = timedelta(seconds=60),
        retry: BackOff | None = None,
        worker: str | None = None,
        after: int | str = 0,
    ) -> Consumer:
        """The consumer of this name, of the messages of one topic or of all; it costs nothing until it takes some.

        A message is its worker's for `lease`.  One that fails is handed out again after `retry`, `BackOff()` without
        it, and set aside once it was handed out so many `attempts`.  `worker` is who takes, as errors name it; host
        and process without it.  All of these may differ between workers, the topic may not.  A consumer that was not
        there begins behind `after`, a position or the name of a cursor.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     mailer = store.consumer("mailer", topic="mail")
        ...     for delivery in mailer.take(limit=10, wait=0.1):
        ...         delivery.acknowledge()
        """
        check_text("a consumer's name", name)
        if topic is not None:
            check_text("topic", topic)
        check_integer("attempts", attempts, at_least=1)
        check_lease(lease)
        back_off = check_back_off(retry)
        who = this_process() if worker is None else check_text("worker", worker)
        start = self._backend.read().cursor(check_text("a cursor's name", after)) if isinstance(after, str) else after
        check_integer("after", start, at_least=0)
        return Consumer(
            name, topic, attempts, lease, back_off, who, start, self._backend, self._now, self._microseconds
        )


@frozen
class SetAside:
    """A message that failed as often as it may: `error` is how it did the last time, and `at` when that was, in UTC.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     [(failed.message.key, failed.error) for failed in store.consumer("mailer").set_aside()]
    []
    """

    message: StoredMessage
    attempts: int
    error: str
    at: datetime


@define(eq=False, on_setattr=setters.frozen)
class Delivered:
    """A message in a worker's hands: until it is acknowledged, reported as failed, or handed to another one.

    Attributes: `message`; `attempt`, 1 when it is handed out for the first time; `token`, which is higher each time, so
    that whoever the work is done upon can refuse what comes late; `until`, when the lease runs out, in UTC, which
    `extend` puts off.

    >>> from leverframe import open_store
    >>> from leverframe.machines.pipeline import *
    >>> with open_store("sqlite://") as store:
    ...     for delivery in store.consumer("mailer").take():
    ...         with store.transaction():
    ...             _ = store.send(Pipeline, delivery.message.key, DepsMet())
    ...             delivery.acknowledge()
    """

    message: StoredMessage
    attempt: int
    token: int
    until: datetime = field(on_setattr=setters.NO_OP)
    _settling: Settling = field(repr=False)

    def extend(self, lease: timedelta | None = None) -> None:
        """It is this worker's for so long from now on, the consumer's `lease` without it: for work that takes longer.

        Behind the end of the lease too, unless somebody else was given the message by then.  Raises `LeaseLost` where
        somebody was, or where it was acknowledged or reported before; `InvalidQuery`; `StoreFailure` inside of
        `transaction()`.

        >>> from datetime import timedelta
        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     for delivery in store.consumer("mailer", lease=timedelta(seconds=30)).take():
        ...         for page in range(100):
        ...             delivery.extend()
        ...         delivery.acknowledge()
        """
        self.until = self._settling.extend(self.message, self.token, lease)

    def acknowledge(self) -> None:
        """It is done with: this consumer is never given it again.

        Inside of `store.transaction()` it is, if and only if all that is written there is committed.  It counts behind
        the end of the lease too, unless somebody else was given the message by then.  Raises `LeaseLost` where somebody
        was, or where it was acknowledged or reported before; nothing is written then.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     for delivery in store.consumer("mailer").take():
        ...         delivery.acknowledge()
        """
        self._settling.acknowledge(self.message, self.token)

    def fail(self, error: str | BaseException, *, retry_after: timedelta | None = None) -> None:
        """It could not be handled: it is handed out again later, or set aside if this was the last attempt.

        `error` says why, to whoever looks at what was set aside.  `retry_after`, what the other side has asked for, is
        the least that is waited, as far as the back-off's cap.  Raises `LeaseLost` as `acknowledge`; `InvalidQuery`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     for delivery in store.consumer("mailer").take():
        ...         delivery.fail("the mail server is down")
        """
        self._settling.fail(self.message, self.token, self.attempt, error, retry_after)


@frozen(eq=False, repr=False)
class Consumer:
    """A named consumer of messages, as one worker uses it.  Made by `store.consumer`; for any number of threads.

    However many workers take from consumers of one name, a message is in the hands of one of them.

    >>> from leverframe import open_store
    >>> with open_store("sqlite://") as store:
    ...     store.consumer("mailer", topic="mail")
    <consumer 'mailer' of topic 'mail'>
    """

    name: str
    topic: str | None
    attempts: int
    lease: timedelta
    retry: BackOff
    worker: str
    _after: int
    _backend: Backend
    _now: Callable[[], datetime]
    _microseconds: Callable[[], int | None]

    # ------------------------------------------------------------ taking

    def take(self, limit: int = 10, *, wait: float = 0) -> list[Delivered]:
        """At most `limit` messages, which are this worker's from now on: those that are due again, then new ones.

        New ones come in the order of their positions, those that are due again in that of their times.  Where there is
        none, it waits for the first of them, at most `wait` seconds.  Whoever stops in the midst of its work, and says
        nothing, loses its messages at the end of the lease, and that counts as a failure.

        Raises `InvalidQuery`; `StoreFailure` inside of `transaction()`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.consumer("mailer").take(limit=100)
        []
        """
        check_integer("limit", limit, at_least=1)
        check_seconds("wait", wait)
        if self._backend.is_joined():
            raise StoreFailure(self._backend.location, INSIDE)
        taken = self._take(limit)
        return taken if taken or not wait else self._take_patiently(limit, wait)

    def _take(self, limit: int) -> list[Delivered]:
        now, lasts = self._microseconds(), self.lease // MICROSECOND
        taking = Taking(self.name, self.topic, self._after, self.attempts, self.worker, now, lasts)
        who = (self.name, self.worker, self.attempts, self.retry, self.lease)
        settling = Settling(self._backend, self._microseconds, *who)
        return [delivered(each, settling) for each in self._backend.commit(partial(taking.run, limit))]

    def _take_patiently(self, limit: int, seconds: float) -> list[Delivered]:
        deadline = time.monotonic() + seconds
        with self._backend.watch() as watch:
            while True:
                # Looking needs no transaction, which would keep others from writing.
                taken = self._take(limit) if self._has_any() else []
                left = deadline - time.monotonic()
                if taken or left <= 0:
                    return taken
                watch.sleep(min(left, self._until_due()))

    def _has_any(self) -> bool:
        reader = self._backend.read()
        known = reader.consumer(self.name)
        position = self._after if known is None else known.position
        return self._until_due() <= SHORTEST_SLEEP or bool(reader.messages(position, self.topic, 1))

    def _until_due(self) -> float:
        """Seconds until a message is due again."""
        due_at = self._backend.read().next_due(self.name)
        if due_at is None:
            return math.inf
        return max(SHORTEST_SLEEP, (due_at - to_microseconds(self._now())) * MICROSECOND.total_seconds())

    # ------------------------------------------------------------ failures

    def set_aside(self, limit: int = 100, *, after: int = 0) -> list[SetAside]:
        """At most `limit` messages that were set aside, behind position `after`, in order.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.consumer("mailer").set_aside()
        []
        """
        check_integer("limit", limit, at_least=1)
        check_integer("after", after, at_least=0)
        return [read_set_aside(row) for row in self._backend.read().set_aside(self.name, after, limit)]

    def replay(self, position: int | None = None, *, after: int | None = None) -> int:
        """Have messages handed out again, as if for the first time; how many.

        Without arguments it is all that was set aside.  `position` names one message, that was acknowledged or set
        aside; `after` all behind a position, as far as the consumer has come.  A message that is in a worker's hands
        is left there.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.consumer("mailer").replay()
        0
        """
        if position is not None and after is not None:
            raise InvalidQuery("", "give replay() either a position or after=")
        for name, value in (("position", position), ("after", after)):
            if value is not None:
                check_integer(name, value, at_least=0)
        return self._backend.commit(partial(self._replay, position, after, to_microseconds(self._now())))

    def _replay(self, position: int | None, after: int | None, now: int, writer: Writer) -> int:
        if position is None and after is None:
            return writer.replay_set_aside(self.name, now)
        # Who hands out messages at the same time is waited for.
        held = writer.hold_consumer(self.name, self.topic, self._after, now)
        if after is not None:
            return writer.rewind(self.name, held.topic, after, held.position, now)
        assert position is not None
        found = writer.messages(position - 1, held.topic, 1) if position <= held.position else []
        there = [row.position for row in found] == [position]
        return writer.replay_one(self.name, position, now) if there else 0

    def remove(self) -> None:
        """Forget the consumer and all that is in flight or set aside: no message is kept for it any longer.

        Whoever has a message of it loses the lease.  One of this name that takes later begins anew.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.consumer("mailer").remove()
        """
        self._backend.commit(lambda writer: writer.remove_consumer(self.name))

    def __repr__(self) -> str:
        return f"<consumer {self.name!r} of {'all topics' if self.topic is None else f'topic {self.topic!r}'}>"


# ---------------------------------------------------------------- what is given, and what is read


def delivered(taken: Taken, settling: Settling) -> Delivered:
    return Delivered(read_message(taken.message), taken.attempt, taken.token, from_microseconds(taken.until), settling)


def read_set_aside(row: SetAsideRow) -> SetAside:
    return SetAside(read_message(row.message), row.attempts, row.error, from_microseconds(row.at))


def this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def check_back_off(retry: object) -> BackOff:
    if retry is None:
        return BackOff()
    if not isinstance(retry, BackOff):
        raise InvalidQuery("", f"retry={show_value(retry)} is no BackOff; give BackOff(base=..., cap=...)")
    return retry
