"""LightGBM's text of trees, checked before LightGBM sees it: it follows children and sizes wherever they lead."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_MOST_TREES, _MOST_LEAVES, _LARGEST_LEAF = 20_000, 10_000, 1000.0
_OBJECTIVES = ("huber", "regression", "regression_l1")
_INNER = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
          "internal_value", "internal_weight", "internal_count")  # fmt: skip
_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_TREE_KEYS = {"num_leaves", "num_cat", "is_linear", "shrinkage", *_INNER, *_LEAVES}
_HEAD_KEYS = {"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
              "feature_names", "feature_infos", "tree_sizes"}  # fmt: skip
_PRINTABLE = re.compile(r"[\n\x20-\x7e]*")
_TAIL = re.compile(
    r"end of trees\n\nfeature_importances:\n(?:\w+=\d+\n)*\nparameters:\n(?:\[\w+:[^\n]*\]\n)*\nend of parameters\n"
    r"\npandas_categorical:null\n?"
)


def check_booster(text: str, features: int) -> None:
    """Raise ValueError, which says what is wrong, unless ``text`` is a booster as ``TableBlend`` saves it: one number
    for a row of ``features``, binary trees without categories, every node reached once, every figure finite."""
    if not _PRINTABLE.fullmatch(text):  # LightGBM takes a zero byte for the end, and looks for it for ever
        raise ValueError("it holds characters that are not plain text")
    start = text.find("Tree=")
    end = text.find("end of trees\n")
    if not 0 < start < end or not _TAIL.fullmatch(text[end:]):
        raise ValueError("it does not hold trees from beginning to end")
    head = _pairs(text[:start], _HEAD_KEYS, "tree\n")
    _check_head(head, features)
    sizes = [_whole(size) for size in head["tree_sizes"].split()]
    if len(sizes) > _MOST_TREES or sum(sizes) != end - start or min(sizes) <= 0:
        raise ValueError("its trees are not of the sizes that it tells")
    place = start
    for number, size in enumerate(sizes):
        block, place = text[place : place + size], place + size
        _check_tree(_pairs(block, _TREE_KEYS, f"Tree={number}\n"), features, number)


def _pairs(text: str, keys: set[str], first: str) -> Mapping[str, str]:
    if not text.startswith(first):
        raise ValueError(f"{first.strip()!r} was expected, {text[:20]!r} came")
    lines = [line.partition("=") for line in text[len(first) :].split("\n") if line]
    found = {key: value for key, _, value in lines}
    if len(found) != len(lines) or set(found) != keys or not text.isascii():
        raise ValueError(f"{first.strip()} does not hold the lines that it should")
    return found


def _check_head(head: Mapping[str, str], features: int) -> None:
    wanted = {"version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0",
              "max_feature_idx": str(features - 1)}  # fmt: skip
    for key, value in wanted.items():
        if head[key] != value:
            raise ValueError(f"{key} is {head[key]!r} where {value} was expected")
    if head["objective"] not in _OBJECTIVES:
        raise ValueError(f"its objective is {head['objective'][:20]!r}, which grades nothing")
    for key in ("feature_names", "feature_infos"):
        if len(head[key].split()) != features:
            raise ValueError(f"{key} are not {features}")


def _check_tree(tree: Mapping[str, str], features: int, number: int) -> None:
    leaves = _whole(tree["num_leaves"])
    if not 1 <= leaves <= _MOST_LEAVES or tree["num_cat"] != "0" or tree["is_linear"] != "0":
        raise ValueError(f"tree {number} is of a kind that is not supported")
    figures = {key: [_finite(one) for one in tree[key].split()] for key in (*_INNER, *_LEAVES)}
    if any(len(figures[key]) != leaves - 1 for key in _INNER):
        raise ValueError(f"tree {number} has not {leaves - 1} of everything that splits")
    # A single leaf has a value; its weight and count may be missing.
    if len(figures["leaf_value"]) != leaves or any(len(figures[key]) not in (leaves, 0) for key in _LEAVES):
        raise ValueError(f"tree {number} has not {leaves} leaves")
    if max(map(abs, figures["leaf_value"])) > _LARGEST_LEAF or not 0 <= _finite(tree["shrinkage"]) <= 1:
        raise ValueError(f"tree {number} has a leaf beyond any grade")
    if any(not 0 <= one < features or one % 1 for one in figures["split_feature"]):
        raise ValueError(f"tree {number} splits by a feature that there is not")
    if any(one not in (0, 2, 4, 6, 8, 10) for one in figures["decision_type"]):
        raise ValueError(f"tree {number} decides in a way that is not supported")
    children = [*map(_whole, tree["left_child"].split()), *map(_whole, tree["right_child"].split())]
    _check_children(children, leaves, number)


def _check_children(children: list[int], leaves: int, number: int) -> None:
    """Every inner node but the root, and every leaf, is the child of one node; and all hang together."""
    inner = leaves - 1
    if sorted(children) != [*range(-leaves, 0), *range(1, inner)] and inner:
        raise ValueError(f"tree {number} has nodes that are nobody's child, or two nodes'")
    reached, waiting = 0, [0] if inner else []
    while waiting:
        node = waiting.pop()
        reached += 1
        waiting += [child for child in (children[node], children[inner + node]) if child > 0]
    if reached != inner:
        raise ValueError(f"tree {number} runs in a circle")


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ValueError(f"{text[:20]!r} is not a whole number")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not finite")
    return value
