"""For tests of one's own machines: a simulation in which all that can go wrong does, and is the same each time.

simulation.py   `simulate`, the one verb
running.py      one run: who there is, a schedule, and then rest
shrinking.py    the part of a run that is needed for it to fail
schedule.py     what happens, drawn from a seed
calm.py         whether all comes to rest once nothing fails
world.py        processes, and their stores
actors.py       what each process does
moves.py        which event can be sent, and which one leads on
ledger.py       what has to be so behind each commit
database.py     a database in memory, and the killing of who uses it
clock.py        the time
chance.py       numbers, states and events from a seed
"""

from leverframe.testing.chance import Chance
from leverframe.testing.simulation import Simulated, simulate

__all__ = ["Chance", "Simulated", "simulate"]
