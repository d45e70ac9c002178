"""The commands that change one instance: what they take, what they print, and who is said to have done it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from leverframe import Store, open_store
from leverframe.cli import operate
from leverframe.machines.pipeline import Pipeline
from leverframe.machines.run import Pending, ProjectId, Run

Run_ = Callable[..., Result]
RunJSON = Callable[..., Any]

FAILED = json.dumps(
    {
        "project_id": "shop",
        "created_at": "2026-01-01T00:00:00Z",
        "started_at": "2026-01-01T00:00:00Z",
        "completed_at": "2026-01-01T00:00:00Z",
        "attempt_count": 1,
        "error_code": "E-1",
        "error_detail": "lost",
    }
)

RUN = ("run-1", "pending", "project_id=shop", "created_at=2026-01-01T00:00:00Z")


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody called anna has logged in."""
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    for name in ("LEVERFRAME_BY", "LEVERFRAME_TENANT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def story(run: Run_) -> None:
    """A story in backlog."""
    assert run("create", "pipeline", "story-7", "active.backlog").exit_code == 0


def last(run_json: RunJSON, *where: str) -> dict[str, Any]:
    found: dict[str, Any] = run_json("history", *where)[-1]
    return found


def error(result: Result, status: int) -> str:
    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.splitlines()) == 1
    return str(result.stderr).removeprefix("Error: ").rstrip("\n")


# ---------------------------------------------------------------- create


def test_create(run: Run_, run_json: RunJSON) -> None:
    """An instance is created in the state of a path, in a database that is made, and its line is printed."""
    result = run("create", "pipeline", "story-7", "active.merge", "feature_branch=fix", "commits_ahead=3")
    assert result.stdout == "story-7  -  active.merge  1\n"
    found = run_json("show", "pipeline", "story-7")
    assert (found["state"], found["fields"]) == ("active.merge", {"commits_ahead": 3, "feature_branch": "fix"})
    assert (found["by"], found["why"]) == ("anna", None)


def test_create_by_the_name_of_a_class(run: Run_) -> None:
    """A state may be named by its class."""
    assert run("create", "pipeline", "story-7", "Qa").stdout == "story-7  -  active.qa  1\n"


def test_create_with_a_key_of_several_parts(run: Run_, run_json: RunJSON) -> None:
    """All words before the state are parts of the key, those with a = in them too."""
    assert run("create", "execution", "story=7", "node 1", "idle").stdout == "story=7 'node 1'  -  idle  1\n"
    assert run_json("ls", "execution")[0]["key"] == ["story=7", "node 1"]


@pytest.mark.usefixtures("story")
def test_create_again(run: Run_) -> None:
    """A key that is taken is told, with status 1."""
    told = error(run("create", "pipeline", "story-7", "Backlog"), 1)
    assert told.startswith("Pipeline 'story-7' exists already")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("story-7", "active.merg"), "Pipeline has no state 'active.merg'; did you mean 'active.merge'?"),
        (("story-7", "Merg"), "Pipeline has no state 'Merg'; did you mean 'Merge'?"),
        (("story-7", "merge"), "Pipeline has no state 'merge'; did you mean 'active.merge'?"),
        (("story-7", "merge_failed"), "Pipeline has no state 'merge_failed'; did you mean 'archived.merge_failed'?"),
        (("story-7", "archived"), "archived is a superstate of Pipeline; give one of archived.completed, "),
        (
            ("story-7", "Merge"),
            "Merge: feature_branch (BranchName): missing; commits_ahead (Positive): missing; "
            "give feature_branch=... commits_ahead=...",
        ),
    ],
)
def test_no_such_state(run: Run_, folder: Path, words: tuple[str, ...], told: str) -> None:
    """A state that is none is told with the nearest, and no database is made."""
    assert error(run("create", "pipeline", *words), 2).startswith(told)
    assert not (folder / "leverframe.db").exists()


# ---------------------------------------------------------------- send


