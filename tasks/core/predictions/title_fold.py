"""Titles as the search compares them. serving/prediction_set/title_fold.py is the same; a test holds the two together."""

import re
import unicodedata

from anyascii import anyascii

_APOSTROPHES = re.compile("['`]")
"""Apostrophes are removed, so that "Schindler's" is found as "schindlers"."""
_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Characters of scripts that put no blanks between words (Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese). Each counts as
a word, so that a title is found by any part of it."""
_BETWEEN_WORDS = re.compile("[^a-z0-9]+")


def fold(text: str) -> str:
    """Return the words of a title or a query in plain lower-case letters and digits, separated by single blanks.

    Unicode's compatibility forms (NFKC) and case folding unify look-alike characters; anyascii transliterates the other letters.
    A text without letters and digits, such as `$`, is returned as it is, without blanks and control characters.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = _APOSTROPHES.sub("", anyascii(_UNSPACED.sub(r" \g<0> ", plain)).lower())
    words = _BETWEEN_WORDS.sub(" ", letters).strip()
    return words or "".join(char for char in plain if char.isprintable() and not char.isspace())
