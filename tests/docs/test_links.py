"""What is looked for in the links of the built site is found; links out of the documents are well formed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from documents import DOCUMENTS, ROOT, prose
from site_links import problems

LINK = re.compile(r"\]\((?P<target>[a-z]+:[^)\s]*)\)|<(?P<plain>[a-z]+://[^>\s]*)>")

PICTURE = re.compile(r"!\[[^\]]*\]\((?P<target>[^)\s]+)\)|<(?:img|source)\b[^>]*\bsrc(?:set)?=\"(?P<source>[^\"]+)\"")


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=lambda path: str(path.relative_to(ROOT)))
def test_pictures_of_a_document_are_there(path: Path) -> None:
    """Each picture that a document shows is a file of the project."""
    for found in PICTURE.finditer(prose(path)):
        assert (path.parent / (found["target"] or found["source"])).is_file(), found[0]


def site(folder: Path, **pages: str) -> list[str]:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return list(problems(folder))


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_out_of_a_document_are_well_formed(path: Path) -> None:
    """A link to another site is https, and names a host."""
    for found in LINK.finditer(prose(path)):
        parts = urlsplit(found["target"] or found["plain"])
        assert (parts.scheme, "." in parts.netloc) == ("https", True), found[0]


def test_links_that_lead_somewhere_are_fine(tmp_path: Path) -> None:
    """A page, an anchor of it, an anchor of the same page, a folder's index, another site."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "index.html").write_text("", encoding="utf-8")
    links = ["two.html", "two.html#there", "#here", "more/", "https://www.python.org/", "mailto:ann@example.org"]
    one = "".join(f'<a href="{link}">x</a>' for link in links) + '<h2 id="here">x</h2>'
    assert site(tmp_path, one=one, two='<a id="there"></a>') == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("gone.html", "is not there"),
        ("two.html#gone", "has no such anchor"),
        ("#gone", "has no such anchor"),
        ("http://www.python.org/", "is not well formed"),
        ("https://localhost/x", "is not well formed"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, link: str, problem: str) -> None:
    """The page, the link and what is wrong with it stand in one line."""
    assert site(tmp_path, one=f'<a href="{link}">x</a>', two="") == [f"one.html: {link}: {problem}"]


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://example.org/x"></script>',
        '<link rel="stylesheet" href="https://example.org/x">',
        '<img src="https://example.org/x">',
        '<link rel="preconnect" href="https://example.org/x">',
    ],
)
def test_what_a_page_fetches_from_elsewhere_is_told(tmp_path: Path, element: str) -> None:
    """A page that needs the network when it is read is found out."""
    assert site(tmp_path, one=element) == ["one.html: https://example.org/x: is fetched from the network"]


def test_what_a_page_only_names_is_not_fetched(tmp_path: Path) -> None:
    """Where the same page stands elsewhere may be told."""
    assert site(tmp_path, one='<link rel="canonical" href="https://example.org/x">') == []


@pytest.mark.parametrize("style", ['@import "https://example.org/x";', "a { background: url(//example.org/x) }"])
def test_what_a_style_sheet_fetches_from_elsewhere_is_told(tmp_path: Path, style: str) -> None:
    """Fonts and pictures of style sheets come with the site."""
    (tmp_path / "site.css").write_text(style, encoding="utf-8")
    assert len(site(tmp_path)) == 1
