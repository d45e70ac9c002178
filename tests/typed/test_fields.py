"""The run-time check of refined fields of states and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional

import attrs
import pytest
from attrs import field, frozen

from leverframe import Event, InvalidField, MachineDefinitionError, NonEmpty, Payload, Positive


class Branch(NonEmpty): ...


class Story(NonEmpty): ...


@frozen
class Merge(Payload):
    branch: Branch
    ahead: Positive
    note: str = ""


def wrong(value: Any) -> Any:
    """A value that a type checker would have refused."""
    return value


def test_right_values_are_kept() -> None:
    """Values of the annotated classes are kept as they are."""
    merge = Merge(Branch("fix"), Positive(2))
    assert (merge.branch, merge.ahead) == ("fix", 2)


def test_error_says_class_field_and_value() -> None:
    """A value of another type is an InvalidField that names the class, the field, what it takes and what it got."""
    with pytest.raises(InvalidField) as caught:
        Merge(wrong("fix"), Positive(2))
    error = caught.value
    assert (error.owner, error.field, error.expected, error.value) == ("Merge", "branch", "Branch", "fix")
    assert str(error) == "Merge.branch must be Branch, got str 'fix'; make one with Branch(...)"


@pytest.mark.parametrize("value", ["fix", Story("fix"), NonEmpty("fix"), None, 3])
def test_other_classes(value: Any) -> None:
    """Only the annotated class fits: no plain string, no sister class, no base class."""
    with pytest.raises(InvalidField):
        Merge(value, Positive(2))


def test_subclasses_fit() -> None:
    """A value of a subclass of the annotated class fits."""

    class Feature(Branch): ...

    assert Merge(Feature("x"), Positive(1)).branch == "x"


def test_other_fields_are_not_checked() -> None:
    """A field without a refined class in its annotation takes what it is given, as attrs has it."""
    assert Merge(Branch("x"), Positive(1), wrong(3)).note == wrong(3)


def test_evolve_is_checked() -> None:
    """A changed copy is checked as a new one is."""
    with pytest.raises(InvalidField):
        attrs.evolve(Merge(Branch("x"), Positive(1)), ahead=wrong(0))


def test_events_are_checked() -> None:
    """Fields of events are checked as those of states are."""

    @frozen
    class Pass(Event):
        branch: Branch

    with pytest.raises(InvalidField, match=r"Pass\.branch must be Branch"):
        Pass(wrong("x"))


ONE, X, NOW = Positive(1), Branch("x"), Branch("now")


@frozen
class Wide(Payload):
    maybe: Branch | None = None
    old_style: Optional[Positive] = None  # noqa: UP045
    either: Positive | Branch = ONE
    mixed: Positive | Literal["all"] = "all"
    many: tuple[Branch, ...] = ()
    some: frozenset[Positive] = frozenset()
    maybe_many: tuple[Branch, ...] | None = None
    at: datetime | Branch = NOW
    pair: tuple[Branch, int] = (X, 1)
    names: dict[str, Branch] = field(factory=dict[str, Branch])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maybe", None),
        ("maybe", Branch("x")),
        ("old_style", Positive(2)),
        ("either", Branch("x")),
        ("mixed", "all"),
        ("mixed", Positive(2)),
        ("many", (Branch("x"), Branch("y"))),
        ("some", frozenset({Positive(1)})),
        ("maybe_many", (Branch("x"),)),
        ("at", datetime(2030, 1, 1)),
    ],
)
def test_optional_fields_and_collections(name: str, value: Any) -> None:
    """Optional fields, unions and homogeneous collections take what their annotations say."""
    assert getattr(Wide(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("maybe", "x", "Branch | None"),
        ("old_style", 0, "Positive | None"),
        ("either", "x", "Positive | Branch"),
        ("mixed", "some", "Positive | Literal['all']"),
        ("many", ("x",), "tuple[Branch, ...]"),
        ("many", [Branch("x")], "tuple[Branch, ...]"),
        ("maybe_many", (Branch("x"), "y"), "tuple[Branch, ...] | None"),
        ("at", "now", "datetime | Branch"),
    ],
)
def test_wrong_values_in_optional_fields_and_collections(name: str, value: Any, expected: str) -> None:
    """Optional fields, unions and homogeneous collections take nothing else; the error has the annotation."""
    with pytest.raises(InvalidField) as caught:
        Wide(**{name: value})
    assert (caught.value.field, caught.value.expected) == (name, expected)


def test_inherited_fields() -> None:
    """Fields of a superstate are checked in its leaves, which the error names."""

    @frozen
    class Live(Payload):
        attempt: Positive

    @frozen
    class Busy(Live):
        worker: str

    with pytest.raises(InvalidField, match=r"Busy\.attempt must be Positive"):
        Busy(wrong(0), "w")


def test_fields_of_a_mixin() -> None:
    """Fields that come from an attrs class which is no Payload are checked too."""

    @frozen
    class Named:
        name: Branch

    @frozen
    class Busy(Named, Payload): ...

    with pytest.raises(InvalidField):
        Busy(wrong("x"))


@pytest.mark.parametrize("slots", [True, False])
def test_own_post_init_runs_after_the_check(slots: bool) -> None:
    """A class's own `__attrs_post_init__` runs, on checked fields, with or without slots."""

    @frozen(slots=slots)  # type: ignore[literal-required]  # both, one after the other
    class Even(Payload):
        number: Positive

        def __attrs_post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    assert Even(Positive(2)).number == 2
    with pytest.raises(ValueError, match="odd"):
        Even(Positive(1))
    with pytest.raises(InvalidField):
        Even(wrong(1))
    assert hasattr(Even(Positive(2)), "__dict__") is not slots


