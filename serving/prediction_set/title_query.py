"""What a person types, as a question in SQLite's full-text syntax that no text of theirs can change."""

import re
import unicodedata

MAX_CHARACTERS, MAX_WORDS = 200, 16
"""What is beyond is not looked at."""
MIN_PREFIX_CHARACTERS = 2
"""One Latin letter begins a tenth of all words; matching them all would be slow and of no use."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_WORD = re.compile(r"[^\W_]+")


def match_words(text: str) -> str:
    """Each word anywhere in the title, the last one as a beginning; '' when there is none."""
    words = split(text)
    if not words:
        return ""
    last = words[-1]
    star = "*" if len(last) >= MIN_PREFIX_CHARACTERS or not last.isascii() else ""
    return " ".join(map(quote, words)) + star


def match_exactly(text: str) -> str:
    """The words in this order at the title's start."""
    return "^" + quote(" ".join(split(text)))


def split(text: str) -> list[str]:
    """The words between blanks; the index takes what it calls punctuation out of them by itself."""
    return _NO_TEXT.sub(" ", text[:MAX_CHARACTERS]).split()[:MAX_WORDS]


def quote(words: str) -> str:
    """One phrase of FTS5: within the quotes nothing but a quote has a meaning."""
    return '"' + words.replace('"', '""') + '"'


def fold(text: str) -> str:
    """The words without case, marks and punctuation, to compare titles by."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return " ".join(_WORD.findall(bare))
