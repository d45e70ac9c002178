"""The store, with all of its verbs."""

from __future__ import annotations

from leverframe.coordination.attending import Attending
from leverframe.coordination.consuming import Consuming
from leverframe.coordination.dependencies import Depending
from leverframe.coordination.observing import Observing
from leverframe.coordination.operating import Operating
from leverframe.coordination.reaping import Reaping
from leverframe.coordination.resuming import Resuming
from leverframe.coordination.together import Together
from leverframe.coordination.waking import Waking
from leverframe.persistence.store import SnapshotStore

__all__ = ["Store"]


class Store(Attending, Consuming, Depending, Observing, Operating, Reaping, Resuming, Together, Waking, SnapshotStore):
    __doc__ = SnapshotStore.__doc__
