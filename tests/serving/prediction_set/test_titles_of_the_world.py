# ruff: noqa: RUF001  # letters that look like others are what is tested
"""Titles of more than twenty scripts and languages are found in plain letters, in their own spelling and by a part of it."""

from collections.abc import Iterator

import pytest

from serving.prediction_set.database import PredictionDatabase
from tests.serving.prediction_set.factories import Movie, build

TITLES = {
    "Arabic": ("باب الحديد", "bb", "الحديد"),
    "Armenian": ("Նռան գույնը", "gowyny", "գույն"),
    "Azerbaijani": ("Şəhərin ÉTOILE", "seherin etoile", "əhəri"),
    "Bengali": ("পথের পাঁচালী", "pther", "পাঁচা"),
    "Burmese": ("ဝတ္ထုထောင်", "v t th u", "ထုထောင်"),
    "Chinese": ("臥虎藏龍", "wo hu cang long", "虎藏"),
    "Danish": ("Babettes gæstebud på Ærø", "gaestebud pa aero", "stebud"),
    "Devanagari": ("मदर इण्डिया", "mdr", "इण्डि"),
    "Fullwidth Latin": ("ＡＫＩＲＡ", "akira", "ＩＲＡ"),
    "Georgian": ("მონანიება", "monanieba", "ნანიე"),
    "German": ("Die große Straße", "die grosse strasse", "ße Str"),
    "Greek": ("Ο Θίασος", "thiasos", "ίασο"),
    "Hebrew": ("ואלס עם באשיר", "vls", "באשי"),
    "Icelandic": ("Þorsteinn og Ðuríður", "thorsteinn og duridur", "steinn"),
    "Japanese": ("千と千尋の神隠し", "qian to qian xun", "神隠"),
    "Kannada": ("ಸಂಸ್ಕಾರ", "smskar", "ಸ್ಕಾ"),
    "Khmer": ("អប្សរា", "b s r a", "ប្សរ"),
    "Korean": ("기생충", "gisaengchung", "생충"),
    "Ligature": ("Aﬃnity of the oﬃce", "affinity of the office", "oﬃ"),
    "Norwegian": ("Søndagsengler", "sondagsengler", "ndags"),
    "Polish": ("Krótki film o zabijaniu, Łódź", "krotki film o zabijaniu lodz", "abijan"),
    "Russian": ("Броненосец Потёмкин", "bronenosets potemkin", "носец"),
    "Tamil": ("பராசக்தி", "prackti", "சக்தி"),
    "Telugu": ("మాయాబజార్", "mayabjar", "బజా"),
    "Thai": ("องค์บาก", "ng kh b", "บาก"),
    "Turkish": ("Kış Uykusu: ışık", "kis uykusu isik", "ykusu"),
    "Vietnamese": ("Mùi đu đủ xanh", "mui du du xanh", "đủ xa"),
}
"""Language or script -> the title, its beginning or whole in plain letters, and a part from its middle."""


@pytest.fixture(scope="module")
def titles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionDatabase]:
    path = tmp_path_factory.mktemp("world") / "titles.sqlite"
    known = [Movie(f"tt{number:07d}", f"Well Known {number}", votes=1_000_000 + number) for number in range(1000)]
    world = [Movie(f"tt{9_000_000 + number}", title) for number, (title, _, _) in enumerate(TITLES.values())]
    opened = PredictionDatabase.open(path, build(path, [*known, *world]))
    yield opened
    opened.close()


@pytest.mark.parametrize("language", TITLES)
def test_a_title_is_found_in_plain_letters_as_spelled_and_by_a_part(titles: PredictionDatabase, language: str) -> None:
    title, plain, part = TITLES[language]
    for text in (title, plain, part, title.upper()):
        assert title in [movie.title for movie in titles.search(text, 10)], text
