"""The one error of the platform's commands: a sentence that states the fault and the remedy."""


class StackError(Exception):
    """A fault whose text is shown to the user without a traceback; it names the wrong value and the next step."""