@pytest.mark.usefixtures("story")
def test_send(run: Run_, run_json: RunJSON) -> None:
    """An event is sent, what it did is printed, and the journal has who and why."""
    result = run("send", "pipeline", "story-7", "Block", "reason=a=b c", "--why", "the customer asked", "--by", "bob")
    assert result.stdout == "story-7  active.backlog  archived.blocked  2\n"
    line = last(run_json, "pipeline", "story-7")
    assert line["event"] == {"type": "Block", "reason": "a=b c"}
    assert (line["by"], line["why"]) == ("bob", "the customer asked")


@pytest.mark.usefixtures("story")
def test_send_as_json(run_json: RunJSON) -> None:
    """With --json there is an object of all that is known."""
    found = run_json("send", "pipeline", "story-7", "DepsMet", "--why", "ready")
    assert found == {
        "key": "story-7",
        "from": "active.backlog",
        "to": "active.coding",
        "version": 2,
        "seq": 2,
        "by": "anna",
        "why": "ready",
        "fields": {},
    }


@pytest.mark.usefixtures("story")
def test_the_name_may_come_from_the_environment(run: Run_, run_json: RunJSON, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEVERFRAME_BY says who; --by goes before it."""
    monkeypatch.setenv("LEVERFRAME_BY", "deploy-bot")
    run("send", "pipeline", "story-7", "DepsMet")
    assert last(run_json, "pipeline", "story-7")["by"] == "deploy-bot"
    run("send", "pipeline", "story-7", "GatesStarted", "--by", "anna")
    assert last(run_json, "pipeline", "story-7")["by"] == "anna"


@pytest.mark.usefixtures("story")
def test_nobody_is_logged_in(run: Run_, run_json: RunJSON, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows no name, one has to be said."""

    def unknown() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert error(run("send", "pipeline", "story-7", "DepsMet"), 2) == "nobody knows who you are; say it with --by"
    assert run("send", "pipeline", "story-7", "DepsMet", "--by", "anna").exit_code == 0
    assert last(run_json, "pipeline", "story-7")["by"] == "anna"


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            ("story-7", "DepsMett"),
            2,
            "Pipeline has no event 'DepsMett'; did you mean 'DepsMet'?; accepted in active.backlog: DepsMet, Block, "
            "ReviewHold, Abandon, Supersede",
        ),
        (("story-7", "Unblock"), 1, "Pipeline 'story-7' in active.backlog refuses Unblock: no move takes it there; "),
        (("story-9", "DepsMet"), 1, "there is no Pipeline story-9 in sqlite:///leverframe.db; `leverframe ls` lists"),
        (("story-9", "DepsMett"), 1, "there is no Pipeline story-9 in sqlite:///leverframe.db; `leverframe ls` lists"),
        (("story-7", "Abandon", "--expect", "active.qa"), 1, "Pipeline 'story-7' is in active.backlog, expected Qa"),
        (("story-7", "DepsMet", "--expect", "active.q"), 2, "Pipeline has no state 'active.q'; "),
        (("story-7", "DepsMet", "--expect", "Qa"), 2, "Pipeline has no state 'Qa'; did you mean 'active.qa'?"),
        (("story-7", "DepsMet", "--why", ""), 2, "why '' is no text"),
        (("story-7", "Block"), 2, "Block: reason (str): missing"),
        (("story-7", "Block", "reason=x", "size=3"), 2, "Block: size: unknown field"),
        (("story-7", "Block", "reason=x", "reason=y"), 2, "reason is given 2 times, and takes one value"),
        (("story-7", "Block", "reason:=x"), 2, "reason:=x: no JSON"),
        (("story-7", "Block", "reason=x", 'reason:="y"'), 2, "reason is given twice"),
        (("story-7", "Block", "reason=x", "--body", "{}"), 2, "reason=x is given beside --body"),
        (("story-7", "Block", "--body", "[1]"), 2, "--body [1]: is no JSON object of fields"),
        (("story-7", "Block", "--body", "{"), 2, "--body={: no JSON"),
    ],
)
def test_what_cannot_be_sent(run: Run_, run_json: RunJSON, words: tuple[str, ...], status: int, told: str) -> None:
    """Unknown, refused, or not what its fields take: one line that says why and what there is; nothing is written."""
    assert error(run("send", "pipeline", *words), status).startswith(told)
    assert run_json("show", "pipeline", "story-7")["version"] == 1


