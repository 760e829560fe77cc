"""Forehead, cheeks and chin: windows on the chart at one physical scale, with masks of measurable skin."""

from toolkit.patches.cut import cut_patches, region_window
from toolkit.patches.folder import COLUMNS, MANIFEST, file_stem, load_patches, manifest_photos, save_patches
from toolkit.patches.overlay import draw_overlay

__all__ = [
    "COLUMNS",
    "MANIFEST",
    "cut_patches",
    "draw_overlay",
    "file_stem",
    "load_patches",
    "manifest_photos",
    "region_window",
    "save_patches",
]
