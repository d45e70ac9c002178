"""The bases of states and events."""

from __future__ import annotations

import sys
from typing import Any

from leverframe.typed.fields import install_check

__all__ = ["Event", "Payload"]


class _Checked:
    """Gives a class with refined fields a check of them, run when an object is made."""

    __slots__ = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # One frame up stands the class statement: its local classes may be named in annotations.
        install_check(cls, sys._getframe(1).f_locals)  # pyright: ignore[reportPrivateUsage]  # there is no public name


class Payload(_Checked):
    """The base of every state: a superstate is a subclass, a leaf a subclass decorated with `attrs.frozen`.

    A field annotated with a `Positive`, a `NonEmpty` or a subclass of them takes nothing else, at run time too
    (`InvalidField`), in optional fields and homogeneous tuples as well.

    >>> from attrs import frozen
    >>> from leverframe import Payload, Positive
    >>> @frozen
    ... class Merge(Payload):
    ...     commits_ahead: Positive
    >>> Merge(Positive(3))
    Merge(commits_ahead=3)
    >>> Merge(3)
    Traceback (most recent call last):
    leverframe.errors.InvalidField: Merge.commits_ahead must be Positive, got int 3; make one with Positive(...)
    """

    __slots__ = ()


class Event(_Checked):
    """The base of every event: decorate the subclass with `attrs.frozen`.  Its fields are checked as a state's are.

    >>> from attrs import frozen
    >>> from leverframe import Event
    >>> @frozen
    ... class Block(Event):
    ...     reason: str
    >>> Block("waiting for a decision")
    Block(reason='waiting for a decision')
    """

    __slots__ = ()
