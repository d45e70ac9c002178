"""`leverframe play`: one instance of a machine to be moved by hand, of which nothing is stored."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from attrs import frozen

from leverframe.cli.asking import Asker
from leverframe.cli.bodies import field_text, show_event, state_fields
from leverframe.cli.declared import made_by_others
from leverframe.cli.describe import print_lines
from leverframe.cli.failures import Failure, file_failure
from leverframe.cli.fields import Given, split_words
from leverframe.cli.operate import find_leaf
from leverframe.cli.player import Player
from leverframe.cli.playing import Game, Step, usual_key
from leverframe.cli.settling import told
from leverframe.cli.sheets import Line, beside_plainly, fields_text, wrapped
from leverframe.cli.statuses import FOUND
from leverframe.cli.targets import AnyMachine
from leverframe.cli.text import single_line
from leverframe.coordination.policies import WakeUp
from leverframe.diagrams.picture import Field, Picture, picture_of
from leverframe.diagrams.table import table_of
from leverframe.errors import Key, TransitionNotAllowed
from leverframe.persistence.codec import codec_of
from leverframe.persistence.instants import from_microseconds
from leverframe.typed.policy import declared_policies
from leverframe.wording import did_you_mean, join_names

__all__ = ["play_machine"]

COMMANDS = {
    "undo": "go back by one event",
    "redo": "go forwards by one that was undone",
    "restart": "go back to the start",
    "state": "show the state and what it accepts",
    "history": "show what was played",
    "save": "save FILE: write it as a log, which `leverframe replay` takes",
    "help": "this",
    "quit": "end; nothing is kept",
}

ALL_THERE_ARE = "; known: "
"""How a suggestion begins where nothing is alike."""

OWNERS_ALONE = "a store takes it from the owner of a lease alone, or makes it itself"

SAID_AT_START = (
    "Type an event by its name or number; its fields are asked for, or stand behind it as FIELD=VALUE.  "
    "`help` says what else can be typed."
)


def play_machine(machine: AnyMachine, start: str | None, words: tuple[str, ...], key_parts: tuple[str, ...]) -> int:
    """Play until whoever plays has enough; the exit status."""
    player = Player()
    leaf = machine.initial() if start is None else find_leaf(machine, start)
    key: Key = usual_key(machine) if not key_parts else key_parts if key_parts[1:] else key_parts[0]
    title = wrapped(title_of(picture_of(machine)), width())
    print_lines([*(Line(line, heading=True) for line in title), *said_lines(SAID_AT_START)])
    try:
        game = begin(machine, leaf, words, player)
        Table(machine, game, player, key).play()
    except EOFError:
        pass
    return FOUND if player.went_wrong and not player.is_person else 0


def title_of(picture: Picture) -> str:
    return f"{picture.machine}: {picture.document}" if picture.document else picture.machine


def begin(machine: AnyMachine, leaf: type[Any], words: Sequence[str], player: Player) -> Game:
    """The game in its first state, whose fields are asked for.  Raises `Failure`, `EOFError`."""
    family = codec_of(machine).states
    given = read_given(leaf, family.fields_of(leaf.__name__), words, player)
    state = asker_of(player).build(family, leaf, given)
    try:
        return Game.of(machine, state)
    except Exception as error:  # what a hook of the machine raises
        raise Failure(f"{leaf.__name__}: {told(error)}") from error


def asker_of(player: Player) -> Asker:
    return Asker(player, lambda: datetime.now(UTC))


def read_given(cls: type[Any], forms: Any, words: Sequence[str], player: Player) -> dict[str, Any]:
    """Fields that were written as FIELD=VALUE.  Raises `Failure`."""
    front, fields = split_words(["", *words])
    if front[1:]:
        raise Failure(f"{front[-1]!r} is no FIELD=VALUE")
    found = asker_of(player).read_given(cls, forms, Given(fields))
    for name in found:
        if name not in forms:
            raise Failure(f"{cls.__name__} has no field {name!r}{did_you_mean(name, forms)}")
    return found


@frozen
class Table:
    """Where it is played: a game, whoever plays it, and the key that it is saved under."""

    machine: AnyMachine
    game: Game
    player: Player
    key: Key

    def play(self) -> None:
        """Take one line after the other.  Raises `EOFError` when there are no more."""
        self._show_messages(self.game.step)
        self._show_state()
        while True:
            line = self.player.ask(f"{self.game.path}> ", [*self._accepted(), *COMMANDS])
            try:
                words = shlex.split(line)
                if words and self._do(words[0], words[1:]):
                    return
            except (Failure, ValueError) as error:
                # shlex tells of a quotation that does not end.
                self.player.tell(error.message if isinstance(error, Failure) else str(error))

    def _do(self, word: str, others: list[str]) -> bool:
        """Do what a line says; whether that ends it."""
        name = self._event_named(word)
        if name is not None:
            self._send(name, others)
            return False
        if word in ("quit", "exit"):
            return True
        self._command(word, others)
        return False

    def _command(self, word: str, others: list[str]) -> None:
        if word == "save":
            self._save(others)
        elif word in COMMANDS and others:
            raise Failure(f"{word} takes nothing behind it")
        elif word in ("undo", "redo", "restart"):
            self._walk(word)
        elif word == "state":
            self._show_state()
        elif word == "history":
            print_lines(history_lines(self.machine, self.game))
        elif word == "help":
            print_lines([*said_lines(SAID_AT_START), *beside_plainly(list(COMMANDS.items()), width())])
        else:
            raise Failure(self._unknown(word))

    def _unknown(self, word: str) -> str:
        known = codec_of(self.machine).events.names()
        alike = next((each for each in known if each.casefold() == word.casefold()), None)
        if alike is not None:
            return f"{alike} is not accepted in {self.game.path}; accepted: {join_names(self._accepted())}"
        hint = did_you_mean(word, [*known, *COMMANDS])
        near = "" if hint.startswith(ALL_THERE_ARE) else hint
        shows = near or "; `state` shows what is accepted, `help` what else can be typed"
        return f"{word!r} is neither an event nor a command{shows}"

    # ------------------------------------------------------------ events

    def _accepted(self) -> list[str]:
        return [event.__name__ for event in self.game.step.handle.accepts()]

    def _event_named(self, word: str) -> str | None:
        """The accepted event of this name, or of this number in the list."""
        accepted = self._accepted()
        if word.isdecimal() and 1 <= int(word) <= len(accepted):
            return accepted[int(word) - 1]
        alike = {name.casefold(): name for name in accepted} if word not in COMMANDS else {}
        return word if word in accepted else alike.get(word.casefold())

    def _send(self, name: str, words: list[str]) -> None:
        family = codec_of(self.machine).events
        cls: Any = family.class_named(name)
        given = read_given(cls, family.fields_of(name), words, self.player)
        try:
            event = asker_of(self.player).build(family, cls, given)
        except KeyboardInterrupt:
            self.player.tell("nothing is sent")
            return
        self._make(event)

    def _make(self, event: Any) -> None:
        before = self.game.path
        try:
            self.game.send(event)
        except TransitionNotAllowed as error:
            raise Failure(f"refused: {error.reason}; nothing is changed") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a handler raises, SystemExit too, is told as its own
            raise Failure(f"{told(error)}; nothing is changed") from error
        self._show_move(before)

    def _show_move(self, before: str) -> None:
        step = self.game.step
        click.echo(f"{before} → {self.game.path}  by {step.handle.edge.name}")
        self._show_messages(step)
        self._show_state()

    # ------------------------------------------------------------ backwards and forwards

    def _walk(self, word: str) -> None:
        game = self.game
        done = game.undo() if word == "undo" else game.redo() if word == "redo" else game.go_to(0)
        if not done:
            raise Failure(f"there is nothing to {word}")
        self._show_state()

    # ------------------------------------------------------------ what is shown

    def _show_messages(self, step: Step) -> None:
        for message in step.messages:
            about = f" about {message.correlation_id}" if message.correlation_id else ""
            body = " ".join(f"{name}={field_text(value)}" for name, value in message.body.items())
            click.echo(single_line(f"message {message.topic}/{message.kind}{about}: {body}".removesuffix(": ")))

    def _show_state(self) -> None:
        rows = [(name, field_text(value)) for name, value in self._facts()]
        ended = [Line("nothing is accepted here any more; undo, restart, save FILE or quit")]
        offers = self._offers()
        accepts = [Line("accepts", heading=True), *indented(offers)] if offers else ended
        facts = indented(beside_plainly(rows, width()))
        print_lines([Line(""), Line(self.game.path, heading=True), *facts, *accepts])

    def _facts(self) -> Iterator[tuple[str, Any]]:
        state = self.game.step.state
        fields = state_fields(self.machine, state)
        yield from ((name, fields[name]) for name in codec_of(self.machine).states.fields_of(type(state).__name__))
        for policy in declared_policies(self.machine):
            due = policy.due_at(state) if isinstance(policy, WakeUp) else None
            if due is not None:
                yield f"{policy.name} wakes it up", from_microseconds(due).isoformat()

    def _offers(self) -> list[Line]:
        """The events that are accepted, numbered, with their fields and who makes them as a rule."""
        row = next(row for row in table_of(picture_of(self.machine)).rows if row.state.path == self.game.path)
        makers = made_by_others(self.machine)
        ways = {way.move.event: way.move for ways in row.ways for way in reversed(ways)}
        rows: list[tuple[str, str]] = []
        for number, name in enumerate(self._accepted(), 1):
            fields = offered_fields(ways[name].fields)
            remarks = [each for each in (makers.get(ways[name].name), self._guard_words(name)) if each]
            maker = f"({'; '.join(remarks)})" if remarks else ""
            rows.append((f"{number} {name}", "  ".join(each for each in (fields, maker) if each)))
        return beside_plainly(rows, width())

    def _guard_words(self, name: str) -> str:
        """That a guard says no, where that does not hang on what the event says."""
        cls: Any = codec_of(self.machine).events.class_named(name)
        if not cls.__attrs_attrs__:
            with contextlib.suppress(Exception):  # a guard that raises tells so when the event is sent
                return "" if self.game.step.handle.can(cls(), datetime.now(UTC)) else "its guard says no now"
        return ""

    # ------------------------------------------------------------ saving

    def _save(self, others: list[str]) -> None:
        if len(others) != 1:
            raise Failure("save takes the name of one file")
        path = others[0]
        if os.path.exists(path):
            raise Failure(f"{path} is there already, and is left as it is; give another name")
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self.game.lines(self.key))
        except OSError as error:
            raise file_failure(path, error) from error
        number = self.game.number
        click.echo(f"saved the start and {number} event{'' if number == 1 else 's'} to {path}")
        refused = dict.fromkeys(self.game.not_for_everybody(self.key))
        if refused:
            note = f"a replay refuses {join_names(refused)}, and what follows from that: "
            print_lines(said_lines(note + OWNERS_ALONE))


def offered_fields(fields: Sequence[Field]) -> str:
    """The fields that an event has to have, and how many others it has."""
    needed = fields_text(field for field in fields if not field.optional)
    number = sum(field.optional for field in fields)
    others = f"{number} optional" if number else ""
    return ", ".join(text for text in (needed, others) if text)


def history_lines(machine: AnyMachine, game: Game) -> list[Line]:
    """What was played, and what of it was undone; an arrow is at the present state."""
    rows = [
        (
            f"{'→' if number == game.number else ' '} {number} {machine.path(type(step.state))}",
            "start" if step.event is None else f"{show_event(machine, step.event)}{undone_words(number, game)}",
        )
        for number, step in enumerate(game.steps)
    ]
    return beside_plainly(rows, width())


def undone_words(number: int, game: Game) -> str:
    return "  (undone)" if number > game.number else ""


def said_lines(text: str) -> list[Line]:
    return [Line(line) for line in wrapped(text, width())]


def indented(lines: Sequence[Line]) -> list[Line]:
    return [Line(f"  {line.text}") for line in lines]


def width() -> int:
    return max(40, shutil.get_terminal_size().columns) - 2
