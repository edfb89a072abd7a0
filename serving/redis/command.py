"""Commands in Redis's own protocol, as bytes."""

from collections.abc import Sequence

import hiredis

HashReply = Sequence[bytes | None] | hiredis.ReplyError
"""What HMGET answers: a value or None for each field, or Redis's error."""


def pack(*words: str | bytes | int) -> bytes:
    """One command in Redis's protocol."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub names a tuple of one
    return packed


def pack_around(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[bytes, bytes]:
    """A command with one word left out: send `head + b"$<length>\\r\\n<word>\\r\\n" + tail`."""
    head = b"*%d\r\n" % (len(before) + 1 + len(after))
    return head + b"".join(map(pack_word, before)), b"".join(map(pack_word, after))


def pack_word(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


def greet(username: str, password: str, database: str) -> list[bytes]:
    """What a new connection says first."""
    login = [pack("AUTH", *([username] if username else []), password)] if password else []
    return login + ([pack("SELECT", database)] if database not in {"", "0"} else [])