def test_send_without_an_event(run: Run_) -> None:
    """One word is not enough: usage, with status 2."""
    result = run("send", "pipeline", "DepsMet")
    assert result.exit_code == 2
    assert "Missing argument 'KEY' or 'EVENT'" in result.stderr


def test_no_database(run: Run_, folder: Path) -> None:
    """Only `create` makes a database."""
    for words in (("send", "pipeline", "a", "DepsMet"), ("set-state", "pipeline", "a", "Qa", "--why", "x"), ("top",)):
        assert "No such file" in error(run(*words), 2)
    assert list(folder.iterdir()) == []


# ---------------------------------------------------------------- fields

FORMS = """
from __future__ import annotations
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID
from attrs import frozen
from leverframe import Event, Machine, Payload, Positive, on, state

class Colour(Enum):
    RED = "red"

@frozen
class Place:
    x: int
    y: int

@frozen
class Start(Payload): ...

@frozen
class Full(Payload):
    text: str = ""
    whole: Positive = Positive(1)
    number: float = 0.0
    yes: bool = False
    money: Decimal = Decimal(0)
    day: date | None = None
    time: datetime | None = None
    wait: timedelta = timedelta()
    id: UUID | None = None
    colour: Colour | None = None
    level: Literal[1, 2] = 1
    many: tuple[str, ...] = ()
    numbers: list[int] | None = None
    pair: tuple[str, int] | None = None
    place: Place | None = None
    note: str | None = None
    body: str = ""

@frozen
class Go(Event): ...

class Form(Machine[Start | Full, Go]):
    start_ = state(Start, initial=True)
    full = state(Full)

    @on
    def go(self, s: Start | Full, e: Go) -> Start | Full:
        return Full()
"""


