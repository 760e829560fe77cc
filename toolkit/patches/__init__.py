"""Forehead, cheeks and chin cut from a photograph at one physical scale, with masks of measurable skin."""

from toolkit.patches.cut import cut_patches
from toolkit.patches.overlay import draw_overlay
from toolkit.patches.store import COLUMNS, MANIFEST, load_patches, manifest_photos, save_patches

__all__ = [
    "COLUMNS",
    "MANIFEST",
    "cut_patches",
    "draw_overlay",
    "load_patches",
    "manifest_photos",
    "save_patches",
]
