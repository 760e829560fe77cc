"""The facts that a clinical file name carries, and one spelling for every visit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from toolkit.records import PhotoFacts, Side

_TIMEPOINT = re.compile(r"V(?P<visit>\d{1,3})D(?P<day>\d{1,3})W(?P<week>\d{1,3})", re.IGNORECASE)
_SUBJECT_BEFORE_FACE = re.compile(
    r"(?P<subject>.+?)[_\s-]+FACE(?:[_\s-]+(?P<side>[A-Z]+))?(?![A-Z])", re.IGNORECASE
)
_SUBJECT_FIRST = re.compile(r"(?P<subject>[^_\s]+)[_\s]")
# Words for a side, without case, accents, and what is no letter: English, then German and Dutch, French, Spanish,
# Italian, Portuguese, Scandinavian, Polish, Russian, Chinese and Japanese.
_SIDE_WORDS: dict[Side, str] = {
    "left": "l left lt leftside leftface leftsideofface leftcheek "
    "links linke linkeseite linkegesichtshalfte gauche cotegauche izquierda izquierdo ladoizquierdo sinistra sinistro "
    "latosinistro esquerda esquerdo ladoesquerdo vanster venstre lewa lewy левая левыи слева 左 左側 左侧",
    "right": "r right rt rightside rightface rightsideofface rightcheek "
    "rechts rechte rechteseite rechtegesichtshalfte droite droit cotedroit derecha derecho ladoderecho destra destro "
    "latodestro direita direito ladodireito hoger højre høyre prawa prawy правая правыи справа 右 右側 右侧",
    "both": "f front frontal both full fullface face whole b "
    "beide beidseitig beideseiten deux lesdeux ambos ambas amboslados entrambi entrambe оба",
}
SIDES: tuple[Side, ...] = ("left", "right", "both")
_SIDES: dict[str, Side] = {word: side for side, words in _SIDE_WORDS.items() for word in words.split()}
# Soft hyphen, zero-width marks, marks of direction and of byte order; hyphens, dashes and minus; odd spaces.
_INVISIBLE = [
    0xAD,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x206A),
    0xFEFF,
]
_HYPHENS = [*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D]
_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
_LOOK_ALIKES: dict[int, str] = {
    **dict.fromkeys(_INVISIBLE, ""),
    **dict.fromkeys(_HYPHENS, "-"),
    **dict.fromkeys(_SPACES, " "),
}
_BASELINE = {"baseline", "bl", "base", "week0", "day0", "month0", "visit0"}
_UNITS = {
    **dict.fromkeys(("w", "wk", "week", "weeks"), "Week"),
    **dict.fromkeys(("d", "day", "days"), "Day"),
    **dict.fromkeys(("m", "mo", "month", "months"), "Month"),
    **dict.fromkeys(("v", "visit"), "Visit"),
}
_UNIT_FIRST = re.compile(r"(?P<unit>[a-z]+)[\s._#-]*(?P<number>\d{1,4})")
_NUMBER_FIRST = re.compile(r"(?P<number>\d{1,4})[\s._-]*(?P<unit>[a-z]+)")


def facts_from_name(name: str) -> PhotoFacts:
    """Subject, side and visit as a photo's file name tells them.

    ``name`` may be a path. Clinical names are read in full: ``P0001_FACE_L_S00_V00D00W04.jpg`` is subject
    P0001, side left (R right, F both, else None), visit "Week 4"; week, day and visit number 0 is
    "Baseline". Under any other name the photo is a subject of its own: the file's stem, no side, no visit.
    """
    stem = photo_stem(name)
    face, time = _SUBJECT_BEFORE_FACE.match(stem), _TIMEPOINT.search(stem)
    if face:
        return PhotoFacts(face["subject"], side_of(face["side"] or ""), _timepoint_label(time))
    first = _SUBJECT_FIRST.match(stem)
    if time and first:
        return PhotoFacts(first["subject"], None, _timepoint_label(time))
    return PhotoFacts(stem or name or "unnamed")


def is_clinical(name: str) -> bool:
    """Whether the name follows the clinical pattern, so that its subject is an identifier, not a stem."""
    return facts_from_name(name).subject != photo_stem(name)


def photo_stem(name: str) -> str:
    """The file name without folders (/ or \\) and without its last suffix."""
    return PurePosixPath(_with_slashes(name)).stem


def plain_text(text: str) -> str:
    """Text without invisible characters, and with the plain hyphen and space in place of their many look-alikes."""
    return text if text.isascii() else text.translate(_LOOK_ALIKES)


def folded(text: str) -> str:
    """Text as names are compared: Unicode-normalised, case-folded, white space tidied, without look-alikes."""
    return " ".join(unicodedata.normalize("NFC", plain_text(text)).casefold().split())


def file_key(file: str) -> str:
    """A file name or path as it is compared: ``folded``, ``stored_text``, with / between folders."""
    return _with_slashes(folded(stored_text(file))).removeprefix("./")


def stored_text(text: str) -> str:
    """Text that SQLite, workbooks and pages can hold: names of files may hold bytes that are no text, as lone
    surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _with_slashes(path: str) -> str:
    """/ in place of \\ between folders; the \\ of a byte that ``stored_text`` wrote out is none of these."""
    return re.sub(r"\\(?!udc[89a-f][0-9a-f])", "/", path)


