"""The shipped machines, one system a module.

>>> from leverframe.machines import Execution, Pipeline
>>> Pipeline.initial().__name__, Execution.initial().__name__
('Backlog', 'Idle')
"""

from leverframe.machines.execution import Execution
from leverframe.machines.pipeline import Pipeline

__all__ = ["Execution", "Pipeline"]