@pytest.mark.parametrize("refined_again", [True, False])
@pytest.mark.parametrize("slots", [True, False])
def test_own_post_init_with_super(slots: bool, refined_again: bool) -> None:
    """`super().__attrs_post_init__()` runs the base's own one, once, also where the subclass has refined fields."""
    ran: list[str] = []

    @frozen(slots=slots)  # type: ignore[literal-required]  # both, one after the other
    class Base(Payload):
        number: Positive

        def __attrs_post_init__(self) -> None:
            ran.append("base")

    if refined_again:

        @frozen(slots=slots)  # type: ignore[literal-required]  # both, one after the other
        class More(Base):
            branch: Branch = X

            def __attrs_post_init__(self) -> None:
                super().__attrs_post_init__()
                ran.append("own")

        more: Any = More(Positive(1))
    else:

        @frozen(slots=slots)  # type: ignore[literal-required]  # both, one after the other
        class Less(Base):
            def __attrs_post_init__(self) -> None:
                super().__attrs_post_init__()
                ran.append("own")

        more = Less(Positive(1))
    assert more.number == 1
    assert ran == ["base", "own"]


def test_inherited_post_init() -> None:
    """A base's own `__attrs_post_init__` runs for a subclass that has refined fields and none of its own."""
    ran: list[str] = []

    @frozen
    class Base(Payload):
        def __attrs_post_init__(self) -> None:
            ran.append("base")

    @frozen
    class More(Base):
        number: Positive

    with pytest.raises(InvalidField):
        More(wrong(0))
    assert ran == []
    More(Positive(1))
    assert ran == ["base"]


def test_own_post_init_without_refined_fields() -> None:
    """A class without refined fields keeps its `__attrs_post_init__` as it is, and gets none if it has none."""

    @frozen
    class Plain(Payload):
        text: str

    assert not hasattr(Plain, "__attrs_post_init__")


@frozen
class Early(Payload):
    late: Late
    maybe: tuple[Late, ...] = ()


class Late(NonEmpty): ...


@frozen
class EarlyLeaf(Early):
    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()  # type: ignore[misc]  # pyright: ignore  # the check puts it there


def test_forward_references() -> None:
    """An annotation may name a class that is defined further down."""
    for kind in (Early, EarlyLeaf):
        assert kind(Late("x"), (Late("y"),)).late == "x"
        with pytest.raises(InvalidField, match=rf"{kind.__name__}\.late must be Late"):
            kind(wrong("x"))


def test_annotation_that_never_exists() -> None:
    """An annotation that names nothing is an error when the first object is made, and says the name."""

    @frozen
    class Lost(Payload):
        name: Nowhere  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore

    with pytest.raises(MachineDefinitionError, match="Lost: annotation 'Nowhere' does not exist at run time"):
        Lost("x")


def test_local_classes() -> None:
    """Annotations may name classes of the function that the class is made in; subclasses made elsewhere see them."""

    class Local(NonEmpty): ...

    @frozen
    class Base(Payload):
        local: Local

    def elsewhere() -> Any:
        @frozen
        class Leaf(Base):
            number: Positive

        return Leaf

    with pytest.raises(InvalidField, match=r"Leaf\.local must be Local"):
        elsewhere()("x", Positive(1))


def test_local_classes_that_are_not_refined() -> None:
    """A class whose annotations name local classes, none of them refined, is not checked, nor its subclasses."""

    class Colour: ...

    @frozen
    class Base(Payload):
        colour: Colour

    @frozen
    class Leaf(Base): ...

    assert isinstance(Leaf(Colour()).colour, Colour)
    assert not hasattr(Leaf, "__attrs_post_init__")


def test_equality_and_hash_are_attrs_own() -> None:
    """The check leaves equality, hash and repr as attrs made them."""
    assert Merge(Branch("x"), Positive(1)) == Merge(Branch("x"), Positive(1))
    assert len({Merge(Branch("x"), Positive(1)), Merge(Branch("x"), Positive(1))}) == 1
    assert repr(Merge(Branch("x"), Positive(1))) == "Merge(branch='x', ahead=1, note='')"
