"""What an earlier run left at an output, and what a new run of other photographs would take away from it.

Photographs are known by their content: one that was moved or renamed is the same. A file that was changed where it
lies is graded again, unless most were changed: then it is another set. Any other photograph of the earlier results that
the new run does not name is kept or dropped as the user says, never in silence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.outputs import counted, some_of
from toolkit.photos import content_hash, photo_files
from toolkit.records import PhotoFile
from toolkit.store import InputRow, Store
from toolkit.tables import clean
from toolkit.workbook import read_graded


@dataclass(frozen=True)
class Loss:
    """The earlier photos that a new run does not name, ``lost``, and those whose file was ``changed`` where it lies."""

    lost: tuple[InputRow, ...] = ()
    changed: tuple[InputRow, ...] = ()


def earlier_photos(store: Store, out: Path, append: bool) -> list[InputRow]:
    """The photos that have a grade in the results ``out``; with ``append`` also those of a run that was stopped before
    it wrote them. Where each lies is known from the ``store``, "" where it is not."""
    before = {one.sha256: one for one in store.graded()}
    held = read_graded(out) if out.is_file() else []
    if held is None:
        return list(before.values())
    found = {sha256: before.get(sha256, InputRow(name, "", None, sha256)) for name, sha256 in held}
    return list({**found, **(before if append else {})}.values())


def find_loss(
    earlier: Sequence[InputRow], paths: Sequence[Path], hashes: Sequence[str], append: bool
) -> Loss:
    """What of the ``earlier`` photos a run of the photographs at ``paths`` with these ``hashes`` does not hold. To
    ``append`` keeps what was changed as well."""
    known, named = set(hashes), {Path(os.path.normpath(path.absolute())) for path in paths}
    gone = [one for one in earlier if one.sha256 not in known]
    changed = tuple(one for one in gone if one.path and Path(one.path) in named)
    if append or 2 * len(changed) > len(earlier):
        return Loss(tuple(gone))
    return Loss(tuple(one for one in gone if one not in changed), changed)


def refuse_loss(out: Path, lost: Sequence[InputRow], photos: int) -> None:
    """Raise ToolkitError that says which rows of ``out`` a run of other photographs would drop."""
    names = some_of([one.name for one in lost])
    raise ToolkitError(
        f"{out}: holds grades of {counted(len(lost), 'photo')} not among the {photos} given ({names}): keep them with "
        "--append, drop them with --overwrite, or name another --out"
    )


def refuse_other_photos(table: Path, held: Mapping[str, str], photos: Mapping[str, str]) -> None:
    """Raise ToolkitError where a ``table`` holds photos that are not among ``photos``; both by name, with their SHA-256
    where it is known."""
    names, known = {str(clean(name)) for name in photos}, set(photos.values()) - {""}
    lost = [
        name
        for name, sha256 in held.items()
        if (sha256 not in known if sha256 else str(clean(name)) not in names)
    ]
    if lost:
        raise ToolkitError(
            f"{table}: holds {counted(len(lost), 'photo')} not among the {len(photos)} given ({some_of(lost)}): drop "
            "them with --overwrite, or name another --out"
        )


def after_kept(lost: Sequence[InputRow], new: Sequence[PhotoFile]) -> list[PhotoFile]:
    """The earlier photos that stay, and the new ones after them, renamed where a name would stand twice."""
    kept = photo_files([Path(one.path) for one in lost], [one.name for one in lost])
    taken = {file.name for file in kept}
    files = []
    for file in new:
        name = _free_name(file, taken)
        taken.add(name)
        files.append(replace(file, name=name))
    return [*kept, *files]


def check_kept(
    out: Path, kept: Sequence[InputRow], hints: Sequence[str], store: Store, *, options: str
) -> None:
    """Raise ToolkitError where an earlier photo would have to be graded again but is not where it was; ``hints`` of
    each photo of the run, the ``kept`` ones first, and ``options`` as in ``Store``."""
    for one, hint in zip(kept, hints, strict=False):
        if not store.has(one.sha256, options, hint) and (
            not one.path or content_hash(Path(one.path)) != one.sha256
        ):
            raise ToolkitError(
                f"{out}: nothing can be appended: what is behind the grade of {one.name} is not in {store.path.name} "
                f"for this model, these options and this version, and its file is not {one.path or 'known'}: grade all "
                "photographs in one run, or name another --out"
            )


def _free_name(photo: PhotoFile, taken: set[str]) -> str:
    """The photo's name, after as many of its folders as set it apart."""
    name, depth = photo.name, len(Path(photo.name).parents) - 1  # of its folders that are in the name already
    for folder in [*photo.path.absolute().parents][depth:]:
        if name not in taken:
            return name
        name = f"{folder.name}/{name}"
    raise ToolkitError(f"{photo.path}: an earlier photo has its name, {photo.name}: rename one of them")
