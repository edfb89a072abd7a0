"""The words of the synthetic sample: titles, names, plots. Names are built from syllables, so that no real person has them."""

# ruff: noqa: SIM905 - lists of quoted words would be twice as long and no clearer

from random import Random

ADJECTIVES = (
    "Amber Bitter Borrowed Broken Burning Careless Crooked Distant Drowned Eager Early Empty Faithful Final Forgotten "
    "Frozen Gentle Golden Hidden Hollow Honest Hungry Idle Last Late Little Lonely Long Lost Lucky Paper Patient Perfect "
    "Plain Quiet Reckless Restless Rusted Sacred Salt Savage Second Secret Seventh Silent Silver Sleeping Slow Small "
    "Stolen Strange Sunken Tender Thirsty Tin Tired Unspoken Velvet Wandering Weary Wild Winter Wooden Wrong Young"
).split()
NOUNS = (
    "Accordion Alibi Almanac Anchor Apiary Archive Armada Atlas Aviary Bakery Ballad Barometer Bell Bridge Butcher Cabinet "
    "Canal Candle Captain Caravan Carnival Cartographer Chandelier Cipher Circus Clockmaker Comet Compass Courier Dancer "
    "Debt Delta Detective Divorce Dowry Echo Empire Errand Estuary Fable Ferry Fiddler Fog Fortune Fox Frontier Furnace "
    "Garden Ghost Glacier Governor Guest Harbour Harvest Heir Heist Hour Inheritance Island Judge Kettle Kingdom Kite "
    "Labyrinth Lantern Ledger Letter Lighthouse Locksmith Machine Mapmaker Marriage Mask Mathematician Meridian Midnight "
    "Mirror Mountain Mutiny Neighbour Night Nocturne Oath Orchard Outlaw Pact Parade Passenger Pilot Planet Promise Quarry "
    "Railway Rebellion Reservoir Riddle River Road Rumour Sailor Saxophone Scaffold Secret Shadow Shepherd Siege Signal "
    "Sister Snow Soldier Sparrow Stairs Storm Summer Sword Tailor Tempest Theorem Thief Tide Tower Train Treasure Tunnel "
    "Umbrella Valley Verdict Violin Voyage Wager Watchman Weather Wedding Whale Widow Window Witness Wolf Year Zeppelin"
).split()
PLACES = (
    "Arrowmere Bellcastra Calder Drumvale Estermont Farrowgate Galvany Highmarsh Istrava Jorvela Kestrelholm Lunmarsk "
    "Merrowdale Norrach Ostrelle Pellam Quillon Ravensey Saltmere Tarrowick Umberland Velmora Westerfell Yarrowby Zelmont"
).split()
KEYWORDS = (
    "amnesia,anthology,apprentice,archaeology,arranged marriage,assassin,based on novel,beach,betrayal,biography,blackmail,"
    "border,boxing,brothers,cave,chase,chess,childhood friend,clockwork,coal mine,coming of age,con artist,conspiracy,"
    "courtroom,cult,desert,diary,dictatorship,disappearance,double life,dream,duel,earthquake,espionage,exile,expedition,"
    "factory,family secret,farm,father daughter relationship,fishing village,flashback,flood,forgery,friendship,gambling,"
    "ghost,grief,haunted house,heist,hospital,hostage,hotel,immigrant,inheritance,investigation,island,jealousy,jungle,"
    "kidnapping,lighthouse,loneliness,love triangle,mathematics,memory,monastery,monster,mother son relationship,mountain,"
    "murder,music,mutiny,neighbour,newspaper,orphan,parallel world,piano,pirate,plague,police,prison,prophecy,railway,"
    "rebellion,redemption,remake,revenge,river,road trip,robot,sailor,school,sea,sequel,siege,small town,snow,space travel,"
    "spy,stepfamily,storm,strike,submarine,suburb,superhero,swindler,teacher,time travel,train,treasure,trial,twins,"
    "undercover,unrequited love,vampire,village,violin,war,wedding,widow,winter,wolf,writer,zeppelin"
).split(",")

_ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh sk st t th tr v w y z".split()
_NUCLEI = "a e i o u ae ei ia ou é ø ü".split()
_NUCLEUS_WEIGHTS = (9, 9, 7, 8, 5, 1, 2, 2, 2, 0.4, 0.2, 0.3)
_CODAS = "l n r s th nd rk lm ss ck x sk ne".split()
_SURNAME_ENDINGS = "ane berg by dal ell en eth ić ine mar mond on osk rick son stad tine ukai vale wick yan".split()
_GIVEN_ENDINGS = "a an ara as e ek el ia ik ina is o on ra us yn".split()
_HANGUL, _KANA = range(0xAC00, 0xD7A3, 97), range(0x30A2, 0x30ED)


def _syllable(rng: Random) -> str:
    return rng.choice(_ONSETS) + rng.choices(_NUCLEI, _NUCLEUS_WEIGHTS)[0]


def make_person_name(rng: Random) -> str:
    given = _syllable(rng) + rng.choice(_CODAS) + rng.choice(_GIVEN_ENDINGS)
    surname = _syllable(rng) + rng.choice(_CODAS) + rng.choice(_SURNAME_ENDINGS)
    middle = f" {rng.choice('ABCDEFGHJKLMNOPRSTVW')}." if rng.random() < 0.06 else ""
    return f"{given.capitalize()}{middle} {surname.capitalize()}"


def make_company_name(rng: Random) -> str:
    ending = rng.choice(
        ("Pictures", "Films", "Film", "Studios", "Productions", "Entertainment", "Cinematografica", "Filmproduktion")
    )
    return f"{(_syllable(rng) + rng.choice(_CODAS) + rng.choice(_SURNAME_ENDINGS)).capitalize()} {ending}"


def make_title(rng: Random) -> str:
    adjective, noun, other, place = rng.choice(ADJECTIVES), rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(PLACES)
    patterns = (
        f"The {adjective} {noun}",
        f"{adjective} {noun}",
        f"The {noun} of {place}",
        f"{noun} and {other}",
        f"A {noun} for {place}",
        f"The {noun}'s {other}",
        f"{place}",
        f"{place}: The {adjective} {noun}",
        f"What the {noun} Knew",
        f"{noun} {rng.randint(2, 4)}",
        f'The "{adjective}" {noun}',  # IMDb's files are unquoted, so a quotation mark is an ordinary character
    )
    return rng.choices(patterns, (20, 16, 12, 8, 5, 8, 2, 5, 3, 2, 0.2))[0]


def make_foreign_title(rng: Random, language: str) -> str:
    if language == "ko":
        return "".join(chr(rng.choice(_HANGUL)) for _ in range(rng.randint(2, 6)))
    if language == "ja":
        return "".join(chr(rng.choice(_KANA)) for _ in range(rng.randint(3, 8)))
    return " ".join(
        (_syllable(rng) + rng.choice(_CODAS) + rng.choice(_GIVEN_ENDINGS)) for _ in range(rng.randint(1, 4))
    ).capitalize()


def make_overview(rng: Random) -> str:
    place, others = rng.choice(PLACES), rng.sample(NOUNS, 4)
    who = f"a {rng.choice(ADJECTIVES).lower()} {others[0].lower()}"
    sentences = (
        f"In {place}, {who} finds a {others[1].lower()} that was never meant to be found.",
        f"When the {others[2].lower()} of {place} vanishes, {who} must choose between a promise and the truth.",
        f"Nobody in {place} speaks of the {others[3].lower()}.",
        f"Over one {rng.choice(ADJECTIVES).lower()} summer, everything {make_person_name(rng)} believes comes undone.",
        f"Then the {others[1].lower()} returns, and with it a {rng.choice(ADJECTIVES).lower()} {others[3].lower()}.",
    )
    return " ".join(rng.sample(sentences, rng.choices((0, 1, 2, 3, 4), (2, 20, 35, 30, 13))[0]))
