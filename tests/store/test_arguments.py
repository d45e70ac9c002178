"""What no type checker has seen: each wrong argument is one of our errors, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from chains import told_by
from parcels import Parcel, waiting

from leverframe import (
    InvalidQuery,
    InvalidTime,
    InvalidURL,
    LeverframeError,
    Send,
    Store,
    StoreUnreachable,
    UnknownState,
    open_store,
)
from leverframe.machines.pipeline import Backlog, DepsMet, Pipeline

HUGE = 2**70
HALF = "\ud800"
FAR = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))

Call = Callable[[Any], object]

WRONG: dict[str, Call] = {
    "huge limit": lambda s: s.find(Pipeline, limit=HUGE),
    "limit as text": lambda s: s.find(Pipeline, limit="3"),
    "limit as a fraction": lambda s: s.find(Pipeline, limit=1.5),
    "object as a state": lambda s: s.find(Pipeline, Backlog()),
    "number as a field": lambda s: s.find(Pipeline, where={5: 1}),
    "huge version": lambda s: s.at(Pipeline, "story-7", version=HUGE),
    "huge position": lambda s: s.messages(HUGE),
    "no position": lambda s: s.messages(None),
    "negative position": lambda s: s.messages(-1),
    "huge limit of messages": lambda s: s.messages(limit=HUGE),
    "half a character in a topic": lambda s: s.messages(topic=HALF),
    "half a character in a cursor": lambda s: s.cursor(HALF),
    "NUL in a topic": lambda s: s.messages(topic="a\0b"),
    "NUL in a cursor": lambda s: s.cursor("a\0b"),
    "NUL in a cursor to be kept": lambda s: s.save_cursor("a\0b", 1),
    "cursor without a name": lambda s: s.save_cursor("", 1),
    "huge cursor": lambda s: s.save_cursor("mailer", HUGE),
    "negative cursor": lambda s: s.save_cursor("mailer", -1),
    "cursor as text": lambda s: s.save_cursor("mailer", "1"),
    "empty delivery id": lambda s: s.send(Pipeline, "story-7", DepsMet(), delivery_id=""),
    "number as a delivery id": lambda s: s.send(Pipeline, "story-7", DepsMet(), delivery_id=7),
    "half a character in a delivery id": lambda s: s.send(Pipeline, "story-7", DepsMet(), delivery_id=HALF),
    "NUL in a delivery id": lambda s: s.send(Pipeline, "story-7", DepsMet(), delivery_id="a\0b"),
    "NUL in a delivery id of many": lambda s: s.send_many(Pipeline, [Send("story-7", DepsMet(), delivery_id="a\0b")]),
    "event as what is expected": lambda s: s.send(Pipeline, "story-7", DepsMet(), expect=DepsMet),
    "object as what is expected": lambda s: s.send(Pipeline, "story-7", DepsMet(), expect=Backlog()),
    "misspelt choice": lambda s: s.send(Pipeline, "story-7", DepsMet(), on_refused="rasie"),
    "misspelt choice of many": lambda s: s.send_many(Pipeline, [], on_refused="ignore"),
    "key alone": lambda s: s.send_many(Pipeline, ["story-7"]),
    "days as a number": lambda s: s.prune(deliveries=3),
}


@pytest.fixture
def filled(store: Store) -> Store:
    store.create(Pipeline, "story-7", Backlog())
    return store


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_wrong_argument(filled: Store, call: Call) -> None:
    """A wrong argument is refused as `InvalidQuery`, in one line, and nothing is changed."""
    with pytest.raises(InvalidQuery) as refusal:
        call(filled)
    assert "\n" not in str(refusal.value)
    assert filled.get(Pipeline, "story-7").version == 1
    assert filled.cursor("mailer") == 0


def test_class_in_place_of_an_object(filled: Store) -> None:
    """A class where a state belongs is refused."""
    with pytest.raises(UnknownState):
        filled.create(Pipeline, "story-8", Backlog)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the class is the point
    assert len(filled.find(Pipeline)) == 1


@pytest.mark.parametrize("time", [FAR, FAR.replace(microsecond=1)])
def test_time_out_of_range(filled: Store, time: datetime) -> None:
    """A time that UTC has no year for is refused, and nothing is changed."""
    with pytest.raises(InvalidTime):
        filled.create(Pipeline, "story-8", Backlog(), at=time)
    with pytest.raises(InvalidTime):
        filled.send(Pipeline, "story-7", DepsMet(), at=time)
    assert [found.version for found in filled.find(Pipeline)] == [1]


def test_span_out_of_range(filled: Store) -> None:
    """A span that reaches beyond all times is refused."""
    with pytest.raises(InvalidTime):
        filled.prune(deliveries=timedelta.max)


def test_refusal_names_the_key(filled: Store) -> None:
    """A refusal by a store says which instance refused, one of many too."""
    filled.send(Pipeline, "story-7", DepsMet())
    with pytest.raises(LeverframeError, match=r"Pipeline 'story-7' in active\.coding refuses DepsMet"):
        filled.send_many(Pipeline, [Send("story-7", DepsMet())])


SECRET = "hunter2"  # what no message may show

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@{NOBODY}/db",
        f"postgresql://{NOBODY}/db?password={SECRET}",
        f"postgresql://{NOBODY}/db?user=me&passfile={SECRET}&sslpassword={SECRET}",
        f"postgresql://{NOBODY}/db?dbname=postgresql://me:{SECRET}@host",
        f"postgresql://me:{SECRET}@{NOBODY}/db?schema=A",
        f"postgresql://me:{SECRET}@{NOBODY}:port/db",
        f"postgresql://me:{SECRET}%@{NOBODY}/db",
        f"postgresql://me:{SECRET}/x@{NOBODY}/db",
        f"postgresql://me:x/{SECRET}@{NOBODY}/db",
        f"postgresql://me:x#{SECRET}@{NOBODY}/db",
        f"postgresql://me:x?{SECRET}@{NOBODY}/db",
        f"postgresql://me:x@{SECRET}@{NOBODY}/db",
        f"postgresql://me:{SECRET}@[{NOBODY}/db",
        f"postgresql://{NOBODY}/db?password={SECRET}&sslmode",
        f"postgresql://{NOBODY}/db?password={SECRET}&password={SECRET}",
        f"postgresql://{NOBODY}/db?password=x@{SECRET}",
        f"postgresql:me:{SECRET}@{NOBODY}/db",
        f"postgresql:/me:{SECRET}@{NOBODY}/db",
        f"postgres:me:{SECRET}@{NOBODY}/db",
        f"Postgres://me:{SECRET}@{NOBODY}/db",
        f"sqlite://me:{SECRET}@host/x#y",
        f"sqlite://me:{SECRET}@host/x.db?timeout=1",
        f"sqlite:///x.db?password:{SECRET}",
        f"sqlite:///x.db?timeout=1&{SECRET}",
        f"mysql://{SECRET}@host",
    ],
)
def test_no_secret_in_a_message(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A password in a URL is in no message, in none of the errors behind it, and in no line of a log."""
    caplog.set_level("DEBUG")
    with pytest.raises((InvalidURL, StoreUnreachable)) as refusal:
        open_store(url)
    assert SECRET not in told_by(refusal.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("url", ["", "stories.db", "sqlit:///stories.db", None, 7])
def test_what_is_no_url(url: Any) -> None:
    """What is no URL is refused, with one that would be."""
    with pytest.raises(InvalidURL, match=r"sqlite:///stories\.db"):
        open_store(url)


def test_timeout_that_is_no_number() -> None:
    """A timeout that is no number is refused."""
    with pytest.raises(InvalidURL, match="no number of seconds"):
        open_store("sqlite://", timeout="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the text is the point


def test_states_of_the_parcel(store: Store) -> None:
    """A right call of the same verbs is answered."""
    store.create(Parcel, "p", waiting("A"))
    assert store.messages(0, topic="custody", limit=1)[0].at.tzinfo is UTC
