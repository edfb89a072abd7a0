"""The day under which raw bytes are archived."""

from datetime import date, timedelta

LATE = timedelta(days=1)
"""A run may begin on its day and end after midnight."""


def choose_archive_day(day: date, today: date) -> date:
    """Return the day on which the bytes of a run for `day` count as known: the run's own, or `today` if it is much later.

    The sources publish today's data alone, so what a run for a missed day fetches was not known on that day.
    """
    return day if today - day <= LATE else today
