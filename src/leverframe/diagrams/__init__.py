"""Machines, to be looked at: `render(Machine, "svg")`.

picture.py       the one model of all pictures: states, fields, moves, hooks, and where they are written
looks.py         what is laid over a picture, and how it is shown
source_files.py  where in a file of code classes and functions stand
objects.py       a picture as plain JSON values, and back
rendering.py     which formats there are, and who draws each

drawing.py       what is drawn, whatever the format: folded, merged, in words
mermaid.py       Mermaid text
dot.py           text for Graphviz
picture_json.py  JSON text
table.py         states x events, and as Markdown
svg.py           SVG
colours.py       its colours, and its style sheet
layout.py        where everything is: what Pele's layout of Mermaid's state diagrams says
ports.py         where arrows leave and arrive
paths.py         the lines of arrows, and what they cross
measuring.py     how wide a text is
png.py           PNG
extra.py         the libraries that need not be there
notebook.py      what IPython shows

tracks.py        the way of one instance, laid over a picture
heat.py          what a journal says of a whole machine, laid over a picture
differences.py   two pictures of one machine as one
ways.py          which arrow a line of a journal is about
lengths.py       numbers and lengths of time, in a few characters
embedding.py     pictures that stand in a Markdown document
"""

from leverframe.diagrams.looks import Arrow, ArrowMark, Look, Marks, StateMark, arrows_of
from leverframe.diagrams.objects import picture_object, read_picture
from leverframe.diagrams.picture import Picture, picture_of
from leverframe.diagrams.rendering import Renderer, formats, register_renderer, render

__all__ = [
    "Arrow",
    "ArrowMark",
    "Look",
    "Marks",
    "Picture",
    "Renderer",
    "StateMark",
    "arrows_of",
    "formats",
    "picture_object",
    "picture_of",
    "read_picture",
    "register_renderer",
    "render",
]
