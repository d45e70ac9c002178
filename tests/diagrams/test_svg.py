"""SVG and PNG: for eyes, for screen readers, and for programs that look for a state."""

from __future__ import annotations

import re
import struct
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from attrs import evolve
from factories import FACTORY

from leverframe.diagrams import ArrowMark, Look, Marks, StateMark, arrows_of, picture_of, render
from leverframe.diagrams.looks import PLAIN
from leverframe.diagrams.picture import Field
from leverframe.machines.pipeline import Pipeline
from leverframe.machines.worker import Worker

PIPELINE = picture_of(Pipeline)

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(look: Look = PLAIN) -> ElementTree.Element:
    return ElementTree.fromstring(render(PIPELINE, "svg", look))


def groups(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    found = {each.get("data-id"): each for each in root.iter(f"{NAMESPACE}g")}
    return {name: each for name, each in found.items() if name}


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_states_and_arrows_have_ids() -> None:
    """A program finds each state by its path, and each arrow by its name."""
    found = groups(drawn())
    assert {state.path for state in PIPELINE.states} <= set(found)
    assert {arrow.name for arrow in arrows_of(PIPELINE)} <= {name for each in found for name in each.split(" ")}


def test_a_screen_reader_is_told_of_all() -> None:
    """The whole has a title and a description, and each state and arrow has a title."""
    root = drawn()
    assert root.findtext(f"{NAMESPACE}title") == "Pipeline"
    assert root.findtext(f"{NAMESPACE}desc") == "The life of one story, from backlog to archive."
    titles = {name: each.findtext(f"{NAMESPACE}title") or "" for name, each in groups(root).items()}
    assert all(titles.values())
    assert titles["archived.superseded"].startswith("archived.superseded")
    (merged,) = (title for name, title in titles.items() if name.startswith("merge_succeeded"))
    assert merged.startswith("MergeSucceeded(")
    assert "active.merge to done" in merged


def test_the_theme_of_the_reader_is_followed() -> None:
    """Colours are variables, which a query for dark systems sets anew."""
    text = render(PIPELINE, "svg")
    assert "@media(prefers-color-scheme:dark)" in text
    assert "var(--page)" in text


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#0d1117")])
def test_a_theme_can_be_chosen(theme: str, page: str) -> None:
    """Its colours are in the rules themselves, for viewers that know no variables."""
    text = render(PIPELINE, "svg", Look(theme=theme))  # type: ignore[arg-type]  # one of the two
    assert f".page{{fill:{page}}}" in text
    assert "var(" not in text
    assert "@media" not in text


def test_styles_reach_nothing_outside_of_the_picture() -> None:
    """Each rule is about the picture's own class: a notebook has one style sheet for all."""
    style = drawn().findtext(f"{NAMESPACE}style") or ""
    selectors = re.findall(r"(?:^|\})([^{}@]+)\{", style.replace("@media(prefers-color-scheme:dark){", "}"))
    assert len(selectors) > 40
    assert all(each.startswith(".leverframe.auto") for selector in selectors for each in selector.split(","))


def test_marks_are_classes() -> None:
    """A mark changes how a state and an arrow are shown, and not where they are."""
    arrow = arrows_of(PIPELINE)[0]
    marks = Marks({"active.qa": StateMark("current")}, {arrow.name: ArrowMark("visited")})
    found = groups(drawn(Look(marks=marks)))
    assert found["active.qa"].get("class") == "state current"
    assert found[arrow.name].get("class") == "wire visited"
    places = [
        [dict(each.attrib) for each in group.iter(f"{NAMESPACE}rect")]
        for group in (found["done"], groups(drawn())["done"])
    ]
    assert places[0] == places[1]


def test_the_share_of_an_arrow_is_its_width() -> None:
    """The larger the share, the wider the line."""
    one, two = arrows_of(PIPELINE)[:2]
    marks = Marks(arrows={one.name: ArrowMark("hot", share=0.1), two.name: ArrowMark("hot", share=1.0)})
    found = groups(drawn(Look(marks=marks)))
    widths = [
        re.findall(r"stroke-width:([\d.]+)px", ElementTree.tostring(found[each.name], "unicode")) for each in (one, two)
    ]
    assert float(widths[0][0]) < float(widths[1][0])


def test_the_legend_stands_below() -> None:
    """Each line of it is shown, with a sample where it is about a mark."""
    root = drawn(Look(marks=Marks(legend=("added: is new", "since Monday"))))
    assert [each.text for each in root.iter(f"{NAMESPACE}text") if each.get("class") == "legend"] == [
        "is new",
        "since Monday",
    ]
    assert [each.get("class") for each in root.iter(f"{NAMESPACE}g") if "sample" in each.get("class", "")] == [
        "sample added"
    ]


def test_texts_of_all_kinds_are_written_as_they_are() -> None:
    """What would be markup in SVG, in Mermaid or in JavaScript is text."""
    odd = "<b>&\"'`; %% #35; --> [*] } \\ ${x} 漢字 \U0001f980"
    done = evolve(PIPELINE.state("done"), fields=(Field("odd", odd),), document=odd)
    picture = evolve(PIPELINE, states=tuple(done if each.path == "done" else each for each in PIPELINE.states))
    root = ElementTree.fromstring(render(picture, "svg"))
    shown = " ".join(each.text or "" for each in groups(root)["done"].iter(f"{NAMESPACE}text"))
    assert odd in shown
    assert all(render(picture, name) for name in ("mermaid", "dot", "png"))


def test_threads_draw_at_the_same_time() -> None:
    """Each has an engine of its own, and all draw the same."""
    pictures = [evolve(FACTORY, moves=FACTORY.moves[:number]) for number in (10, 11, 12, 13)] * 2
    with ThreadPoolExecutor(len(pictures)) as threads:
        drawn = list(threads.map(render, pictures))
    assert drawn == [render(each, "svg") for each in pictures]


def test_a_png_is_as_large_as_the_svg() -> None:
    """One dot for a pixel, or as many as are asked for."""
    across = float(drawn().get("width", ""))
    one, two = (size(render(Worker, "png", Look(scale=scale))) for scale in (1.0, 2.0))
    assert size(render(PIPELINE, "png"))[0] == round(across)
    assert abs(two[0] - 2 * one[0]) <= 1


@pytest.mark.parametrize(("theme", "lightest"), [("light", True), ("auto", True), ("dark", False)])
def test_a_png_has_one_theme(theme: str, lightest: bool) -> None:
    """Without a reader's system to follow, it is the light one, unless the dark one is asked for."""
    same = render(Worker, "png", Look(theme="light")) == render(Worker, "png", Look(theme=theme))  # type: ignore[arg-type]  # one of them
    assert same is lightest
