"""A guard for the feast CLI: allows commands that only read, and rejects those that could change the live feature set."""

from infra.platform.errors import StackError

READING = {
    *("configuration", "endpoint", "get-historical-features", "get-online-features", "registry-dump"),
    *("serve", "serve_offline", "ui", "version"),
}
GROUPS = {
    *("data-sources", "entities", "feature-services", "feature-views", "features", "label-views", "on-demand-feature-views"),
    *("permissions", "projects", "saved-datasets", "stream-feature-views", "validation-references"),
}
READING_IN_GROUPS = {"check", "current_project", "describe", "list", "list-roles", "list-versions"}
OPTIONS_WITH_VALUE = {"-c", "--chdir", "-f", "--feature-store-yaml", "--log-level"}


def check_reads_only(arguments: list[str]) -> None:
    """Raise StackError unless this feast command only reads. The lists are for feast 0.67."""
    words = find_words(arguments)
    if "--help" in arguments or not words or words[0] in READING:
        return
    if words[0] in GROUPS and (len(words) == 1 or words[1] in READING_IN_GROUPS):
        return
    command = " ".join(words[: 2 if words[0] in GROUPS else 1])
    raise StackError(
        f"`feast {command}` could change the live feature set, which only the pipeline does: change feature_repo/movies.py if "
        f"the definitions are to change, then `make run DAG=refresh_movies` publishes a new set and puts it into service."
    )


def find_words(arguments: list[str]) -> list[str]:
    """Return the arguments without feast's own options and their values."""
    words, rest = [], iter(arguments)
    for argument in rest:
        if argument in OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            words.append(argument)
    return words