@pytest.fixture
def made(run: Run_, run_json: RunJSON, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Creates an instance with these fields; what is stored of them."""
    (folder / "forms_of_fields.py").write_text(FORMS)
    monkeypatch.syspath_prepend(str(folder))  # pyright: ignore[reportUnknownMemberType]  # pytest's own

    def made(*fields: str) -> Any:
        result = run("create", "forms_of_fields:Form", "a", "full", *fields)
        if result.exit_code:
            return result.stderr.removeprefix("Error: ").rstrip("\n")
        return run_json("show", "forms_of_fields:Form", "a")["fields"]

    return made


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        (["text=12"], {"text": "12"}),
        (["text="], {"text": ""}),
        (["text=null"], {"text": "null"}),
        (["whole=7"], {"whole": 7}),
        (["number=1.5"], {"number": 1.5}),
        (["number=2"], {"number": 2.0}),
        (["yes=true"], {"yes": True}),
        (["money=12.50"], {"money": "12.5"}),
        (["day=2026-01-02"], {"day": "2026-01-02"}),
        (["time=2026-01-02T03:04:05Z"], {"time": "2026-01-02T03:04:05+00:00"}),
        (["wait=90s"], {"wait": "PT90S"}),
        (["wait=2h"], {"wait": "PT7200S"}),
        (["wait=PT1M"], {"wait": "PT60S"}),
        (["id=12345678-1234-5678-1234-567812345678"], {"id": "12345678-1234-5678-1234-567812345678"}),
        (["colour=red"], {"colour": "red"}),
        (["level=2"], {"level": 2}),
        (["many=a"], {"many": ["a"]}),
        (["many=a", "many=b,c"], {"many": ["a", "b,c"]}),
        (['many=["a", "b"]'], {"many": ["a", "b"]}),
        (["many:=[]"], {"many": []}),
        (["numbers=1", "numbers=2"], {"numbers": [1, 2]}),
        (["pair=a", "pair=2"], {"pair": ["a", 2]}),
        (['place={"x": 1, "y": 2}'], {"place": {"x": 1, "y": 2}}),
        (['place:={"x": 1, "y": 2}'], {"place": {"x": 1, "y": 2}}),
        (["note=90s"], {"note": "90s"}),
        (["note:=null"], {"note": None}),
        (["body=a field that is called so"], {"body": "a field that is called so"}),
        (["--body", '{"text": "a", "level": 2}'], {"text": "a", "level": 2}),
    ],
)
def test_a_field_is_read_as_its_type_says(made: Callable[..., Any], fields: list[str], stored: dict[str, Any]) -> None:
    """Text, numbers, times, spans, lists and objects are each written in the plainest way."""
    found = made(*fields)
    assert {name: found[name] for name in stored} == stored


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["whole=0"], "Full: whole (Positive): Positive must be an integer of at least 1, got 0"),
        (["whole=x"], "Full: whole (Positive): must be an integer, got str 'x'"),
        (["whole="], "Full: whole (Positive): must be an integer, got str ''"),
        (["yes=yes"], "Full: yes (bool): must be a boolean, got str 'yes'"),
        (["time=2026-01-02T03:04:05"], "Full: time (datetime | None): '2026-01-02T03:04:05' has no zone, so it names "
         "no moment; write one like '2024-01-02T03:04:05+00:00'"),
        (["wait=soon"], "Full: wait (timedelta): must be a duration like 'PT90.5S', got str 'soon'"),
        (["colour=blue"], "Full: colour (Colour | None): must be one of 'red', got str 'blue'"),
        (["numbers=1", "numbers=x"], "Full: numbers[1] (list[int] | None): must be an integer, got str 'x'"),
        (["pair=a"], "Full: pair (tuple[str, int] | None): must have 2 items, got 1"),
        (["place:={\"x\": 1}"], "Full: place.y (Place | None): missing"),
        (["txt=a"], "Full: txt: unknown field; did you mean 'text'?"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit(made: Callable[..., Any], fields: list[str], told: str) -> None:
    """The error names the field, its type, and what was given."""
    assert made(*fields) == told


# ---------------------------------------------------------------- set-state


@pytest.mark.usefixtures("story")
def test_set_state(run: Run_, run_json: RunJSON) -> None:
    """A state is set without an event; the journal tells it from a move, and has the reason."""
    result = run("set-state", "pipeline", "story-7", "active.qa", "--why", "the gates ran elsewhere")
    assert result.stdout == "story-7  active.backlog  active.qa  2\n"
    line = last(run_json, "pipeline", "story-7")
    assert (line["event"], line["repaired"], line["by"]) == (None, True, "anna")
    plain = run("history", "pipeline", "story-7").stdout.splitlines()[-1]
    assert plain.endswith("active.backlog  (set by hand)  active.qa       anna  the gates ran elsewhere")
    assert run("set-state", "pipeline", "story-7", "active.qa", "--why", "once more").exit_code == 0
    assert "(set by hand)" in run("history", "pipeline", "story-7").stdout.splitlines()[-1]


@pytest.mark.usefixtures("story")
def test_set_state_has_to_have_a_reason(run: Run_, run_json: RunJSON) -> None:
    """Without --why it is no usage, and nothing is written."""
    result = run("set-state", "pipeline", "story-7", "active.qa")
    assert result.exit_code == 2
    assert "Missing option '--why'" in result.stderr
    assert "why ' ' is blank" in error(run("set-state", "pipeline", "story-7", "active.qa", "--why", " "), 2)
    told = error(run("set-state", "pipeline", "story-7", "Qa", "--why", "x", "--expect", "archived"), 1)
    assert told.startswith("Pipeline 'story-7' is in active.backlog, expected Archived")
    assert run_json("show", "pipeline", "story-7")["version"] == 1


@pytest.mark.usefixtures("story")
def test_set_state_mends_what_cannot_be_read(run: Run_, damage: Callable[[str], None], run_json: RunJSON) -> None:
    """A row that no code reads is set anew."""
    damage("story-7")
    assert run("show", "pipeline", "story-7").exit_code == 1
    assert run("set-state", "pipeline", "story-7", "Backlog", "--why", "damaged").exit_code == 0
    assert run_json("show", "pipeline", "story-7")["state"] == "active.backlog"


# ---------------------------------------------------------------- leases


@pytest.fixture
def runs(opened: Callable[[], Store], run: Run_) -> None:
    """A run that builder-1 has."""
    assert run("create", "run", *RUN).exit_code == 0
    with opened() as store:
        assert store.claim(Run.lease, worker="builder-1") is not None


@pytest.mark.usefixtures("runs")
def test_release(run: Run_, run_json: RunJSON) -> None:
    """A lease is ended now, by the move of one that has run out; a second time there is none."""
    result = run("release", "run", "run-1", "--why", "builder-1 hangs")
    assert result.stdout == "run-1  running  pending  3\n"
    line = last(run_json, "run", "run-1")
    assert (line["event"]["type"], line["by"], line["why"]) == ("LeaseExpired", "anna", "builder-1 hangs")
    told = error(run("release", "run", "run-1"), 1)
    assert told == "nobody has a lease on Run run-1, which is in pending; `leverframe top` shows who has one"


@pytest.mark.usefixtures("runs")
def test_what_its_owner_alone_may_send(run: Run_, run_json: RunJSON) -> None:
    """A move that is the lease's owner's own is refused to an operator, with status 1."""
    told = error(run("send", "run", "run-1", "Succeeded"), 1)
    assert told == (
        "Run 'run-1' in running takes Succeeded only from whoever has its lease; "
        "`leverframe release` ends that, `leverframe set-state` overrides it"
    )
    told = error(run("send", "run", "run-1", "LeaseExpired"), 1)
    assert told == (
        "Run 'run-1' in running takes LeaseExpired from the store alone, when it gives a lease or one is over; "
        "`leverframe work` claims it, `leverframe release` ends its lease"
    )
    assert run_json("show", "run", "run-1")["version"] == 2


@pytest.mark.usefixtures("story")
def test_a_machine_without_a_lease(run: Run_) -> None:
    """What nobody claims is neither released nor requeued."""
    for command in ("release", "requeue"):
        told = error(run(command, "pipeline", "story-7"), 2)
        assert told == "Pipeline declares no lease, so that nobody claims its instances"


def test_requeue_of_what_waits(run: Run_, run_json: RunJSON, opened: Callable[[], Store]) -> None:
    """What waits is put first, by its priority."""
    run("create", "run", *RUN)
    with opened() as store:
        store.create(Run, "run-0", Pending(project_id=ProjectId("shop"), created_at=store.get(Run, "run-1").created_at))
    assert run("requeue", "run", "run-1", "--priority", "3", "--why", "urgent").stdout == "run-1  pending  pending  2\n"
    assert last(run_json, "run", "run-1")["repaired"] is True
    plain = run("history", "run", "run-1").stdout.splitlines()[-1]
    assert " ".join(plain.split()[3:]).startswith("pending (requeued) pending")
    with opened() as store:
        held = store.claim(Run.lease, worker="w")
        assert held is not None
        assert held.key == "run-1"


TICKETS = (Path(__file__).parent.parent / "support" / "bug_tickets.py").read_text(encoding="utf-8")


@pytest.fixture
def tickets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine with several ways back."""
    (folder / "tickets_here.py").write_text(TICKETS)
    monkeypatch.syspath_prepend(str(folder))  # pyright: ignore[reportUnknownMemberType]  # pytest's own
    return "tickets_here:Ticket"


def test_requeue_by_the_only_event(run: Run_, run_json: RunJSON, tickets: str) -> None:
    """Without fields the one event is sent that needs none; with fields the one that can be made of them."""
    run("create", tickets, "a", "failed", "label=a", "reason=x")
    assert run("requeue", tickets, "a").stdout == "a  failed  waiting  2\n"
    assert last(run_json, tickets, "a")["event"]["type"] == "Retried"
    run("create", tickets, "b", "failed", "label=b", "reason=x")
    assert run("requeue", tickets, "b", "urgency=4").stdout == "b  failed  waiting  2\n"
    assert last(run_json, tickets, "b")["event"] == {"type": "Reopened", "urgency": 4}


def test_requeue_by_a_named_event(run: Run_, run_json: RunJSON, tickets: str) -> None:
    """--event names the one that is meant."""
    run("create", tickets, "a", "stuck", "label=a")
    assert run("requeue", tickets, "a", "label=b", "--event", "Loosened").stdout == "a  stuck  waiting  2\n"
    assert run_json("show", tickets, "a")["fields"]["label"] == "b"
    told = error(run("requeue", tickets, "a", "--event", "Losened"), 2)
    assert told == "Ticket has no event 'Losened'; did you mean 'Loosened'?"


def test_what_cannot_be_requeued(run: Run_, run_json: RunJSON, tickets: str) -> None:
    """Where no event leads back, or none can be made of the fields, the error names those that there are."""
    run("create", tickets, "a", "stuck", "label=a")
    assert "give one of Unstuck(urgency), Loosened(label)" in error(run("requeue", tickets, "a"), 2)
    assert error(run("requeue", tickets, "a", "colour=red"), 2) == (
        "no event that can be made of colour=red would lead Ticket from stuck to where it can be claimed; there are: "
        "Unstuck(urgency), Loosened(label)"
    )
    run("create", tickets, "b", "gone", "label=b")
    assert "from where no event leads to where it can be claimed" in error(run("requeue", tickets, "b"), 2)
    assert [run_json("show", tickets, key)["version"] for key in ("a", "b")] == [1, 1]


# ---------------------------------------------------------------- gates


@pytest.mark.usefixtures("story")
def test_freeze_and_unfreeze(run: Run_, run_json: RunJSON) -> None:
    """A gate that is not there is created and frozen; who and why are in its journal."""
    fields = ("reason=release day", "task=shop", "task=SHOP-001")
    assert run("freeze", "repo-gate", "shop", *fields, "--why", "release").stdout == "shop  open  frozen  2\n"
    assert run_json("show", "repo-gate", "shop")["fields"]["task"] == ["shop", "SHOP-001"]
    line = last(run_json, "repo-gate", "shop")
    assert (line["event"]["type"], line["by"], line["why"]) == ("Freeze", "anna", "release")
    assert error(run("freeze", "repo-gate", "shop", *fields), 1).startswith("RepoGate 'shop' in frozen refuses Freeze")
    assert run("unfreeze", "repo-gate", "shop").stdout == "shop  frozen  open  3\n"


@pytest.mark.usefixtures("story")
def test_what_is_no_gate(run: Run_) -> None:
    """A machine without the event cannot be frozen."""
    told = "Pipeline has no event Freeze; this is for gates, such as repo-gate"
    assert error(run("freeze", "pipeline", "story-7"), 2) == told
    told = error(run("freeze", "repo-gate", "shop"), 2)
    assert "reason (str): missing" in told
    assert told.endswith("give reason=... task=... task=...")


# ---------------------------------------------------------------- tenants


def test_a_tenant_of_its_own(run: Run_, database: Path) -> None:
    """With --tenant, or LEVERFRAME_TENANT, everything is about that tenant's instances."""
    assert run("create", "pipeline", "a", "Backlog", "--tenant", "red").exit_code == 0
    assert run("send", "pipeline", "a", "DepsMet").exit_code == 1
    assert run("send", "pipeline", "a", "DepsMet", "--tenant", "red").exit_code == 0
    with open_store(f"sqlite:///{database}") as store:
        assert store.find(Pipeline) == []
        assert [found.version for found in store.scoped("red").find(Pipeline)] == [2]


# ---------------------------------------------------------------- questions


@pytest.mark.usefixtures("runs")
def test_a_person_is_asked(run: Run_, run_json: RunJSON, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal, what overrides others is asked about first; a no changes nothing, and --yes asks nothing."""
    monkeypatch.setattr(operate, "person_is_there", lambda: True)
    refused = run("release", "run", "run-1", input="n\n")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "End the lease on Run run-1? [y/N]: n\nnothing is changed\n"
    refused = run("set-state", "run", "run-1", "failed", "--body", FAILED, "--why", "x", input="\n")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Put Run run-1 into failed, without an event? [y/N]: ")
    assert run_json("show", "run", "run-1")["version"] == 2
    assert run("release", "run", "run-1", input="y\n").stdout == "run-1  running  pending  3\n"
    assert run("set-state", "run", "run-1", "failed", "--body", FAILED, "--why", "x", "--yes").exit_code == 0


def test_help_says_what_each_command_takes(run: Run_) -> None:
    """Each command's help fits, and names its arguments."""
    for command in ("create", "send", "set-state", "requeue", "release", "freeze", "unfreeze", "top"):
        shown = run(command, "--help").stdout
        assert max(map(len, shown.splitlines())) <= 80
        assert "--tenant" in shown
