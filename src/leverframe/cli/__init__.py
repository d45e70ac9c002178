"""The command line: `leverframe --help` says what it can do.

    main.py        the commands, their arguments and options
    options.py     those that several commands share
    operators.py   the commands that change one instance, and `top`
    operate.py     what these do
    inspectors.py  the commands that look at a machine
    requeue.py     `leverframe requeue`
    fields.py      fields of states and events, as they are written there
    top.py         `leverframe top`
    overview.py    what it shows
    targets.py     which machine a name means
    databases.py   which database a URL means
    reading.py     a log as lines of bytes
    lines.py       what a line says
    settling.py    what becomes of it in the store
    replay.py      `leverframe replay`, from the log to the report
    progress.py    how far it has got, at a terminal
    report.py      what a replay came to
    reads.py       `leverframe ls`, `show` and `history`
    prune.py       `leverframe prune`
    spans.py       spans of time, as they are written there
    doctor.py      `leverframe doctor`
    copy.py        `leverframe copy`
    lock.py        `leverframe lock`
    check.py       `leverframe check`
    typed.py       `leverframe typed`
    migrate.py     `leverframe migrate`
    adopt.py       `leverframe adopt`
    pictures.py    what `leverframe diagram` takes
    diagram.py     what it does
    overlays.py    what it lays over a picture
    revisions.py   a machine as it was at a git revision
    embedded.py    pictures in documents
    files.py       files that are written whole
    work.py        `leverframe work`
    working.py     what a person sees of a worker
    describe.py    `leverframe describe`
    sheets.py      a machine as tables or lists that fit a width
    declared.py    what a machine declares beside states and moves, in words
    play.py        `leverframe play`
    playing.py     what was played: moves that nobody stores
    asking.py      fields, asked for one after the other
    player.py      who is asked: a person at a terminal, or a script
    bodies.py      states and events as they are shown
    output.py      rows and JSON, for a terminal or for a pipe
    text.py        values in one harmless line
    failures.py    errors in one line
    stopping.py    how far a replay got that cannot go on
    statuses.py    exit statuses

What needs rich, or a database, is imported by the command that needs it: `--help` has to be there at once.
"""

import sys

from leverframe.cli.statuses import INTERRUPTED

try:
    from leverframe.cli.main import main
except KeyboardInterrupt:
    # Ctrl-C while this is still being imported is answered as it is later on: without a word.
    sys.exit(INTERRUPTED)

__all__ = ["main"]
