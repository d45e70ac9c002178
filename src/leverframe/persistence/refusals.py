"""Refusals as text: how a delivery id that was refused is answered in the same words when it comes again."""

from __future__ import annotations

from typing import Any, cast

from leverframe.errors import AlreadyExists, Key, LeverframeError, StaleState, TransitionNotAllowed
from leverframe.persistence.codec import read_json, write_json

__all__ = ["read_refusal", "write_refusal"]


def write_refusal(error: LeverframeError, version: int) -> str:
    """A refusal, and the version of the instance that was refused, as text."""
    told: dict[str, Any] = {"error": type(error).__name__, "version": version}
    match error:
        case TransitionNotAllowed():
            told |= {"machine": error.machine, "event": error.event, "state": error.state}
            told |= {"accepted": list(error.accepted), "reason": error.reason}
        case StaleState():
            told |= {"machine": error.machine, "expected": error.expected, "state": error.state}
        case AlreadyExists():
            told |= {"machine": error.machine, "field": error.field, "value": error.value}
        case _:
            raise TypeError(f"{error!r} is no refusal")
    return write_json(told)


def read_refusal(text: str, key: Key) -> tuple[LeverframeError, int]:
    """The refusal and the version that `write_refusal` made this text of."""
    told = cast("dict[str, Any]", read_json(text))
    return _error(told, key), told["version"]


def _error(told: dict[str, Any], key: Key) -> LeverframeError:
    match told:
        case {"error": "StaleState"}:
            return StaleState(told["machine"], told["expected"], told["state"], key)
        case {"error": "AlreadyExists"}:
            return AlreadyExists(told["machine"], key, told["field"], told["value"])
        case _:
            accepted = tuple(told["accepted"])
            return TransitionNotAllowed(told["machine"], told["event"], told["state"], accepted, told["reason"], key)
