"""What a file name tells of the light that a photograph was taken in, and whether it is a copy of another file.

A camera takes several pictures of one face at one visit: white light, crossed or parallel polarisers, ultraviolet.
They are no retakes of each other, and a network that learns from all of them learns none of them. So a model is of one
mode, and grades that one alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from toolkit.errors import TrainingError
from toolkit.study.names import folded, photo_stem

WHITE, UV = "white", "uv"
# Last words of a name, without what separates their parts.
_WORDS = {
    WHITE: "white whitelight wl std standard standardlight vis visible",
    UV: "uv uvf uvfl uva uvlight ultraviolet fluorescence wood woods woodslight uvspots porphyrin porphyrins",
    "xpol": "xpol xp xpolarized xpolarised cpol cross crosspol crosspolarized crosspolarised",
    "ppol": "ppol pp ppolarized ppolarised parallel parallelpol parallelpolarized parallelpolarised",
    "nir": "nir ir infrared",
    "brown": "brown brownspots brownareas",
    "red": "red redareas redspots",
}
_TITLES = {
    WHITE: "white light",
    UV: "ultraviolet",
    "xpol": "crossed polarisers",
    "ppol": "parallel polarisers",
    "nir": "near infrared",
    "brown": "brown map",
    "red": "red map",
}
OTHER_MODE = "another mode"  # what the note of a photo begins with that is not graded for its mode
_MODES = {word: mode for mode, words in _WORDS.items() for word in words.split()}
_LAST_WORDS = re.compile(r"(?<=[\s_.-])(?:[a-z']+[\s_-]+)?[a-z']+$")
_COPY_MARK = re.compile(
    r"(?P<name>.+?)(?:[\s_]*\(\d{1,3}\)|[\s_]*-?[\s_]*(?:copy|kopie|copie|copia|cópia|copy of)(?:[\s_]*\(?\d{1,3}\)?)?)$"
)
_COPY_FIRST = re.compile(r"(?:copy of|kopie von|copie de|copia de|cópia de)\s+(?P<name>.+)$")


def mode_of(name: str) -> str:
    """The mode that the end of a photo's name tells: "uv", "xpol", "ppol", "nir", ...; "white" where it tells none."""
    stem = _plain(_without_copy_mark(folded(photo_stem(name))))
    found = _LAST_WORDS.search(stem)
    if found is None:
        return WHITE
    words = re.split(r"[\s_-]+", found[0].replace("'", ""))
    return _MODES.get("".join(words)) or _MODES.get(words[-1]) or WHITE


def _plain(stem: str) -> str:
    return stem.strip(" _-.")


def _without_copy_mark(stem: str) -> str:
    found = _COPY_MARK.fullmatch(stem) or _COPY_FIRST.fullmatch(stem)
    return _plain(found["name"]) if found else stem


def copies(names: Iterable[str]) -> dict[str, str]:
    """The photos whose names say that they are copies, and of which of the others in the same folder."""
    by_place = {(_folder(name), folded(photo_stem(name))): name for name in names}
    found = {}
    for (folder, stem), name in by_place.items():
        original = by_place.get((folder, _without_copy_mark(stem)))
        if original is not None and original != name:
            found[name] = original
    return found


def _folder(name: str) -> PurePosixPath:
    return PurePosixPath(name).parent


def study_photos(names: Sequence[str], mode: str | None) -> tuple[list[str], dict[str, str]]:
    """The photos of one mode, or all where none is named, without those that are copies by name; and why these are left
    out. Raises TrainingError where there is no photo of the mode."""
    double = copies(names)
    reasons = {name: f"its name says that it is a copy of {of}" for name, of in double.items()}
    kept = [name for name in names if name not in double]
    if mode is None:
        return kept, reasons
    wanted = known_mode(mode)
    chosen = [name for name in kept if mode_of(name) == wanted]
    if not chosen:
        raise TrainingError(f"--mode {mode}: no photograph's name ends so ({modes_told(names)})")
    return chosen, reasons


def refuse_several_modes(names: Iterable[str], mode: str | None) -> None:
    """Raise TrainingError where graded photos are of several modes, or in ultraviolet, and no mode was chosen."""
    names = list(names)
    found = {mode_of(name) for name in names}
    if mode is None and (len(found) > 1 or UV in found):
        raise TrainingError(
            f"the graded photographs are of several modes, or not in white light ({modes_told(names)}): choose one with "
            f"--mode, for example --mode {sorted(found - {UV} or found)[-1]}"
        )


def known_mode(mode: str) -> str:
    """The mode that a word means, as ``mode_of`` names it; raises TrainingError."""
    found = _MODES.get(re.sub(r"[\s_-]", "", mode.casefold()))
    if found is None:
        raise TrainingError(f"--mode {mode}: is none of {', '.join(_WORDS)}")
    return found


def mode_title(mode: str) -> str:
    """A mode in words."""
    return _TITLES[mode] if mode == WHITE else f"{_TITLES.get(mode, mode)} ({mode})"


def modes_remark(names: Sequence[str]) -> list[str]:
    """A line where graded photos are of several modes by their names."""
    if len(set(map(mode_of, names))) < 2:
        return []
    return [f"photographs of several modes ({modes_told(names)}): means by visit and side mix them"]


def modes_told(names: Iterable[str]) -> str:
    """How many photos are of which mode."""
    counts = Counter(map(mode_of, names))
    return ", ".join(f"{mode}: {count}" for mode, count in counts.most_common())


def other_mode(name: str, graded: str) -> str:
    """Why a photo is not graded where those of the mode ``graded`` are; "" of one that is."""
    mode = mode_of(name)
    if mode == graded:
        return ""
    return f"{OTHER_MODE}: {mode_title(mode)} by its name; {mode_title(graded)} is graded"


def mode_notes(name: str, known: str = WHITE) -> tuple[str, ...]:
    """What to note of a photo that is graded although the model is of another mode (``known``)."""
    mode = mode_of(name)
    if mode == known:
        return ()
    return (
        f"{mode_title(mode)} by its name, and the model learnt from {mode_title(known)}: the grade means little",
    )
