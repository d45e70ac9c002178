"""How are messages read?  The verbs of a store for those who want to know what happened."""

from __future__ import annotations

import time
from collections.abc import Generator

from leverframe.persistence.arguments import check_integer, check_seconds, check_text
from leverframe.persistence.backend import Backend
from leverframe.persistence.binding import read_message
from leverframe.persistence.records import StoredMessage

__all__ = ["Listening"]


class Listening:
    """The verbs of a store that are about messages."""

    _backend: Backend

    def messages(
        self, after: int | str = 0, *, topic: str | None = None, limit: int = 100, wait: float = 0
    ) -> list[StoredMessage]:
        """Messages in order, none missed: at most `limit` of those behind `after`, of one topic or of all.

        `after` is a position, or the name of a cursor kept by `save_cursor`.  Where there are none yet, it waits for
        the first of them, at most `wait` seconds.  Raises `InvalidQuery`; inside of `transaction()` it may not wait.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     for message in store.messages("mailer", wait=0.1):
        ...         store.save_cursor("mailer", message.position)
        """
        check_integer("limit", limit, at_least=1)
        check_seconds("wait", wait)
        position = self.cursor(after) if isinstance(after, str) else after
        check_integer("after", position, at_least=0)
        if topic is not None:
            check_text("topic", topic)
        for _ in looks(self._backend, wait):
            rows = self._backend.read().messages(position, topic, limit)
            if rows:
                return [read_message(row) for row in rows]
        return []

    def cursor(self, name: str) -> int:
        """The position kept under this name; 0, before all messages, if there is none.  Raises `InvalidQuery`.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.cursor("mailer")
        0
        """
        return self._backend.read().cursor(check_text("a cursor's name", name))

    def save_cursor(self, name: str, position: int) -> None:
        """Keep a message's position durably under a name, for `messages(name)`; an earlier one reads again.

        Raises `InvalidQuery` for what is no position.

        >>> from leverframe import open_store
        >>> with open_store("sqlite://") as store:
        ...     store.save_cursor("mailer", 7)
        ...     store.cursor("mailer")
        7
        """
        check_text("a cursor's name", name)
        check_integer("position", position, at_least=0)
        self._backend.commit(lambda writer: writer.save_cursor(name, position))


def looks(backend: Backend, seconds: float) -> Generator[None]:
    """One at once, and then one each time that something may have changed, until so many seconds have passed."""
    deadline = time.monotonic() + seconds
    if seconds <= 0:
        yield
        return
    with backend.watch() as watch:
        yield
        while (left := deadline - time.monotonic()) > 0:
            watch.sleep(left)
            yield
