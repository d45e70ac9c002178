"""What leverframe costs, always beside something else in the same run.  Not installed; README.md has the commands."""