def side_of(text: str, words: Mapping[str, Side] | None = None) -> Side | None:
    """Left, right or both from any usual spelling ("L", "Left side", "gauche", "frontal"), or by ``words``, spelt as by
    ``plain_word``, which go first; None if it is none."""
    plain = plain_word(text)
    return (words or {}).get(plain) or _SIDES.get(plain)


def plain_word(text: str) -> str:
    """A word as words for sides are compared: its letters, without case and accents; a code of none as it is."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text.casefold()) if letter.isalpha())
    return "".join(letters) or text.strip()


def roles_and_sides(pairs: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], dict[str, Side]]:
    """What users name of a table, as pairs (role, name): columns and sheets; and words for sides, as ``side_of`` takes
    them."""
    named, words = [], {}
    for role, name in pairs:
        side = next((side for side in SIDES if side == role), None)
        if side:
            words[plain_word(name)] = side
        else:
            named.append((role, name))
    return named, words


def visit_label(text: str) -> str:
    """One spelling for a visit: "Baseline", "Week 4", "Day 28", "Month 3", "Visit 2".

    "BL", "W0", "Week 00" and "Day 0" are "Baseline"; "wk04", "4 weeks" and "W4" are "Week 4"; a bare number
    is a visit number; anything else is kept, with its white space tidied.
    """
    return known_visit(text) or " ".join(text.split())


def known_visit(text: str) -> str | None:
    """As ``visit_label``, but None for a text that is no known way to write a visit."""
    plain = re.sub(r"(?<=\d)\.0+$", "", " ".join(text.casefold().split()))  # Week 4.0
    if plain.replace(" ", "") in _BASELINE:
        return "Baseline"
    if plain == "screening":
        return "Screening"
    if plain.isdecimal():
        return _label("Visit", int(plain))
    found = _UNIT_FIRST.fullmatch(plain) or _NUMBER_FIRST.fullmatch(plain)
    if found is None or found["unit"] not in _UNITS:
        return None
    return _label(_UNITS[found["unit"]], int(found["number"]))


def _label(unit: str, number: int) -> str:
    return f"{unit} {number}" if number else "Baseline"


def _timepoint_label(time: re.Match[str] | None) -> str | None:
    if time is None:
        return None
    visit, day, week = (int(time[part]) for part in ("visit", "day", "week"))
    if week:
        return f"Week {week}" if day in (0, 7 * week) else f"Week {week} Day {day}"
    return _label("Day", day) if day else _label("Visit", visit)
