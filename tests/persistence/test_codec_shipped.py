"""What the shipped machines write is read back and equal."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leverframe import Positive
from leverframe.machines import execution, pipeline
from leverframe.persistence.codec import codec_of, read_json

patiently = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
"""Large values, on machines of any speed."""

TEXTS = st.text(st.characters(codec="utf-8"))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))])
# A day from both ends, for a zone shifts a time over them.
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
FIELDS: dict[type, Any] = {
    str: TEXTS,
    int: st.integers(),
    datetime: TIMES,
    Positive: st.integers(1).map(Positive),
    pipeline.GitSha: st.from_regex("[0-9a-f]{7,40}", fullmatch=True).map(pipeline.GitSha),
    **{name: NAMES.map(name) for name in (pipeline.StoryId, pipeline.BranchName, execution.AgentName)},
}


def values_of(classes: tuple[type, ...]) -> Any:
    """Values of these classes."""
    return st.one_of([_values(cls) for cls in classes])


def _values(cls: Any) -> Any:
    hints = get_type_hints(cls)
    return st.builds(cls, **{each.name: FIELDS[hints[each.name]] for each in cls.__attrs_attrs__})


@patiently
@given(values_of(pipeline.Pipeline.leaves()))
def test_pipeline_states_survive(value: pipeline.PipelineState) -> None:
    """Every state of Pipeline is read back equal and written alike again."""
    codec = codec_of(pipeline.Pipeline)
    text = codec.encode_state(value)
    assert codec.decode_state(text) == value
    assert type(codec.decode_state(text)) is type(value)
    assert codec.encode_state(codec.decode_state(text)) == text


@patiently
@given(values_of(pipeline.Pipeline._structure.events))  # pyright: ignore[reportPrivateUsage]  # no public list of events
def test_pipeline_events_survive(value: pipeline.PipelineEvent) -> None:
    """Every event of Pipeline is read back equal, from text and flat from a log."""
    codec = codec_of(pipeline.Pipeline)
    text = codec.encode_event(value)
    assert codec.decode_event(text) == value
    raw: Any = read_json(text)
    assert codec.parse_event({"type": raw["type"], **raw["body"]}) == value
    assert codec.parse_event(raw) == value


@patiently
@given(values_of(execution.Execution.leaves()))
def test_execution_states_survive(value: execution.ExecutionState) -> None:
    """Every state of Execution is read back equal and written alike again."""
    codec = codec_of(execution.Execution)
    text = codec.encode_state(value)
    assert codec.decode_state(text) == value
    assert codec.encode_state(codec.decode_state(text)) == text


@patiently
@given(values_of(execution.Execution._structure.events))  # pyright: ignore[reportPrivateUsage]  # no public list of events
def test_execution_events_survive(value: execution.ExecutionEvent) -> None:
    """Every event of Execution is read back equal."""
    codec = codec_of(execution.Execution)
    assert codec.decode_event(codec.encode_event(value)) == value
