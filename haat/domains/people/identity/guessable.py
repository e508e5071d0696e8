"""Passwords that others would try first: a list of the most common ones and of the words that they
are made of, with the ways in which people dress a word up.

The words stand for far more than themselves: "Dragon", "dr4g0n!" and "dragon2024" are one guess of
the programs that guess. An operator may add a list of breached passwords (`breached`).
"""

import re

COMMON = frozenset(
    """
    12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 11111111
    00000000 22222222 88888888 99999999 12341234 11223344 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx
    qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwe123qwe asdfghjk asdfghjkl
    asdf1234 zxcvbnm1 zxcvbnm123 abcdefgh abcd1234 abc12345 abc123456 a1b2c3d4 aa123456 a1234567
    a12345678 a123456789 password password1 password12 password123 password1234 password! passw0rd
    p@ssword p@ssw0rd pa$$word pa55word mypassword newpassword passpass 1password letmein1
    letmein123 letmein! welcome1 welcome12 welcome123 welcome! iloveyou iloveyou1 iloveyou2
    iloveyou! sunshine sunshine1 princess princess1 football football1 baseball baseball1
    basketball superman superman1 batman123 spiderman pokemon1 starwars starwars1 trustno1
    whatever whatever1 computer computer1 internet internet1 michelle jennifer jessica1 charlie1
    michael1 daniel123 jonathan jordan23 liverpool liverpool1 chelsea1 arsenal1 barcelona
    manchester admin123 admin1234 administrator adminadmin changeme changeme1 changeme123 default1
    secret123 topsecret rootroot toor1234 test1234 testtest testing1 testing123 user1234 guest123
    dragon123 monkey123 shadow123 master123 hello123 helloworld freedom1 blink182 samsung1
    samsung123 google123 facebook facebook1 instagram linkedin summer2024 summer2025 summer2026
    winter2024 winter2025 winter2026 spring2025 spring2026 autumn2025 autumn2026 january1
    december1 chocolate chocolate1 butterfly cupcake1 flower123 bangladesh bangladesh1 dhaka123
    india123 pakistan pakistan1 marketplace shopping shopping1 customer customer1
    """.split()
)

# What a password is often a dressed-up form of.
WORDS = frozenset(
    """
    password passwort passord contrasena motdepasse senha parola haslo wachtwoord salasana passcode
    passphrase pass secret letmein welcome changeme default admin administrator root user guest
    login test tester testing demo temp temporary master access server system network internet
    computer laptop windows linux ubuntu apple android samsung google facebook instagram twitter
    youtube amazon netflix microsoft oracle database hello helloworld love iloveyou loveyou lover
    loveme ihateyou fuckyou fuckoff asshole bitch sexy babygirl baby angel princess prince queen
    king kitty kitten puppy doggy tiger lion dragon monkey panda eagle falcon shark dolphin
    butterfly unicorn horse snoopy garfield mickey minnie bugs tweety pokemon pikachu naruto batman
    superman spiderman ironman starwars skywalker vader matrix gandalf hobbit potter harrypotter
    hogwarts ninja samurai pirate warrior knight wizard hunter killer ranger soldier marine army
    football soccer baseball basketball hockey tennis golf cricket cricketer liverpool arsenal
    chelsea barcelona realmadrid juventus manchester united yankees cowboys steelers lakers summer
    winter spring autumn sunshine sunny rainbow flower flowers rose daisy lily cherry banana orange
    strawberry chocolate cookie cupcake cheese pizza coffee pepper ginger sugar honey candy star
    stars moon sun sky shadow silver golden diamond crystal purple yellow green blue black white
    january february march april june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday michael jennifer jessica ashley amanda daniel david
    robert thomas william charlie charles george joseph joshua matthew andrew anthony nicholas
    jordan justin brandon christopher michelle nicole natasha samantha stephanie elizabeth victoria
    alexander alexandra maria martin patrick peter richard steven taylor thunder hannah sophie
    olivia emily jasmine lauren madison rachel rebecca sarah kevin eric jason ryan tyler maggie
    buster bailey harley max mohammed muhammad ahmed ahmad ali fatima rahman bangladesh dhaka
    chittagong india indian delhi mumbai pakistan karachi london paris berlin madrid newyork
    california texas america canada mexico brasil brazil australia germany france england italia
    russia moscow china jesus christ jesuschrist god godisgood bismillah allah allahuakbar krishna
    ganesh heaven blessed faith freedom liberty peace forever always family mother father mommy
    daddy sister brother friends friend bestfriend trustno nothing whatever money business company
    market marketplace shop shopping shopper store vendor customer seller buyer haat qwerty qwertz
    azerty asdfgh asdf zxcvbn zxcvbnm qazwsx qwe asd zxc abc abcd abcdef xyz aaa
    """.split()
)
WORD_MIN_CHARS = 3
DRESS_MAX_CHARS = 6  # what may stand around a word: a year and an exclamation mark, or a birthday

_LEET = str.maketrans("0134578@$!+€", "oieastbasite")
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
_RUNS = tuple(row * 2 for row in _ROWS) + tuple(row[::-1] * 2 for row in _ROWS)
_PARTS = re.compile(r"[^\W_]+")
_DRESS = re.compile(r"^[\W\d_]*(.*?)[\W\d_]*$", re.DOTALL)


def is_guessable(password: str, *known: str) -> bool:
    """Whether a password is one of the first that are tried. `known` are words that a guesser has
    of this person: an address and its parts, a name."""
    plain = password.casefold()
    if plain in COMMON or _repeats(plain) or _runs(plain):
        return True
    own = {word.casefold() for word in known if len(word) >= WORD_MIN_CHARS}
    return (
        plain in own
        or not WORDS.isdisjoint(undressed(plain))
        or any(form in own for form in undressed(plain))
    )


def undressed(password: str) -> set[str]:
    """The words that this may be a dressed-up form of."""
    plain = password.casefold()
    found = {plain.translate(_LEET)}
    match = _DRESS.match(plain)
    core = match[1] if match else plain
    if len(plain) - len(core) <= DRESS_MAX_CHARS:
        found.update(_once(form) for form in (core, core.translate(_LEET)))
        found.add("".join(_PARTS.findall(core)))
    return found


def said_of(name: str) -> set[str]:
    """What people make a password of where something has this name: "Blue Barn & Co." is blue barn
    & co., bluebarnco, and bluebarn. Too short is no word."""
    plain = " ".join(name.casefold().split())
    parts = _PARTS.findall(plain)
    long = [part for part in parts if len(part) >= WORD_MIN_CHARS]
    forms = {plain, "".join(parts), "".join(long), "".join(parts[:2])}
    return {form for form in forms if len(form) > WORD_MIN_CHARS}


def _once(form: str) -> str:
    """A word that stands there twice, once."""
    half = form[: len(form) // 2]
    return half if half and half * 2 == form else form


def _repeats(plain: str) -> bool:
    """ "aaaaaaaa", "abababab", "abcabcabc": a piece of up to four characters, over and over."""
    return any(plain == (plain[:size] * len(plain))[: len(plain)] for size in range(1, 5)) and (
        len(plain) >= 2
    )


def _runs(plain: str) -> bool:
    """A walk along the keyboard, the alphabet or the digits, in either direction."""
    return any(plain in run for run in _RUNS)
