"""Addresses of files: what is a URL, and how it is shown."""

from __future__ import annotations

import re

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/]*)/?(.*)", re.DOTALL)  # two letters: C:// is a drive
_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")


def is_url(text: str) -> bool:
    """Whether an argument is a URL, and no path."""
    return URL.match(text) is not None


def without_password(text: str) -> str:
    """A text without the passwords of URLs in it."""
    return _PASSWORD.sub(r"\1@", text)
