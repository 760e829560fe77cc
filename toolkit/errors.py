"""What a user may be shown: one tree of errors, each a single line that names the file and the fix."""

from __future__ import annotations


class ToolkitError(Exception):
    """Root of every error that this package raises on purpose; its text is one line, fit to print."""


class PhotoError(ToolkitError):
    """A photograph cannot be read (missing, damaged, not an image, too large)."""


class FaceError(ToolkitError):
    """A photograph was read, but holds no usable face or too little skin."""


class GradesError(ToolkitError):
    """A workbook of grades cannot be read, or cannot be joined to the photographs by name."""


class ModelError(ToolkitError):
    """A model folder is missing, damaged, or does not fit the data or this version."""


class TrainingError(ToolkitError):
    """A study cannot be trained on (too few subjects, one grade only, ...)."""


NOT_INSTALLED = "is not installed: run  pip install"


class MissingExtraError(ToolkitError):
    """An optional dependency is not installed; the text names the exact command that mends it."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} {NOT_INSTALLED} 'hyperpigmentation-toolkit[{extra}]'")
        self._made_of = module, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Errors travel between processes, which make them anew from what they were made of."""
        return type(self), self._made_of
