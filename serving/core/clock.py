"""The allowed difference between the clocks of the platform's machines."""

from datetime import timedelta

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""A stored time that is further ahead of this process's clock is treated as an error of its writer."""
