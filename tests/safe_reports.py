"""Reports of tests as text that can travel: pytest-xdist dies of a message that holds half a character (a lone surrogate),
as names of files may that are no text."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """The report that a worker sends, each lone surrogate written as its number: \\udcff."""
    return as_text((yield))


def as_text(told: Any) -> Any:
    """The same lists and dicts with all text such that UTF-8 can hold it."""
    if isinstance(told, str):
        return told.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(told, dict):
        return {as_text(key): as_text(value) for key, value in told.items()}
    return type(told)(map(as_text, told)) if isinstance(told, list | tuple) else told
