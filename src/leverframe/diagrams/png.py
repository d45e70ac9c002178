"""PNG: the SVG, in dots."""

from __future__ import annotations

from importlib.resources import as_file, files

from attrs import evolve

from leverframe.diagrams.extra import extra
from leverframe.diagrams.looks import Look
from leverframe.diagrams.picture import Picture
from leverframe.diagrams.svg import svg

__all__ = ["png"]

FONTS = ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf")


def png(picture: Picture, look: Look) -> bytes:
    """A picture as PNG, `look.scale` dots for a pixel; of the theme "auto", the light one.  Raises `MissingExtra`."""
    draw = extra("resvg_py", "png").svg_to_bytes
    text = svg(picture, evolve(look, theme="dark" if look.theme == "dark" else "light"))
    # The font comes along, so that the picture is the same everywhere; of other scripts, those of the system are taken.
    with as_file(files("leverframe.diagrams").joinpath("bundled")) as bundled:
        fonts = [str(bundled / name) for name in FONTS]
        return bytes(draw(svg_string=text, zoom=look.scale, font_files=fonts, font_family="Noto Sans"))
