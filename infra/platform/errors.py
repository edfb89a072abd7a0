"""The error class of the platform's commands."""


class StackError(Exception):
    """An error whose text is shown to the user without a traceback. The text names the wrong value and the next step."""
