"""The project's documents as programs: what stands in their code blocks, and how each kind of block is run.

    python                   run, in one namespace a document
    python, with >>>         run and compared, as doctest does
    console                  each `$ command` run in the document's folder, on a terminal, its output compared
    any, with title="x.py"   written to that file of the document's folder; with `append`, at its end
    diff, with a title       lines of that file exchanged

A block in an HTML comment (`<!--- invisible-code-block: python`) is run too: it sets up what a reader need not see.
In what is compared, `...` stands for anything.
"""

from __future__ import annotations

import doctest
import os
import pty
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from sybil import Document, Example, Region
from sybil.evaluators.doctest import DocTestEvaluator, OutputChecker
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer

__all__ = [
    "DOCUMENTS",
    "INSTALL_UV",
    "ROOT",
    "Session",
    "anchors",
    "check_document",
    "parse_document",
    "prose",
    "run_on_terminal",
    "sections",
    "sessions",
    "write_files",
]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

INSTALL_UV = "pip install uv && "
UV_RUN = "uv run "

# What would start this very test run again, or check the whole project: the tool has to be there, and is not run.
NOT_RUN = re.compile(r"(\w+=\w+ )?uv run (pytest( .*)?|ruff .*|mypy|pyright|python -m benchmarks\.\w+( .*)?)")

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


# ---------------------------------------------------------------- blocks


_FENCED = FencedCodeBlockLexer(language=r".+", mapping={"language": "language", "source": "source"})
_HIDDEN = DirectiveInHTMLCommentLexer(
    directive="invisible-code-block", arguments=".+", mapping={"arguments": "language", "source": "source"}
)
_TITLE = re.compile(r'(?P<language>\w+) title="(?P<title>[^"]+)"(?P<append> append)?')

_run_python = PythonEvaluator()
_read_doctest = DocTestStringParser(DocTestEvaluator(FLAGS))


def parse_document(path: Path) -> Document:
    """The document with its blocks.  Raises `ValueError` for a block in a language that nobody runs."""
    return Document.parse(str(path), _blocks)


def _blocks(document: Document) -> Iterable[Region]:
    for region in [*_FENCED(document), *_HIDDEN(document)]:
        language, source = str(region.lexemes["language"]).strip(), region.lexemes["source"]
        titled = _TITLE.fullmatch(language)
        region.parsed = source
        if titled is not None:
            region.parsed = (titled["title"], "a" if titled["append"] else "w", str(source))
            region.evaluator = _exchange_lines if titled["language"] == "diff" else _write_file
        elif language == "python" and source.startswith(">>>"):
            yield from _doctests(document, region)
            continue
        elif language in _EVALUATORS:
            region.evaluator = _EVALUATORS[language]
        else:
            raise ValueError(f"{document.path}: no block can be in {language!r}")
        yield region


def _doctests(document: Document, region: Region) -> Iterator[Region]:
    for example in _read_doctest(region.parsed, document.path):
        example.adjust(region, region.parsed)
        yield example


def _write_file(example: Example) -> None:
    name, mode, text = example.parsed
    with open(name, mode, encoding="utf-8") as file:
        file.write(text)


def _exchange_lines(example: Example) -> str | None:
    name, _, text = example.parsed
    lines = [(line[:1] or " ", line[1:]) for line in text.splitlines()]
    before = "".join(f"{line}\n" for sign, line in lines if sign in " -")
    after = "".join(f"{line}\n" for sign, line in lines if sign in " +")
    whole = Path(name).read_text(encoding="utf-8")
    if whole.count(before) != 1:
        return f"{name} has these lines {whole.count(before)} times:\n{before}"
    Path(name).write_text(whole.replace(before, after), encoding="utf-8")
    return None


# ---------------------------------------------------------------- consoles


@frozen
class Session:
    """One command of a console block, and what it is to print."""

    command: str
    printed: str


