"""Claim and completion of jobs: leverframe beside what one would write by hand, and beside other queues."""
