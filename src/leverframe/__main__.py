"""`python -m leverframe` is the command `leverframe`."""

from leverframe.cli import main

if __name__ == "__main__":
    main()
