"""Whether the files of a model folder can be what they say, before a library that trusts its input reads them.

A model comes from elsewhere. Its hash shows damage, not who made it, so whoever changes a file can change the hash as
well: numbers that are not finite, arrays larger than memory and trees that run in a circle are refused here.
"""

from __future__ import annotations

import json
import math
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.blend.interval import DIFFICULTY
from toolkit.booster import check_booster
from toolkit.errors import ModelError
from toolkit.settings import Settings

_MOST_BYTES = 1_000_000_000  # of a file, and of the arrays that it unpacks to
_MOST_JSON = 50_000_000
_MOST_VALUES = 200  # in one setting
_LARGEST, _SMALLEST = 1e9, 1e-12  # of the blend's figures and of its scales: products of others overflow
_POSITIVE = ("px_per_mm", "forehead_mm", "cheek_mm", "chin_mm", "smooth_mm", "fine_background_mm", "background_mm",
             "wide_background_mm", "min_scale_od", "min_deviation_od", "whole_px", "half_px", "detect_width_px", "channels",
             "embedding", "map_gain", "map_clip", "neighbours", "top_per_class", "curve_scale", "curve_power")  # fmt: skip
_TIMES_DEFAULT = 10.0  # what sizes pictures and arrays may be so many times its default
_SIZES = ("px_per_mm", "_mm", "_px", "channels", "embedding", "max_megapixels", "max_bytes")
_HEX = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}|")
_ARRAY_KINDS = "fiuU"  # figures and text


def check_model_files(folder: Path) -> None:
    """Raise ModelError, one line that names the file, where a file of a model cannot be what it should be."""
    for name in ("encoder.npz", "references.npz", "thumbnails.npz"):
        with _named(folder / name):
            _check_arrays(folder / name)
    with _named(folder / "settings.json"):
        _check_settings(read_json(folder / "settings.json"))
    with _named(folder / "blend.json"):
        features = _check_blend(read_json(folder / "blend.json"))
    with _named(folder / "booster.txt"):
        check_booster(_text(folder / "booster.txt"), features)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What a check finds wrong, as one line that names the file."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile,
            NotImplementedError, EOFError, OverflowError, RuntimeError, zlib.error) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{path}: its contents cannot be read ({reason}); restore the model folder or retrain"
        ) from None


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_JSON:
        raise ValueError("it is larger than any model's")
    return path.read_bytes().decode("utf-8")  # as it lies there: LightGBM gives up on other ends of lines


def read_json(path: Path) -> Any:
    """JSON without NaN, and with Infinity as a text for ``_check_blend`` to allow in one place."""
    return json.loads(_text(path), parse_constant=lambda name: name)


