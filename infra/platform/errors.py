"""The one error of the embedded stack: a sentence that says what is wrong and what to do."""


class StackError(Exception):
    """Shown to the user as it stands, without a traceback; so the text names the wrong value and the next step."""