def sessions(block: str) -> list[Session]:
    """The commands of a console block; a line that ends with a backslash goes on in the next.

    >>> sessions("$ leverframe ls pipeline\\nstory-7\\n$ echo $?\\n0\\n")[1]
    Session(command='echo $?', printed='0\\n')
    """
    joined = block.replace("\\\n", "")
    found = re.findall(
        r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", joined if joined.endswith("\n") else f"{joined}\n", re.MULTILINE
    )
    return [Session(command, printed) for command, printed in found]


def _run_console(example: Example) -> str | None:
    status = 0
    for session in sessions(example.parsed):
        if session.command == "echo $?":
            got, status = f"{status}\n", 0
        elif status:
            return f"the command before {session.command!r} ended with status {status}; write `$ echo $?` behind it"
        else:
            status, got = _run_command(session.command)
        difference = _compare(session, got)
        if difference:
            return difference
    return f"the last command ended with status {status}; write `$ echo $?` behind it" if status else None


def _run_command(command: str) -> tuple[int, str]:
    """Exit status and output of a command, run as its reader would run it once everything is installed."""
    command = command.removeprefix(INSTALL_UV)
    if NOT_RUN.fullmatch(command):
        tool = command.partition(UV_RUN)[2].split()[0]
        assert shutil.which(tool, path=_tools()), f"{tool} is not installed"
        return 0, ""
    return run_on_terminal(command.replace(UV_RUN, ""))


def run_on_terminal(command: str) -> tuple[int, str]:
    """Exit status and output of a shell command whose output is a terminal without colours."""
    lead, follow = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEVERFRAME_")}
    environment |= {
        "PATH": f"{_tools()}{os.pathsep}{environment['PATH']}",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache" / "documents"),
    }
    try:
        with subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=follow, stderr=follow, env=environment
        ) as running:
            os.close(follow)
            printed = b"".join(_chunks(lead))
    finally:
        os.close(lead)
    return running.returncode, printed.decode().replace("\r\n", "\n")


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # what reading says when nobody has the terminal's other end
            return
        if not chunk:
            return
        yield chunk


def _tools() -> str:
    return os.path.dirname(sys.executable)


def _compare(session: Session, got: str) -> str:
    example = doctest.Example(f"$ {session.command}\n", _trimmed(session.printed))
    checker = OutputChecker()
    if checker.check_output(example.want, _trimmed(got), doctest.ELLIPSIS):
        return ""
    return f"$ {session.command}\n{checker.output_difference(example, _trimmed(got), doctest.ELLIPSIS)}"


def _trimmed(text: str) -> str:
    """Each line with single spaces: a column is as wide as what varies in it."""
    lines = [re.sub(" +", " ", line).rstrip() for line in text.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


_EVALUATORS: dict[str, Any] = {"python": _run_python, "console": _run_console}


# ---------------------------------------------------------------- running


def check_document(document: Document) -> int:
    """Run every block, in order, in the working folder; how many there were.

    Modules that the document wrote and imported are forgotten afterwards.
    """
    name = re.sub(r"\W", "_", os.path.relpath(document.path, ROOT))
    module = types.ModuleType(name)
    known = set(sys.modules)
    # Classes look up their annotations in the module that they were made in.
    sys.modules[name] = module
    document.namespace = module.__dict__
    try:
        examples = list(document.examples())
        for example in examples:
            example.evaluate()
    finally:
        for added in set(sys.modules) - known:
            if added == name or (getattr(sys.modules[added], "__file__", None) or "").startswith(os.getcwd()):
                del sys.modules[added]
    return len(examples)


def write_files(document: Document) -> list[str]:
    """Write the files that a document has its reader write, in the working folder; their names."""
    writing = [example for example in document.examples() if example.region.evaluator in (_write_file, _exchange_lines)]
    for example in writing:
        example.evaluate()
    return sorted({example.parsed[0] for example in writing})


# ---------------------------------------------------------------- text

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)


def prose(path: Path) -> str:
    """The document without its code blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """What a link may name behind `#`: the headings, spelled as GitHub does."""
    names = [
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for _, title in _HEADING.findall(prose(path))
    ]
    return set(names)


def sections(path: Path) -> dict[str, str]:
    """The text under each heading of the second and third level, up to the next heading."""
    parts = re.split(r"^#{2,3} +(.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title.strip("` "): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}
