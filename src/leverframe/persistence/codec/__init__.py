"""Typed states and events as canonical JSON, and back.

    json_text.py       JSON, read strictly and written canonically
    scalars.py         how each type of a single value is stored
    containers.py      how lists, tuples, sets, dictionaries, optional and tagged values are
    converter.py       from annotations to these forms, and to code written by cattrs
    explain.py         errors as (path, problem)
    versions.py        upcasters, and what version a class is at
    family.py          the states of a machine, or its events, by name
    machine_codec.py   what a store calls

>>> from leverframe.persistence.codec import codec_of
>>> from leverframe.machines.pipeline import *
>>> codec_of(Pipeline).decode_state(codec_of(Pipeline).encode_state(Qa()))
Qa()
"""

from leverframe.persistence.codec.json_text import read_json, write_json
from leverframe.persistence.codec.machine_codec import MachineCodec, codec_of

__all__ = ["MachineCodec", "codec_of", "read_json", "write_json"]
