"""A window in the user's own browser, served on this machine alone: it calls what the commands call, and adds nothing."""

from toolkit.app.serving import serve

__all__ = ["serve"]