def figures_of(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Every number in read JSON, with its place; ValueError on one that is not finite."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from figures_of(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from figures_of(item, where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= sys.float_info.max:  # math.isfinite gives up on whole numbers beyond it
            raise ValueError(f"{where} is not finite")
        yield where, float(value)
    elif value in ("NaN", "Infinity", "-Infinity"):
        raise ValueError(f"{where} is not finite")


def _check_settings(raw: Any) -> None:
    """Every number finite and within what a picture of a face can need; the defaults are the measure."""
    usual: dict[str, float] = {}
    for where, value in figures_of(json.loads(json.dumps(asdict(Settings())))):
        usual[where] = max(usual.get(where, 0.0), abs(value))
    counts: dict[str, int] = {}
    for where, value in figures_of(raw):
        name = where.rpartition(".")[2]
        counts[where] = counts.get(where, 0) + 1
        factor = _TIMES_DEFAULT if name.endswith(_SIZES) else 1000.0
        largest = factor * max(usual.get(where, 1.0), 1.0)
        if abs(value) > largest or counts[where] > _MOST_VALUES or (name in _POSITIVE and value <= 0):
            raise ValueError(f"{where} is {value:g}, out of range")
    factory = raw["index"]["factory"] if "factory" in raw.get("index", {}) else "Flat"
    if factory != "Flat":
        raise ValueError(f"index.factory is {factory!r}: Flat is the only kind supported")
    edges = raw.get("index", {}).get("class_edges", [0, 9])
    if len(edges) < 2 or sorted(set(edges)) != edges or edges[0] < 0 or edges[-1] > 9:
        raise ValueError("index.class_edges do not rise from 0 to 9")


def _check_blend(raw: Any) -> int:
    """Every number finite and in range; returns how many columns there are."""
    columns, told = raw["columns"], dict(raw["interval"])
    far = told.pop("far")
    if far != "Infinity" and not (isinstance(far, int | float) and 0 <= far <= _LARGEST):
        raise ValueError("interval.far is not a distance")
    for where, value in figures_of({**raw, "interval": told, "columns": []}):
        if abs(value) > _LARGEST:
            raise ValueError(f"{where} is {value:g}, out of range")
    if (
        not isinstance(columns, list)
        or not all(isinstance(name, str) for name in columns)
        or len(columns) > 10_000
    ):
        raise ValueError("columns are not names")
    ridge, shares, curve = raw["ridge"], raw["shares"], raw["curve"]
    for name in ("fill", "knee", "centre", "scale", "weights"):
        if len(ridge[name]) != len(columns):
            raise ValueError(f"ridge.{name} are not {len(columns)}")
    lowest = (
        *ridge["knee"],
        *ridge["scale"],
        *told["scale"],
        told["factor"],
        told["usual"],
        curve["scale"],
        curve["power"],
    )
    if min(lowest) < _SMALLEST or curve["power"] > 20 or told["factor"] > 1000 or told["usual"] > 9:
        raise ValueError("a scale, a width or a power is out of range")
    parts = [shares[name] for name in ("curve", "booster", "ridge")]
    if min(parts) < 0 or abs(sum(parts) - 1) > 1e-6:
        raise ValueError("shares do not add up to 1")
    counts = {len(told[name]) for name in ("centre", "scale", "weights")}
    if len(counts) != 1 or max(counts) > len(DIFFICULTY):
        raise ValueError("the interval's figures are not of one number, or of too many")
    return len(columns)


def check_card(card: Mapping[str, Any]) -> None:
    """Raise ValueError where model.json tells what no training does."""
    for _ in figures_of(card):
        pass
    wanted: Sequence[tuple[str, type]] = (
        ("photos", int), ("subjects", int), ("created", str), ("landmarks", str), ("mode", str), ("references", dict),
        ("photographs", list),
    )  # fmt: skip
    held = card.get("reference_photos", {})
    texts = [text for pair in held.values() for text in pair]
    if any(len(pair) != 2 for pair in held.values()) or not all(_HEX.fullmatch(text) for text in texts):
        raise ValueError("reference_photos are not hashes")
    step = card.get("grade_step")
    if step is not None and (not isinstance(step, int | float) or not 0 < step <= 9):
        raise ValueError(f"grade_step is {step!r:.40}")
    for name, kind in wanted:
        if name in card and not isinstance(card[name], kind):
            raise ValueError(f"{name} is {card[name]!r:.40}")
    _check_figures(card.get("figures", {}))
    if "scores" in card:
        _check_scores(card["scores"])


def _check_scores(scores: Any) -> None:
    """Errors on subjects never seen, of the model and by each method, the trivial ones among them; numbers or unknown."""
    whole, methods = scores["all"]["rmse"], scores["methods"]
    errors = [whole["value"], methods["always the mean"]["rmse"], methods["always the commonest"]["rmse"]]
    errors += [one["rmse"] for one in methods.values()]
    if any(type(error) not in (int, float) for error in errors):
        raise ValueError("scores are not numbers")
    if whole["upper"] is not None and type(whole["upper"]) not in (int, float):
        raise ValueError("the interval of the scores is not of numbers")


def _check_figures(kept: Any) -> None:
    """Columns of one length of the training photographs' figures, each a number or unknown, and whose they are."""
    columns = list(kept.values())
    if columns and ("subjects" not in kept or len({len(column) for column in columns}) > 1):
        raise ValueError("figures are not of the same photographs")
    for column in columns:
        if not isinstance(column, list) or not all(
            one is None or type(one) in (int, float) for one in column
        ):
            raise ValueError("figures are not numbers")


def _check_arrays(path: Path) -> None:
    """An .npz whose arrays are figures or text, each as long as it says, all together within memory, all finite."""
    import numpy as np
    from numpy.lib import format as npy

    total = 0
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            with archive.open(part) as file:
                version = npy.read_magic(file)
                header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, kind = header(file)
                size = math.prod(shape) * kind.itemsize
                total += part.file_size
                if kind.kind not in _ARRAY_KINDS or kind.hasobject or size != part.file_size - file.tell():
                    raise ValueError(f"{part.filename} is not an array of figures or text")
            if total > _MOST_BYTES:
                raise ValueError("its arrays are larger than any model's")
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} holds values that are not finite")
