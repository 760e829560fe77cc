"""What an earlier run left at an output, and what a new run of other photographs would take away from it.

Photographs are known by their content: one that was moved or renamed is the same. A file that was changed where it
lies is graded anew; any other photograph of the earlier run that the new one does not name is kept or dropped as the
user says, never in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.images import file_sha256
from toolkit.outputs import some_of
from toolkit.store import Input, InputRow, Store
from toolkit.workbook import read_inputs


def earlier_photos(store: Store, out: Path) -> list[InputRow]:
    """The graded photos of the run before: from its ``store``, or from the results ``out`` where that was deleted."""
    known = store.graded()
    if known or not store.is_empty or not out.is_file():
        return known
    return [InputRow(name, "", None, sha256) for name, sha256 in read_inputs(out)]


def left_out(earlier: Sequence[InputRow], paths: Sequence[Path], hashes: Sequence[str]) -> list[InputRow]:
    """Those of the ``earlier`` photos that are not among the photographs at ``paths`` with these ``hashes``."""
    known, named = set(hashes), {path.absolute() for path in paths}
    return [
        one
        for one in earlier
        if one.sha256 not in known and not (one.path and Path(one.path).absolute() in named)
    ]


def refuse_loss(out: Path, lost: Sequence[InputRow], photos: int) -> None:
    """Raise ToolkitError that says which rows of ``out`` a run of other photographs would drop."""
    names = some_of([one.name for one in lost])
    raise ToolkitError(
        f"{out}: holds grades of {len(lost)} photos that are not among these {photos} ({names}): keep them with "
        "--append, drop them with --overwrite, or name another --out"
    )


def kept_inputs(
    out: Path,
    lost: Sequence[InputRow],
    new: Sequence[Input],
    store: Store,
    hint: Callable[[str], str],
    options: str,
) -> tuple[list[Input], list[Input]]:
    """The earlier photos that stay and the new ones after them, as (kept, renamed new): no name stands twice.

    ``hint`` of a name, ``options`` of this run as in ``Store``. Raises ToolkitError where an earlier photo would have
    to be graded anew but is not where it was.
    """
    if store.is_empty:
        raise ToolkitError(
            f"{out}: {store.path.name}, which holds what is behind its grades, is missing: nothing can be appended; "
            "name another --out"
        )
    kept = [Input(one.name, Path(one.path), hint(one.name)) for one in lost]
    for one, photo in zip(lost, kept, strict=True):
        if not store.has(one.sha256, options, photo.hint) and _hash_of(photo.path) != one.sha256:
            raise ToolkitError(
                f"{out}: {one.name} was graded with another model, option or version, and is no longer at {one.path}: "
                "grade all photographs in one run, or name another --out"
            )
    taken = {photo.name for photo in kept}
    renamed = []
    for photo in new:
        name = _free_name(photo, taken)
        taken.add(name)
        renamed.append(photo if name == photo.name else Input(name, photo.path, hint(name)))
    return kept, renamed


def _hash_of(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""


def _free_name(photo: Input, taken: set[str]) -> str:
    """The photo's name, after as many of its folders as set it apart."""
    name = photo.name
    for folder in Path(photo.path).absolute().parents:
        if name not in taken:
            return name
        name = f"{folder.name}/{name}"
    raise ToolkitError(f"{photo.path}: an earlier photo has its name, {photo.name}: rename one of them")
