"""Which pages does the site have?  Those of docs/, and what they link to elsewhere in the project.

In the repository a link leads to a file, in whatever folder; the site knows pages only. So each page is copied, and
each link that leads out of docs/ is turned to the page that stands for what it means.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

__all__ = ["ROOT", "page_of", "stage"]

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.md",
    "benchmarks/README.md": "benchmarks/index.md",
    "benchmarks/queues/README.md": "benchmarks/queues.md",
    "examples/orchestrator/README.md": "examples/orchestrator.md",
}
"""Documents outside of docs/, and the pages they are on the site."""

LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".jsonl": "json", ".lock": "json", ".sql": "sql"}

_FENCE = re.compile(r"^(?P<fence>```+).*?^(?P=fence)$", re.MULTILINE | re.DOTALL)
_HIDDEN = re.compile(r"^<!--- invisible-code-block.*?-->\n", re.MULTILINE | re.DOTALL)
_APPENDED = re.compile(r'^(```\w+ title="[^"]+") append$', re.MULTILINE)
_PICTURE = re.compile(r"^!\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+\.svg)\)$", re.MULTILINE)
_ROW = re.compile(r"^\|.*\\\|.*$", re.MULTILINE)
_IN_CODE = re.compile(r"`(?P<code>[^`]+)`")
_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def stage(pages: Path) -> None:
    """Make the folder `pages` anew, with every page and picture of the site."""
    shutil.rmtree(pages, ignore_errors=True)
    shown: set[str] = set()
    for name in sorted(_documents()):
        shown |= _write_page(pages, name)
    for name in sorted(shown):
        _write_source(pages, name)
    for path in (ROOT / "docs").rglob("*"):
        if path.suffix in (".svg", ".png", ".css"):
            _copy(path, pages / page_of(str(path.relative_to(ROOT))))


def _documents() -> Iterator[str]:
    yield from (name for name in ELSEWHERE if name not in ("README.md", "LICENSE"))
    yield from (str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))


def page_of(name: str) -> str:
    """The page, or the picture, that a file of the project is on the site.

    >>> page_of("docs/claims.md"), page_of("CHANGELOG.md"), page_of("examples/order.py")
    ('claims.md', 'changelog.md', 'source/examples/order.py.md')
    """
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return f"source/{name}.md"


def _write_page(pages: Path, name: str) -> set[str]:
    """Write one page; the files it links to that are no documents."""
    shown: set[str] = set()
    text = _HIDDEN.sub("", (ROOT / name).read_text(encoding="utf-8"))
    text = _APPENDED.sub(r"\1", text)
    _write(pages / page_of(name), _outside_of_code(text, lambda prose: _turn_links(prose, name, shown)))
    return shown


def _outside_of_code(text: str, change: Callable[[str], str]) -> str:
    parts: list[str] = []
    end = 0
    for found in _FENCE.finditer(text):
        parts += [change(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, change(text[end:])])


def _turn_links(prose: str, name: str, shown: set[str]) -> str:
    here = PurePosixPath(page_of(name)).parent

    def turned(found: re.Match[str]) -> str:
        if "://" in found["target"] or found["target"].startswith("mailto:"):
            return found[0]
        meant = os.path.normpath(PurePosixPath(name).parent / found["target"])
        if not meant.startswith("docs/") and meant not in ELSEWHERE and (ROOT / meant).is_file():
            shown.add(meant)
        target = os.path.relpath(page_of(meant), here)
        return f"{found['text']}({target}{found['anchor'] or ''})"

    prose = _ROW.sub(lambda row: _IN_CODE.sub(_with_bars, row[0]), _LINK.sub(turned, prose))
    return _PICTURE.sub(r"[![\g<text>](\g<target>)](\g<target>)", prose)


def _with_bars(found: re.Match[str]) -> str:
    """Code in a table, whose bars a viewer shows as bars, and Python's Markdown would show with their backslashes."""
    code = html.escape(found["code"], quote=False).replace("\\|", "&#124;")
    return f"<code>{code}</code>"


def _write_source(pages: Path, name: str) -> None:
    path = ROOT / name
    fence = f"```{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8').rstrip()}\n```"
    _write(pages / page_of(name), f"# {path.name}\n\n`{name}`\n\n{fence}\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
