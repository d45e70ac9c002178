"""Docstrings as Markdown: examples as blocks of code, and public names as links."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["fenced", "linked"]

_EXAMPLE = re.compile(r"^>>> .*\n(?:(?!\s*$).*\n)*", re.MULTILINE)
_CODE = re.compile(r"(?<![`\[])`(?P<name>[A-Za-z_]+)(?P<member>(?:\.[a-z_]+)?)`(?!`)")


def fenced(text: str) -> str:
    r"""The text with its examples in fences.

    >>> print(fenced("One more.\n\n>>> 1 + 1\n2"))
    One more.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    <BLANKLINE>
    """
    return _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}```\n", f"{text}\n")


def linked(text: str, names: Mapping[str, str]) -> str:
    """The text with the names in it as links to where the reference shows them; what stands in code is left as it is.

    >>> linked("See `Store` and `store`.", {"Store": "leverframe.Store"})
    'See [`Store`][leverframe.Store] and `store`.'
    """

    def link(found: re.Match[str]) -> str:
        if found["name"] not in names:
            return found[0]
        return f"[{found[0]}][{names[found['name']]}{found['member']}]"

    code = False
    lines: list[str] = []
    for line in text.splitlines():
        code ^= line.startswith("```")
        lines.append(line if code or line.startswith("    ") else _CODE.sub(link, line))
    return "\n".join(lines)
