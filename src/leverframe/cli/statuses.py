"""What does the exit status of a command say?

0    done
1    done, and something was found: no such instance, a row that cannot be read, an event that is refused, refusals of a
     replay with `--strict`
2    could not be done: wrong usage, a file or a database that cannot be used
130  interrupted
"""

__all__ = ["CANNOT", "FOUND", "INTERRUPTED"]

FOUND = 1
CANNOT = 2
INTERRUPTED = 130
