"""The pigment features measured on phantoms: what they find, what moves them, for whom they err, what they cost."""
