"""How far the clocks of the platform's machines may differ."""

from datetime import timedelta

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""A time further ahead of this process's clock than this is a fault of its writer."""
