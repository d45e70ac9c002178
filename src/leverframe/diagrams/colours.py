"""The colours of a picture, light and dark, and its style sheet."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["FONTS", "style"]

FONTS = "'Noto Sans','Segoe UI',Helvetica,Arial,sans-serif"

LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "pale": "#59636e",
    "line": "#6e7781",
    "edge": "#8c959f",
    "face": "#ffffff",
    "head": "#eaeef2",
    "ground1": "#f6f8fa",
    "ground2": "#eef1f4",
    "ground3": "#e6eaef",
    "accent": "#0969da",
    "current": "#fff1c2",
    "current-edge": "#bf6a02",
    "visited": "#ddf4ff",
    "visited-edge": "#0969da",
    "added": "#dafbe1",
    "added-edge": "#1a7f37",
    "removed": "#ffebe9",
    "removed-edge": "#cf222e",
    "changed": "#fbefff",
    "changed-edge": "#8250df",
}

DARK = {
    "page": "#0d1117",
    "ink": "#e6edf3",
    "pale": "#9198a1",
    "line": "#8b949e",
    "edge": "#6e7681",
    "face": "#161b22",
    "head": "#21262d",
    "ground1": "#10151c",
    "ground2": "#151b23",
    "ground3": "#1a212b",
    "accent": "#4493f8",
    "current": "#5a4300",
    "current-edge": "#e3b341",
    "visited": "#0c2d52",
    "visited-edge": "#58a6ff",
    "added": "#12361f",
    "added-edge": "#3fb950",
    "removed": "#3c1618",
    "removed-edge": "#ff7b72",
    "changed": "#2c1f47",
    "changed-edge": "#b990ff",
}

NAMED = re.compile(r"\$([a-z0-9-]+)")

# All names begin with the picture's own class: in a notebook, a style sheet is one for the whole page.
RULES = """
text{font:14px $FONTS;fill:$ink;text-anchor:middle}
.title{font-size:16px;font-weight:bold}
.superstate>.title{font-size:16px}
.hook,.place{fill:$pale}
.note{font-weight:bold}
.legend,.shared{text-anchor:start}
.shared{fill:$pale}
.page{fill:$page}
.ground1{fill:$ground1}
.ground2{fill:$ground2}
.ground3{fill:$ground3}
.face{fill:$face;stroke:$edge;stroke-width:1.2px}
.depth1>.face{fill:$ground1}
.depth2>.face{fill:$ground2}
.depth3>.face{fill:$ground3}
.behind{fill:$head;stroke:$edge;stroke-width:1.2px}
.rule{fill:none;stroke:$edge;stroke-width:1px}
.heat{fill:$accent}
.dot{fill:$line}
.end{fill:none;stroke:$line;stroke-width:1.2px}
.line{fill:none;stroke:$line;stroke-width:1.2px;stroke-linecap:round}
.head{fill:$line}
.current>.face{fill:$current;stroke:$current-edge;stroke-width:3px}
.current>.rule{stroke:$current-edge}
.visited>.face{fill:$visited;stroke:$visited-edge;stroke-width:1.6px}
.visited>.line{stroke:$visited-edge;stroke-width:2.4px}
.visited>.head{fill:$visited-edge}
.added>.face{fill:$added;stroke:$added-edge;stroke-width:2.4px}
.added>.line{stroke:$added-edge;stroke-width:2.4px}
.added>.head{fill:$added-edge}
text.added{fill:$added-edge;font-weight:bold}
.removed>.face{fill:$removed;stroke:$removed-edge;stroke-dasharray:5 4}
.removed>.line{stroke:$removed-edge;stroke-dasharray:5 4}
.removed>.head{fill:$removed-edge}
.removed>.title{text-decoration:line-through}
text.removed{fill:$removed-edge;text-decoration:line-through}
.changed>.face{fill:$changed;stroke:$changed-edge;stroke-width:2.4px}
.changed>.line{stroke:$changed-edge;stroke-width:2.4px}
.changed>.head{fill:$changed-edge}
text.changed{fill:$changed-edge;font-weight:bold}
.hot>.line{stroke:$accent}
.hot>.head{fill:$accent}
.hot>.face{stroke:$accent}
.sample.hot>.face{fill:$accent;fill-opacity:.3}
text.hot{font-weight:bold}
.never>.face{stroke-dasharray:5 4}
.never>.line{stroke-dasharray:4 5;stroke:$edge}
.never>.head{fill:$edge}
text.never{fill:$pale}
"""


@cache
def style(theme: str) -> str:
    """The style sheet of a theme: "auto" has variables, which the reader's system sets; the others have colours."""
    if theme != "auto":
        return _rules(theme, DARK if theme == "dark" else LIGHT)
    variables = {name: f"var(--{name})" for name in LIGHT}
    dark = f"@media(prefers-color-scheme:dark){{{_variables(DARK)}}}"
    return f"{_variables(LIGHT)}{dark}{_rules(theme, variables)}"


def _variables(colours: dict[str, str]) -> str:
    return f".leverframe.auto{{{';'.join(f'--{name}:{colour}' for name, colour in colours.items())}}}"


def _rules(theme: str, colours: dict[str, str]) -> str:
    rules: list[str] = []
    for rule in RULES.strip().splitlines():
        selectors, _, body = rule.partition("{")
        scoped = ",".join(f".leverframe.{theme} {selector}" for selector in selectors.split(","))
        rules.append(f"{scoped}{{{NAMED.sub(lambda found: colours[found[1]], body.replace('$FONTS', FONTS))}")
    return "".join(rules)
