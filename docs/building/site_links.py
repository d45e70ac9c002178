"""Does every link of the built site lead somewhere, and does reading it need no network?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import define, field, frozen

__all__ = ["Link", "Page", "problems"]

LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("source", "src"), ("iframe", "src"), ("object", "data")}
"""What a browser fetches by itself."""

FETCHED_BY_STYLES = re.compile(r"(?:@import\s+|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)")

SERVED_ANYWHERE = {"404.html"}
"""Pages that a server answers with whatever was asked for: their links begin at its root."""

NOT_FETCHED = {"canonical", "alternate", "next", "prev"}
"""Kinds of `<link>` that are only told."""


@frozen
class Link:
    """One link of a page; `loaded`: what it leads to is fetched with the page."""

    target: str
    loaded: bool


@define
class Page(HTMLParser):
    """What a page links to, and what may be linked to in it."""

    links: list[Link] = field(factory=list[Link])
    anchors: set[str] = field(factory=set[str])

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each element."""
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        fetched = tag != "link" or not NOT_FETCHED & set((values.get("rel") or "").split())
        for name, value in attrs:
            if (tag, name) in LOADED or (tag, name) == ("a", "href"):
                self.links.append(Link(value or "", fetched and (tag, name) in LOADED))


def problems(site: Path) -> Iterator[str]:
    """What is wrong with the links of the pages below a folder, a line each."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html")) if path.name not in SERVED_ANYWHERE}
    for path, page in pages.items():
        for link in page.links:
            if problem := _problem(path, link, pages):
                yield f"{path.relative_to(site)}: {link.target}: {problem}"
    for path in sorted(site.rglob("*.css")):
        for found in FETCHED_BY_STYLES.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: {found}: is fetched from the network"


def _read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _problem(path: Path, link: Link, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link.target)
    if parts.scheme in ("data", "mailto"):
        return ""
    if parts.scheme or parts.netloc:
        return _problem_outside(link)
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    there = there / "index.html" if there.is_dir() else there
    if not there.is_file():
        return "is not there"
    anchor = unquote(parts.fragment)
    if anchor and there in pages and anchor not in pages[there].anchors:
        return "has no such anchor"
    return ""


def _problem_outside(link: Link) -> str:
    if link.loaded:
        return "is fetched from the network"
    parts = urlsplit(link.target)
    return "" if parts.scheme == "https" and "." in parts.netloc and " " not in link.target else "is not well formed"
