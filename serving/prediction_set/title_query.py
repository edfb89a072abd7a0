"""Turns the text of a search into an FTS5 query; the text is quoted, so it cannot change the query's syntax."""

import re
import unicodedata

MAX_CHARACTERS, MAX_WORDS = 200, 16
"""Limits of a search text; the rest is ignored."""
MIN_PREFIX_CHARACTERS = 2
"""Minimum length of a prefix in Latin letters: a single letter would match a tenth of all words, slowly and without use."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_WORD = re.compile(r"[^\W_]+")


def match_words(text: str) -> str:
    """Return a query for titles with all these words in any place, the last one as a prefix; '' without words."""
    words = split(text)
    if not words:
        return ""
    last = words[-1]
    star = "*" if len(last) >= MIN_PREFIX_CHARACTERS or not last.isascii() else ""
    return " ".join(map(quote, words)) + star


def match_exactly(text: str) -> str:
    """Return a query for titles that begin with these words in this order."""
    return "^" + quote(" ".join(split(text)))


def split(text: str) -> list[str]:
    """Return the words between blanks; the index removes punctuation from them."""
    return _NO_TEXT.sub(" ", text[:MAX_CHARACTERS]).split()[:MAX_WORDS]


def quote(words: str) -> str:
    """Return an FTS5 phrase; within quotes, only the quote character is special."""
    return '"' + words.replace('"', '""') + '"'


def fold(text: str) -> str:
    """Return the words without case, diacritics and punctuation, for the comparison of titles."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return " ".join(_WORD.findall(bare))
